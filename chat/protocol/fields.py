"""Types of JSON values, with JSON Schema (2020-12) keywords in `Meta`, where msgspec reads them.

To a type checker they are plain `str` and `int`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from msgspec import Meta

from chat.protocol.cursors import CURSOR_PATTERN
from chat.protocol.untrusted_input import UUID_PATTERN

# Text for people must have more than white space.
NOT_BLANK: Final = r"\S"


def says(description: str, **keywords: Any) -> Meta:
    """A field's description and other JSON Schema keywords. They only document: reading does not check them."""
    return Meta(description=description, extra_json_schema=keywords or None)


def one_of(*values: str) -> Meta:
    """One of these strings. Like `says`, it is not checked."""
    return Meta(extra_json_schema={"enum": list(values)})


Id = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
Time = Annotated[
    str,
    Meta(
        extra_json_schema={
            "format": "date-time",
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$",
            "examples": ["2026-11-29T12:00:00.000000+00:00"],
        }
    ),
]
Address = Annotated[str, Meta(extra_json_schema={"format": "uri-reference"})]
Count = Annotated[int, Meta(extra_json_schema={"minimum": 0})]
Milliseconds = Count
RunCursor = Annotated[str, Meta(extra_json_schema={"format": "run-cursor", "pattern": f"^{CURSOR_PATTERN}$"})]
RunCursorOrEmpty = Annotated[
    str, Meta(extra_json_schema={"format": "run-cursor", "pattern": f"^({CURSOR_PATTERN})?$"})
]
RunCursors = Annotated[
    str,
    Meta(
        extra_json_schema={
            "format": "run-cursors",
            "pattern": f"^({UUID_PATTERN}:{CURSOR_PATTERN}(,{UUID_PATTERN}:{CURSOR_PATTERN})*)?$",
        }
    ),
]
PageCursor = Annotated[str, Meta(extra_json_schema={"format": "page-cursor", "pattern": "^[A-Za-z0-9_-]*$"})]
