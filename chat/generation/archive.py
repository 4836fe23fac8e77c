"""Runs that the log does not hold any more, answered from the database as a short log of their own."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator

from chat import events
from chat.events import EPOCH_LENGTH, Cursor, Entry
from chat.models import Message, UnansweredQuestion
from chat.streams.base import Batch


def epoch_of(run_id: str) -> str:
    """The same for every reading, so that a cursor into this log can be honoured."""
    return hashlib.sha256(run_id.encode()).hexdigest()[:EPOCH_LENGTH]


Archived = Message | UnansweredQuestion
"""What there is of a run: its saved answer, or its question, if it has failed."""


def archived_run(owner_id: int, run_id: str) -> Archived | None:
    """A run of this owner, saved or failed."""
    kept = UnansweredQuestion.objects.kept().filter(owner_id=owner_id, run_id=run_id)
    return saved_run(owner_id, run_id) or kept.first()


def saved_run(owner_id: int, run_id: str) -> Message | None:
    """The saved answer of a run of this owner."""
    answers = Message.objects.select_related("parent", "assistant")
    return answers.filter(owner_id=owner_id, run_id=run_id, conversation__deleted_at=None).first()


def answer_of(owner_id: int, run_id: str) -> Message | None:
    """As `saved_run`, also in a conversation that was deleted in the meantime."""
    return Message.objects.filter(owner_id=owner_id, run_id=run_id).first()


def entries_of(archived: Archived) -> list[Entry]:
    """`start`, one `token` with the whole text, `done`; or `start` and `error`."""
    log = _of_the_question(archived) if isinstance(archived, UnansweredQuestion) else _of_the_answer(archived)
    return [Entry(seq, event.name, event.data) for seq, event in enumerate(log, start=1)]


def end_of(archived: Archived) -> Cursor:
    """The place of the terminal event."""
    return Cursor(epoch_of(str(archived.run_id)), 2 if isinstance(archived, UnansweredQuestion) else 3)


def _of_the_question(question: UnansweredQuestion) -> list[events.Event]:
    start: events.Start = {
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
    return [events.start(start), events.error(question.code, question.message, retryable=question.retryable)]


def _of_the_answer(answer: Message) -> list[events.Event]:
    question = answer.parent
    if question is None:
        raise ValueError(f"Answer {answer.pk} answers nothing.")
    usage: events.Usage | None = None
    if answer.input_tokens is not None and answer.output_tokens is not None:
        usage = {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}
    return [
        _start(answer, question),
        events.token(answer.text),
        events.done(
            {
                "status": answer.status,
                "message_id": str(answer.pk),
                "parent_id": str(question.pk),
                "finish_reason": answer.finish_reason,
                "characters": len(answer.text),
                "ttft_ms": answer.ttft_ms,
                "duration_ms": answer.duration_ms or 0,
                "usage": usage,
            }
        ),
    ]


def _start(answer: Message, question: Message) -> events.Event:
    asked: events.UserMessage = {
        "text": question.text,
        "parent_id": str(question.parent_id) if question.parent_id else None,
        "attachments": [],
    }
    start: events.Start = {
        "run_id": str(answer.run_id),
        "conversation_id": str(answer.conversation_id),
        "client_message_id": str(answer.client_message_id or question.client_message_id),
        "assistant": answer.assistant.slug if answer.assistant else "",
        "model": answer.model,
        "attempt": 1,
        "user_message": asked,
    }
    if answer.client_message_id is not None:
        # One more answer to a question that was saved before.
        start["user_message"] = {"id": str(question.pk), **asked}
    if answer.continues_id is not None:
        start["continues"] = str(answer.continues_id)
    return events.start(start)


async def follow(archived: Archived, after: Cursor | None) -> AsyncGenerator[Batch, None]:
    """As `StreamLog.follow`: a cursor of another log yields `reset` and then everything."""
    epoch = epoch_of(str(archived.run_id))
    entries = entries_of(archived)
    seq = 0
    if after is not None:
        if after.epoch == epoch and after.seq <= len(entries):
            seq = after.seq
        else:
            yield Batch(epoch, [Entry(0, "reset", {"attempt": 1, "reason": "unknown_cursor"})])
    for entry in entries[seq:]:
        yield Batch(epoch, [entry])
