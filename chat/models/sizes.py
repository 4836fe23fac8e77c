"""The sizes of messages, without reading their texts."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, Final

from django.db.models import Func, IntegerField, OuterRef, QuerySet, Subquery, Sum, TextField
from django.db.models.functions import Cast, Coalesce

from chat.models.part import Part

# Limit for all texts on one page, in bytes of UTF-8: the page's JSON is built, sent and parsed in one piece.
PAGE_BYTES: Final = 256 * 1024
# Sizes per query. Small, because SQLite reads a text to measure it.
BATCH: Final = 50


class Bytes(Func):
    """The length of a text in bytes of UTF-8. PostgreSQL does not read the text for it."""

    function = "OCTET_LENGTH"
    arity = 1
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **context)


def fitting(messages: QuerySet[Any], *sides: Sequence[uuid.UUID], size: int) -> list[list[uuid.UUID]]:
    """The longest beginnings of the sides that together fit into `size` bytes. The sides take turns.

    The first message of the first side is always included, however large. Raises KeyError for an id that is not among
    the messages.
    """
    order = [(side, each) for row in zip_longest(*sides) for side, each in enumerate(row) if each is not None]
    kept: list[list[uuid.UUID]] = [[] for _ in sides]
    full: set[int] = set()
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        sizes = _sizes(messages, [each for _, each in batch])
        for side, each in batch:
            if sizes[each] > size and each != order[0][1]:
                full.add(side)
            if side not in full:
                size -= sizes[each]
                kept[side].append(each)
        if len(full) == len(sides):
            break
    return kept


def _sizes(messages: QuerySet[Any], ids: list[uuid.UUID]) -> dict[uuid.UUID, int]:
    """The bytes of each message, with its parts."""
    of_parts = Part.objects.filter(message_id=OuterRef("pk")).order_by().values("message_id")
    of_parts = of_parts.annotate(size=Sum(Bytes("text") + Bytes(Cast("payload", TextField()))))
    size = Bytes("text") + Coalesce(Subquery(of_parts.values("size")), 0)
    return dict(messages.filter(pk__in=ids).values_list("pk", size))
