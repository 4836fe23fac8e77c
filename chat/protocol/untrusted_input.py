"""Makes JSON and text from outside safe to store and to send on."""

from __future__ import annotations

import json
import math
import re
import uuid
from typing import Any, Final

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
# The largest PostgreSQL integer; far below 2^53, beyond which JavaScript's numbers are not exact.
LARGEST_COUNT: Final = 2**31 - 1
# Far below the thousand levels at which encoders and decoders give up.
DEPTH: Final = 64
# Python writes no integer of more than 4,300 digits.
INTEGER_BITS: Final = 1000
# With or without dashes, case-insensitive.
UUID_PATTERN: Final = "(?:[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{32})"
# PostgreSQL cannot store NUL, and no database or UTF-8 encoder accepts an unpaired surrogate.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_UUID = re.compile(UUID_PATTERN)


class BadJson(ValueError):
    """Not a JSON object. The message tells the sender why."""


def loads(raw: str | bytes) -> dict[str, Any]:
    """Parse a JSON object from an untrusted sender. Raises only BadJson."""
    try:
        data = _decoder.decode(raw) if isinstance(raw, str) else json.loads(raw, parse_constant=_refuse_constant)
    except RecursionError:
        raise BadJson("The JSON is nested too deeply.") from None
    except ValueError as error:
        raise BadJson(f"This is not JSON: {_reason(error)}.") from error
    if not isinstance(data, dict):
        raise BadJson("A JSON object is expected.")
    return data


def clean(text: str) -> str:
    """The text with pairs of surrogates joined, and each NUL and unpaired surrogate replaced by U+FFFD."""
    if _UNSTORABLE.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", REPLACEMENT)


def storable(value: Any, *, depth: int = DEPTH) -> Any:
    """The same JSON without what a database or an encoder rejects.

    Texts are cleaned (see `clean`). Numbers that are not finite or have hundreds of digits, and values nested deeper
    than `depth`, become null.
    """
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if value.bit_length() <= INTEGER_BITS else None
    if isinstance(value, dict):
        return {clean(name): storable(each, depth=depth - 1) for name, each in value.items()} if depth else None
    if isinstance(value, list | tuple):
        return [storable(each, depth=depth - 1) for each in value] if depth else None
    return value


def is_deep(value: Any, *, depth: int = DEPTH) -> bool:
    """Whether JSON is nested deeper than this. Does not recurse."""
    level = [value]
    for _ in range(depth + 1):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list | tuple)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True


def count(value: object) -> int | None:
    """A number from outside as a count that every database can store: rounded down and clamped to 0 to 2^31 - 1.

    None for anything else, including NaN, booleans and text.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    return int(min(max(value, 0), LARGEST_COUNT))


def parse_uuid(value: object) -> str | None:
    """The canonical form of a UUID in any form that UUID_PATTERN allows; None for anything else."""
    return str(uuid.UUID(value)) if isinstance(value, str) and _UUID.fullmatch(value) else None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return str(error).split(";")[0]
