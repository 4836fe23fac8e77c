"""Notices: sent to all connected clients of a user at once (docs/protocol.md)."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypedDict

from chat.protocol.event_data import STATUSES
from chat.protocol.fields import Id, RunCursor, one_of, says
from chat.protocol.objects import Conversation


class _OfRun(TypedDict):
    run_id: Id
    conversation_id: Id


class RunStarted(_OfRun):
    """A run has begun, perhaps in another tab."""

    kind: Literal["run_started"]
    client_message_id: Id
    title: str
    cursor: RunCursor


class RunEnded(_OfRun):
    """A run has ended."""

    kind: Literal["run_ended"]
    status: Annotated[str, one_of(*STATUSES, "error")]


class RunDismissed(_OfRun):
    """A failed run and its question were dismissed."""

    kind: Literal["run_dismissed"]


class ConversationCreated(TypedDict):
    """A conversation has its first answer."""

    kind: Literal["conversation_created"]
    conversation: Conversation


class ConversationRenamed(TypedDict):
    """A conversation was renamed."""

    kind: Literal["conversation_renamed"]
    conversation: Conversation


class ConversationChanged(TypedDict):
    """Something else about it has changed: it was answered, pinned, archived, read, its tools were
    switched on or off, or it shows another branch."""

    kind: Literal["conversation_changed"]
    conversation: Conversation


class ConversationRestored(TypedDict):
    """A deleted conversation is back."""

    kind: Literal["conversation_restored"]
    conversation: Conversation


class ConversationDeleted(TypedDict):
    """A conversation was deleted."""

    kind: Literal["conversation_deleted"]
    conversation_id: Annotated[Id, says("It can be restored for a while.")]


NOTICES: Final = (
    RunStarted,
    RunEnded,
    RunDismissed,
    ConversationCreated,
    ConversationRenamed,
    ConversationChanged,
    ConversationRestored,
    ConversationDeleted,
)
