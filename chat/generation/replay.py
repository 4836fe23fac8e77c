"""Replays runs that are no longer in the log from the database, each as a short log of its own."""

from __future__ import annotations

import hashlib
import math
from collections.abc import AsyncGenerator
from typing import Final

from chat.generation.run import done_event
from chat.generation.tools_choice import ToolsChoice
from chat.models import Message, UnansweredQuestion
from chat.models.part import parts_of
from chat.protocol import event_data, events
from chat.protocol.cursors import EPOCH_LENGTH, Cursor
from chat.protocol.events import ENTRY_CHARACTERS, MERGEABLE, Entry, Event, merge
from chat.protocol.parts import unfold
from chat.protocol.previews import capped
from chat.streams.base import Batch, size_of

# Cursors depend on how text is split into entries, so another size needs another epoch.
_CUT: Final = f"{ENTRY_CHARACTERS} "


def epoch_of(run_id: str) -> str:
    """The epoch of a replayed run: always the same, so that clients can resume with a cursor."""
    return hashlib.sha256((_CUT + run_id).encode()).hexdigest()[:EPOCH_LENGTH]


Archived = Message | UnansweredQuestion
"""A run in the database: its saved answer, or its question if it has failed."""


def archived_run(owner_id: int, run_id: str) -> Archived | None:
    """This owner's run, saved or failed."""
    kept = UnansweredQuestion.objects.kept().filter(owner_id=owner_id, run_id=run_id)
    return saved_run(owner_id, run_id) or kept.first()


def saved_run(owner_id: int, run_id: str) -> Message | None:
    """The saved answer of this owner's run."""
    answers = Message.objects.select_related("parent", "assistant").prefetch_related("parts")
    return answers.filter(owner_id=owner_id, run_id=run_id, conversation__deleted_at=None).first()


def answer_of(owner_id: int, run_id: str) -> Message | None:
    """Like `saved_run`, but also finds answers in deleted conversations."""
    return Message.objects.filter(owner_id=owner_id, run_id=run_id).first()


def end_of(archived: Archived) -> Cursor:
    """The cursor of the terminal event."""
    return Cursor(epoch_of(str(archived.run_id)), 1 + _Said(archived).count + 1)


class _Said:
    """The entries between `start` and the end of a saved run: its parts, with long texts in pieces."""

    def __init__(self, archived: Archived) -> None:
        self._pieces: list[tuple[Event, int]] = []
        if isinstance(archived, UnansweredQuestion):
            return
        for event in map(capped, unfold(parts_of(archived))):
            count = max(1, math.ceil(len(event.data["text"]) / ENTRY_CHARACTERS)) if event.name in MERGEABLE else 1
            self._pieces += [(event, number) for number in range(count)]

    @property
    def count(self) -> int:
        return len(self._pieces)

    def event(self, number: int) -> Event:
        """The event with this number, from 0."""
        event, piece = self._pieces[number]
        text = event.data.get("text", "")
        if event.name not in MERGEABLE or len(text) <= ENTRY_CHARACTERS:
            return event
        begin = piece * ENTRY_CHARACTERS
        cut = {**event.data, "text": text[begin : begin + ENTRY_CHARACTERS]}
        if begin + ENTRY_CHARACTERS < len(text):
            # Only its last piece carries the duration.
            cut.pop("duration_ms", None)
        return Event(event.name, cut)


def _entry(archived: Archived, said: _Said, seq: int) -> Entry:
    """An entry of `start`, the parts and `done`; of a failed run, of `start` and `error`."""
    if isinstance(archived, UnansweredQuestion):
        event = _start_of(archived) if seq == 1 else _failure(archived)
    elif seq == 1:
        event = _start(archived)
    elif seq - 2 < said.count:
        event = said.event(seq - 2)
    else:
        event = done_event(archived)
    return Entry(seq, event.name, event.data)


def _start_of(question: UnansweredQuestion) -> events.Event:
    start: event_data.Start = {
        "run_id": str(question.run_id),
        "conversation_id": str(question.conversation_id),
        "client_message_id": str(question.client_message_id),
        "assistant": question.assistant,
        "model": question.model,
        "attempt": 1,
        "user_message": {
            "text": question.text,
            "parent_id": str(question.parent_id) if question.parent_id else None,
            "attachments": [],
        },
    }
    if question.tools_on is not None:
        ToolsChoice(question.tools_on, is_new=True).add_to(start)
    return events.start(start)


def _failure(question: UnansweredQuestion) -> events.Event:
    return events.error(question.code, question.message, retryable=question.retryable)


def _question_of(answer: Message) -> Message:
    if answer.parent is None:
        raise ValueError(f"Answer {answer.pk} has no question.")
    return answer.parent


def _start(answer: Message) -> events.Event:
    question = _question_of(answer)
    asked: event_data.UserMessage = {
        "text": question.text,
        "parent_id": str(question.parent_id) if question.parent_id else None,
        "attachments": [],
    }
    start: event_data.Start = {
        "run_id": str(answer.run_id),
        "conversation_id": str(answer.conversation_id),
        "client_message_id": str(answer.client_message_id or question.client_message_id),
        "assistant": answer.assistant.slug if answer.assistant else "",
        "model": answer.model,
        "attempt": 1,
        "user_message": asked,
    }
    if answer.client_message_id is not None:
        # Another answer to a question that was already saved.
        start["user_message"] = {"id": str(question.pk), **asked}
    if answer.continues_id is not None:
        start["continues"] = str(answer.continues_id)
    if answer.context and answer.context["left_out"]:
        start["context"] = {"left_out": answer.context["left_out"]}
    return events.start(start)


async def follow(archived: Archived, after: Cursor | None, *, limit: int) -> AsyncGenerator[Batch, None]:
    """Like `StreamLog.follow`: for a cursor of another epoch, yields `reset` and then everything."""
    end = end_of(archived)
    seq = 0
    if after is not None:
        if after.epoch == end.epoch and after.seq <= end.seq:
            seq = after.seq
        else:
            yield Batch(end.epoch, [Entry(0, "reset", {"attempt": 1, "reason": "unknown_cursor"})])
    said = _Said(archived)
    while seq < end.seq:
        taken = _take(archived, said, seq, end.seq, limit)
        seq = taken[-1].seq
        yield Batch(end.epoch, merge(taken))


def _take(archived: Archived, said: _Said, seq: int, last: int, limit: int) -> list[Entry]:
    """Entries after `seq`: at least one, then as many as fit within `limit`."""
    taken = [_entry(archived, said, seq + 1)]
    size = size_of(taken[0])
    while taken[-1].seq < last:
        following = _entry(archived, said, taken[-1].seq + 1)
        size += size_of(following)
        if size > limit:
            break
        taken.append(following)
    return taken
