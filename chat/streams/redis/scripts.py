"""The log's Lua scripts. Each is atomic and idempotent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chat.streams.redis import keys

LOST: Final = -1
FENCED: Final = -2
NO_ROOM: Final = -3

_DIRECTORY: Final = Path(__file__).parent / "lua"
_COMMON: Final = "common"


@dataclass(frozen=True, slots=True)
class Script:
    text: bytes
    sha: bytes


def load(constants: Mapping[str, int]) -> dict[str, Script]:
    """All scripts by name. The constants are compiled in, so that calls need not send them."""
    known = "\n".join(f"local {name} = {value:d}" for name, value in constants.items())
    common = f"{keys.lua()}\n{known}\n{(_DIRECTORY / f'{_COMMON}.lua').read_text('utf-8')}\n"
    paths = [path for path in _DIRECTORY.glob("*.lua") if path.stem != _COMMON]
    return {path.stem: _script(common + path.read_text("utf-8")) for path in paths}


def _script(text: str) -> Script:
    encoded = text.encode()
    return Script(encoded, hashlib.sha1(encoded, usedforsecurity=False).hexdigest().encode())
