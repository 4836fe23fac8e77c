"""The `.env` file: lines of NAME=value, for settings that outlast a shell. Read by manage.py."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
# A quoted value, optionally followed by a comment.
QUOTED: Final = re.compile(r"""(["'])(.*?)\1\s*(?:#.*)?""")


def load_env_file(path: Path, variables: MutableMapping[str, str]) -> None:
    """Add the file's settings; variables that are already set take precedence. The file need not exist.

    A value may be in single or double quotes; nothing in it is expanded. As in Docker Compose, a comment may follow
    " #" or the closing quote. A byte order mark is skipped. Raises ValueError, with the line number, if a line is not
    a setting, or if the file is not UTF-8; OSError if it cannot be read.
    """
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text. Save it in that encoding.") from error
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"{path}, line {number}: expected NAME=value.")
        variables.setdefault(match[1], _unquoted(match[2]))


def _unquoted(value: str) -> str:
    if quoted := QUOTED.fullmatch(value):
        return quoted[2]
    return re.split(r"(?:^|\s+)#", value, maxsplit=1)[0]
