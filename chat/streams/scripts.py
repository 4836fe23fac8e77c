"""The log's Lua scripts. Each is atomic, and does nothing new when it is called again with the same arguments."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chat.streams import keys

LOST: Final = -1
FENCED: Final = -2

_DIRECTORY: Final = Path(__file__).parent / "lua"
_COMMON: Final = "common"


@dataclass(frozen=True, slots=True)
class Script:
    text: bytes
    sha: bytes


def load() -> dict[str, Script]:
    """Every script by its name."""
    common = f"{keys.lua()}\n{(_DIRECTORY / f'{_COMMON}.lua').read_text('utf-8')}\n"
    paths = [path for path in _DIRECTORY.glob("*.lua") if path.stem != _COMMON]
    return {path.stem: _script(common + path.read_text("utf-8")) for path in paths}


def _script(text: str) -> Script:
    encoded = text.encode()
    return Script(encoded, hashlib.sha1(encoded, usedforsecurity=False).hexdigest().encode())
