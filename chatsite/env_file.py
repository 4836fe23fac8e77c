"""The `.env` file: lines of NAME=value, for settings that should outlive a shell. Read by manage.py."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


def load_env_file(path: Path, variables: MutableMapping[str, str]) -> None:
    """Adds what the file sets; what is set already stays. No file is an empty file.

    A value may be in single or double quotes; nothing in it is expanded. Without quotes, " #" begins a comment, as for
    Docker Compose. Raises ValueError, naming the line, if one
    is no setting, and OSError if the file cannot be read.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"{path}, line {number}: this is not NAME=value.")
        variables.setdefault(match[1], _unquoted(match[2]))


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return re.split(r"(?:^|\s+)#", value, maxsplit=1)[0]
