"""Branches of a conversation. A branch is the path from a leaf up to a root; other messages are not read.

A page costs the same for long conversations as for short ones: the database walks the tree, and only the shown
messages are loaded. Long messages do not change that: a stretch has at most `size` messages and at most `room` bytes
of text, or a single message.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.models import Exists, OuterRef, Q
from django.db.models.expressions import RawSQL

from chat.models.conversation import Conversation
from chat.models.message import Message
from chat.models.prepared import A_NUMBER, AN_ID, ANOTHER_ID, Prepared, adapted
from chat.models.sizes import PAGE_BYTES, fitting

_UP_UNORDERED: Final = """
WITH RECURSIVE branch(id, parent_id, depth) AS (
    SELECT id, parent_id, 1 FROM chat_message WHERE id = %s
    UNION ALL
    SELECT above.id, above.parent_id, branch.depth + 1
    FROM branch JOIN chat_message above ON above.id = branch.parent_id
    WHERE branch.depth < %s
)
SELECT id FROM branch
"""
_UP: Final = f"{_UP_UNORDERED} ORDER BY depth"

_DOWN: Final = """
WITH RECURSIVE branch(id, parent_id, depth) AS (
    SELECT id, parent_id, 1 FROM chat_message WHERE id = %s
    UNION ALL
    SELECT above.id, above.parent_id, branch.depth + 1
    FROM branch JOIN chat_message above ON above.id = branch.parent_id
    WHERE branch.id <> %s
)
SELECT id FROM branch ORDER BY depth DESC LIMIT %s
"""

_NEWEST_LEAF: Final = """
WITH RECURSIVE below(id) AS (
    SELECT id FROM chat_message WHERE id = %s
    UNION ALL
    SELECT child.id FROM below JOIN chat_message child ON child.parent_id = below.id
)
SELECT leaf.id FROM below JOIN chat_message leaf ON leaf.id = below.id
WHERE leaf.role = 'assistant' AND NOT EXISTS (SELECT 1 FROM chat_message child WHERE child.parent_id = leaf.id)
ORDER BY leaf.created_at DESC, leaf.id DESC LIMIT 1
"""


_WAY_UP: Final = Prepared(
    lambda conversation_id, message_id, limit: Message.objects.filter(
        # The parameters are bound, not interpolated.
        conversation_id=conversation_id,
        pk__in=RawSQL(_UP_UNORDERED, [adapted(message_id), limit]),  # noqa: S611
    ),
    AN_ID,
    ANOTHER_ID,
    A_NUMBER,
)


class NotOnBranch(LookupError):
    """The message is not on the branch, or not in the conversation."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive messages of the branch that ends at `leaf_id`, newest first.

    `has_newer`: whether the branch continues below the first. `older_id`: the message above the last, if any. Both
    also cover messages that are left out because they did not fit.
    """

    leaf_id: uuid.UUID
    messages: list[Message]
    has_newer: bool
    older_id: uuid.UUID | None


def up_from(message_id: uuid.UUID, *, limit: int) -> list[uuid.UUID]:
    """The ids of the message and its ancestors, at most `limit`. Empty if there is no such message."""
    return _ids(_UP, message_id, limit)


def messages_up_from(conversation: Conversation, message_id: uuid.UUID, *, limit: int) -> list[Message]:
    """The message and its ancestors in this conversation, newest first, at most `limit`."""
    found = {message.pk: message for message in _WAY_UP.all(conversation.pk, message_id, limit)}
    way = []
    following: uuid.UUID | None = message_id
    while following in found:
        message = found.pop(following)
        way.append(message)
        following = message.parent_id
    return way


def newest_leaf(message_id: uuid.UUID) -> uuid.UUID | None:
    """The newest leaf of all branches through this message; None if there is none."""
    return next(iter(_ids(_NEWEST_LEAF, message_id)), None)


def older(
    conversation: Conversation, leaf_id: uuid.UUID, first_id: uuid.UUID, *, size: int, room: int = PAGE_BYTES
) -> Stretch:
    """The stretch from `first_id` upwards. Raises NotOnBranch for a message of another conversation."""
    ids = up_from(first_id, limit=size + 1)
    [shown] = _fitting(conversation, ids[:size], room=room)
    return _stretch(conversation, leaf_id, shown, above=ids[len(shown) :])


def newer(
    conversation: Conversation, leaf_id: uuid.UUID, above_id: uuid.UUID, *, size: int, room: int = PAGE_BYTES
) -> Stretch:
    """The stretch directly below `above_id`. Raises NotOnBranch."""
    ids = _below(leaf_id, above_id, limit=size)
    if not ids:
        # With no message below, this is the only check that `above_id` is in this conversation.
        _fitting(conversation, [above_id], room=room)
        return Stretch(leaf_id=leaf_id, messages=[], has_newer=False, older_id=above_id)
    [shown] = _fitting(conversation, ids[::-1], room=room)
    return _stretch(conversation, leaf_id, shown[::-1], above=[above_id])


def around(conversation: Conversation, message_id: uuid.UUID, *, size: int, room: int = PAGE_BYTES) -> Stretch:
    """The stretch around this message, on the active branch if the message is on it, else on the newest one below it.

    Raises NotOnBranch for a message of another conversation.
    """
    leaf_id, ids = _way_down(conversation, message_id, limit=size // 2)
    most = size - len(ids)
    up = up_from(message_id, limit=most + 1)
    above, below = _fitting(conversation, up[:most], ids[::-1], room=room)
    return _stretch(conversation, leaf_id, [*below[::-1], *above], above=up[len(above) :])


def siblings(conversation: Conversation, messages: Iterable[Message]) -> dict[uuid.UUID, list[uuid.UUID]]:
    """For each message, the ids of all messages with its parent and role, oldest first.

    Without those that waited for a person, once another one has gone on from there.
    """
    shown = list(messages)
    parents = {message.parent_id for message in shown}
    beside = Q(parent_id__in=parents - {None})
    if None in parents:
        beside |= Q(parent_id=None, conversation=conversation)
    found: dict[tuple[Any, str], list[uuid.UUID]] = {}
    shown_again = Q(status=Message.Status.WAITING) & Exists(Message.objects.filter(continues=OuterRef("pk")))
    rows = Message.objects.filter(beside).exclude(shown_again).order_by("created_at", "pk")
    for pk, parent_id, role in rows.values_list("pk", "parent_id", "role"):
        found.setdefault((parent_id, role), []).append(pk)
    return {message.pk: found[message.parent_id, message.role] for message in shown}


def _way_down(conversation: Conversation, message_id: uuid.UUID, *, limit: int) -> tuple[uuid.UUID, list[uuid.UUID]]:
    """The leaf of the branch on which to show this message, and the messages directly below it, newest first."""
    if conversation.active_leaf_id is not None:
        try:
            return conversation.active_leaf_id, _below(conversation.active_leaf_id, message_id, limit=limit)
        except NotOnBranch:
            """It is on another branch."""
    leaf_id = newest_leaf(message_id)
    if leaf_id is None:
        raise NotOnBranch(message_id)
    return leaf_id, _below(leaf_id, message_id, limit=limit)


def _below(leaf_id: uuid.UUID, above_id: uuid.UUID, *, limit: int) -> list[uuid.UUID]:
    """The first `limit` messages below `above_id` on the path to the leaf, newest first. Raises NotOnBranch."""
    ids = _ids(_DOWN, leaf_id, above_id, limit + 1)
    if not ids or ids[0] != above_id:
        raise NotOnBranch(above_id)
    return ids[:0:-1]


def _fitting(conversation: Conversation, *sides: list[uuid.UUID], room: int) -> list[list[uuid.UUID]]:
    """Like `fitting`, for messages of this conversation. Raises NotOnBranch for others."""
    try:
        if not sides[0]:
            raise KeyError("no such message")
        return fitting(conversation.messages.all(), *sides, size=room)
    except KeyError:
        raise NotOnBranch("a message of another conversation") from None


def _stretch(
    conversation: Conversation, leaf_id: uuid.UUID, shown: list[uuid.UUID], *, above: list[uuid.UUID]
) -> Stretch:
    messages = (
        conversation.messages.select_related("assistant")
        .prefetch_related("parts")
        .defer("assistant__instructions")
        .in_bulk(shown)
    )
    if any(each not in messages for each in shown):
        raise NotOnBranch("a message that was just deleted")
    return Stretch(
        leaf_id=leaf_id,
        messages=[messages[each] for each in shown],
        has_newer=shown[0] != leaf_id,
        older_id=above[0] if above else None,
    )


def _ids(sql: str, *parameters: uuid.UUID | int) -> list[uuid.UUID]:
    values = [adapted(each) if isinstance(each, uuid.UUID) else each for each in parameters]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [each if isinstance(each, uuid.UUID) else uuid.UUID(each) for (each,) in cursor.fetchall()]
