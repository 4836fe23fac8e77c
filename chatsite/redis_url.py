"""Redis URLs whose password is in a file, like `passfile` in PostgreSQL's."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

PARAMETER: Final = "password_file"


class BadRedisUrl(ValueError):
    pass


def with_password(url: str) -> str:
    """Resolve `redis://host:6379/0?password_file=/path` to a URL with that password; return others unchanged.

    Raises BadRedisUrl if the file cannot be read or is empty, or if the URL also has a password.
    """
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    paths = [value for name, value in query if name == PARAMETER]
    if not paths:
        return url
    if parts.password:
        raise BadRedisUrl("the URL already has a password")
    try:
        password = Path(paths[-1]).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadRedisUrl(getattr(error, "strerror", None) or "not a text file") from error
    if not password:
        raise BadRedisUrl("the file is empty")
    user, _, host = parts.netloc.rpartition("@")
    netloc = f"{user.rstrip(':')}:{quote(password, safe='')}@{host}"
    rest = urlencode([(name, value) for name, value in query if name != PARAMETER])
    return urlunsplit(parts._replace(netloc=netloc, query=rest))
