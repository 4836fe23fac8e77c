"""The `.env` file: lines of NAME=value, for settings that should outlive a shell. Read by manage.py."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
# The shortest text in quotes after which only a comment may follow.
QUOTED: Final = re.compile(r"""(["'])(.*?)\1\s*(?:#.*)?""")


def load_env_file(path: Path, variables: MutableMapping[str, str]) -> None:
    """Adds what the file sets; what is set already stays. No file is an empty file.

    A value may be in single or double quotes; nothing in it is expanded. A comment may follow the value, as for Docker
    Compose: after " #", or after the closing quote. Some editors begin the file with a byte order mark. Raises
    ValueError, naming the line, if one is no setting, or if the file is not UTF-8; OSError if it cannot be read.
    """
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text. Save it again with that encoding.") from error
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"{path}, line {number}: this is not NAME=value.")
        variables.setdefault(match[1], _unquoted(match[2]))


def _unquoted(value: str) -> str:
    if quoted := QUOTED.fullmatch(value):
        return quoted[2]
    return re.split(r"(?:^|\s+)#", value, maxsplit=1)[0]
