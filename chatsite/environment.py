"""Settings from environment variables. Invalid values are collected, not raised; a system check reports them all."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import SplitResult, urlsplit

T = TypeVar("T")

TRUE: Final = frozenset({"1", "true", "yes", "on"})
FALSE: Final = frozenset({"0", "false", "no", "off"})
HTTP: Final = ("http", "https")
# Each may be in a file named by NAME_FILE: Docker, Kubernetes and systemd provide secrets this way.
SECRETS: Final = frozenset(
    {
        "SECRET_KEY",
        "DATABASE_URL",
        "REDIS_URL",
        "EMAIL_URL",
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "CHAT_METRICS_TOKEN",
        "CHAT_SECRETS_KEY",
    }
)
# Printable ASCII without spaces: safe in an Authorization header (RFC 6750).
KEY: Final = re.compile("[!-~]+")
HOST: Final = re.compile(r"[^\s/?#@\\:%<>\"^`{|}\[\]]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """An invalid setting. Its default is used until the system check stops the startup."""

    name: str
    message: str
    hint: str


@dataclass(slots=True)
class Environment:
    """Reads variables. An empty variable counts as unset, like `NAME=` in a `.env` file.

    Each of SECRETS may be in the file named by NAME_FILE; setting both is a problem. Without either, NAME_DEFAULT
    applies: Compose sets it for the services that it provides.
    """

    variables: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def text(self, name: str, default: str = "") -> str:
        value = self._variable(name)
        if name in SECRETS:
            value = self._secret(name, value) or self._variable(f"{name}_DEFAULT")
        return value or default

    def _variable(self, name: str) -> str:
        return self.variables.get(name, "").strip()

    def _secret(self, name: str, value: str) -> str:
        path = self._variable(f"{name}_FILE")
        if not path:
            return value
        if value:
            # Ambiguous: whichever took precedence, changing the other would have no effect.
            self.problem(name, f"{name} and {name}_FILE are both set.", "Unset one of them.")
            return ""
        hint = f"Set it to the path of a text file that contains only the value, or set {name} itself."
        try:
            secret = Path(os.path.expanduser(path)).read_text("utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not a text file"
            return self._refuse(f"{name}_FILE", f"cannot be read ({path}: {reason})", hint, "")
        return secret or self._refuse(f"{name}_FILE", f"names an empty file ({path})", hint, "")

    def flag(self, name: str, default: bool) -> bool:
        value = self.text(name).lower()
        if not value:
            return default
        if value in TRUE | FALSE:
            return value in TRUE
        return self._refuse(name, "is neither on nor off", f"Set {name}=1 or {name}=0.", default)

    def integer(self, name: str, default: int, *, minimum: int = 0, maximum: int | None = None) -> int:
        value = self.text(name)
        if not value:
            return default
        limits = f"from {minimum}" + (f" to {maximum}" if maximum is not None else " upwards")
        try:
            number = int(value)
        except ValueError:
            return self._refuse(name, "is not a whole number", f"Set {name} to a number {limits}.", default)
        if number < minimum or (maximum is not None and number > maximum):
            return self._refuse(name, "is out of range", f"Set {name} to a number {limits}.", default)
        return number

    def number(self, name: str, default: float, *, minimum: float = 0.0) -> float:
        value = self.text(name)
        if not value:
            return default
        hint = f"Set {name} to a number from {minimum:g} upwards."
        try:
            number = float(value)
        except ValueError:
            return self._refuse(name, "is not a number", hint, default)
        if not minimum <= number < float("inf"):
            return self._refuse(name, "is out of range", hint, default)
        return number

    def words(self, name: str, default: list[str]) -> list[str]:
        """Words separated by commas or spaces."""
        return self.text(name).replace(",", " ").split() or default

    def choice(self, name: str, default: str, choices: list[str]) -> str:
        value = self.text(name, default)
        if value in choices:
            return value
        return self._refuse(name, "is not one of the choices", f"Set {name} to one of: {', '.join(choices)}.", default)

    def url(self, name: str, schemes: tuple[str, ...]) -> str:
        value = self.text(name)
        if not value or value.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            return value
        *others, last = (f"{scheme}://" for scheme in schemes)
        named = f"{', '.join(others)} or {last}" if others else last
        return self._refuse(name, "is not a valid URL", f"It must start with {named}.", "")

    def server(self, name: str) -> str:
        """The base URL of a server: http or https, a host, optionally a port and a path, and nothing else.

        Error messages do not quote an invalid URL, as it may contain a password.
        """
        value = self.url(name, HTTP)
        if not value:
            return ""
        example = f"Example: {name}=http://127.0.0.1:8080/v1."
        if not value.isprintable() or " " in value:
            return self._refuse(name, "contains spaces or characters that are invalid in a URL", example, "")
        try:
            parts = urlsplit(value)
            port = parts.port
        except ValueError:
            hint = "A port is a number from 1 to 65535; an IPv6 address needs brackets: http://[::1]:8080."
            return self._refuse(name, "has an invalid host or port", hint, "")
        if "@" in parts.netloc:
            hint = "Remove everything before the @."
            if name.endswith("_BASE_URL"):
                hint += f" A key belongs in {name.removesuffix('_BASE_URL')}_API_KEY."
            return self._refuse(name, "contains a user name or a password", hint, "")
        if "?" in value or "#" in value:
            return self._refuse(name, "has a query or a fragment", "Remove ? or # and everything after it.", "")
        if port == 0 or not _is_host(parts):
            hint = f"{example} An IPv6 address needs brackets: http://[::1]:8080."
            return self._refuse(name, "has an invalid host or port", hint, "")
        return value

    def key(self, name: str) -> str:
        """A key that is sent in a header. Error messages do not quote it."""
        value = self.text(name)
        if not value or KEY.fullmatch(value):
            return value
        hint = f"Copy {name} again: only printable ASCII characters, no spaces and no quotes around it."
        return self._refuse(name, "contains characters that are invalid in an HTTP header", hint, "")

    def name(self, name: str, *, longest: int) -> str:
        """One line of at most `longest` characters."""
        value = self.text(name)
        if len(value) <= longest and value.isprintable():
            return value
        return self._refuse(name, "is not a valid name", f"Use one line of at most {longest} characters.", "")

    def refuse(self, name: str, message: str, hint: str) -> None:
        """Like `problem`, with the setting as the subject of the sentence."""
        self.problem(name, f"{name} {message}.", hint)

    def problem(self, name: str, message: str, hint: str) -> None:
        """Record a problem, once, however often the setting is read."""
        problem = Problem(name, message, hint)
        if problem not in self.problems:
            self.problems.append(problem)

    def _refuse(self, name: str, message: str, hint: str, default: T) -> T:
        self.refuse(name, message, hint)
        return default


def _is_host(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if parts.netloc.startswith("["):
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            return False
        return True
    try:
        return bool(HOST.fullmatch(host)) and bool(host.encode("idna"))
    except UnicodeError:
        return False
