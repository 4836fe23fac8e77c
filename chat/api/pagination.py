"""Cursor pagination, newest first: stable while new rows arrive, and as fast on the last page as on the first."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet

from chat.api.calls import Parameter, query
from chat.protocol.errors import ApiError
from chat.protocol.fields import PageCursor
from chat.protocol.untrusted_input import parse_uuid

SIZE: Final = 50
LARGEST: Final = 200


def limit(usual: int) -> Parameter:
    kind = {"type": "integer", "minimum": 1, "maximum": LARGEST, "default": usual}
    return query("limit", kind, "How many there are on a page.")


PAGE: Final = query("cursor", PageCursor, "The `next` of the page before. If it is omitted, the first page.")
PAGING: Final = [PAGE, limit(SIZE)]
UNPAGED: Final = ("bad_request", "bad_cursor")
"""The errors of a call with pages."""


def page_size(text: str, *, usual: int = SIZE) -> int:
    if not text:
        return usual
    size = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    if not 1 <= size <= LARGEST:
        raise ApiError("bad_request", f"limit is a number from 1 to {LARGEST}.")
    return size


def page(rows: QuerySet[Any], cursor: str, *, by: str, size: int) -> tuple[Sequence[Any], str | None]:
    """The rows after the cursor, ordered by a time and then by id, and the next cursor, or None at the end."""
    rows = rows.order_by(f"-{by}", "-pk")
    if cursor:
        moment, pk = place_of(cursor)
        rows = rows.filter(Q(**{f"{by}__lt": moment}) | Q(**{by: moment, "pk__lt": pk}))
    found = list(rows[: size + 1])
    more = len(found) > size
    found = found[:size]
    return found, cursor_at(getattr(found[-1], by), found[-1].pk) if more else None


def cursor_at(moment: datetime, pk: UUID) -> str:
    return base64.urlsafe_b64encode(f"{moment.isoformat()} {pk}".encode()).decode().rstrip("=")


def place_of(cursor: str) -> tuple[datetime, str]:
    """The time and id encoded in a cursor. Raises ApiError bad_cursor."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        moment, _, pk = text.partition(" ")
        parsed, known = datetime.fromisoformat(moment), parse_uuid(pk)
        if known is None or parsed.tzinfo is None:
            raise ValueError("no id, or no time zone")
        parsed = parsed.astimezone(UTC)
    except (ValueError, OverflowError, binascii.Error) as error:
        raise ApiError("bad_cursor", "cursor must be the `next` of an earlier page.") from error
    return parsed, known
