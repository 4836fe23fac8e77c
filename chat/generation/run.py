"""A run, and the turn it becomes. Both can be rebuilt from the log alone, so any process can finish the run."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NotRequired, TypedDict, cast

from django.utils import timezone

from chat.generation.answer import Answer
from chat.generation.permissions import Permissions
from chat.generation.tools_choice import ToolsChoice
from chat.generation.work import INTERRUPTED, Work, steps_of_parts
from chat.models import Message
from chat.models.step import StepRecord
from chat.models.turn import Turn
from chat.models.unanswered_question import Asked
from chat.protocol import event_data, events
from chat.protocol.parts import Folder, Part, ToolCall, unfold
from chat.providers.base import Provider, Request
from chat.streams.base import RunInfo
from chat.tools.registry import Registry


@dataclass(frozen=True, slots=True)
class Run:
    """A run that this process owns. `attempt`: 1 for the first owner, 2 after the first takeover, and so on.

    `tools`: those that the model may call; `permissions`: which of them ask a person. `work`: what an earlier owner
    had done with them, or the answer that is continued had.
    """

    info: RunInfo
    token: int
    start: event_data.Start
    provider: Provider
    request: Request
    asked_at: datetime = field(default_factory=timezone.now)
    attempt: int = 1
    tools: Registry = field(default_factory=lambda: Registry(()))
    permissions: Permissions = field(default_factory=Permissions)
    work: Work | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an answer ended: `status` and `finish_reason` as in the `done` event."""

    status: str
    finish_reason: str


class Completion(TypedDict):
    """What is needed to save a turn, besides its log. `asked_at` is ISO 8601."""

    status: str
    finish_reason: str
    input_tokens: int | None
    output_tokens: int | None
    ttft_ms: int | None
    duration_ms: int
    asked_at: str
    context: NotRequired[event_data.Context | None]


WAITING: Final = "waiting"
STOPPED = Outcome("stopped", "stopped")
ABANDONED = Outcome("stopped", "abandoned")
CUT_OFF = Outcome("completed", "length")


def turn_of(run: Run, answer: Answer, outcome: Outcome) -> Turn:
    return _turn(
        run.info,
        run.start,
        text=answer.text,
        parts=answer.parts,
        steps=answer.steps,
        outcome=outcome,
        usage=answer.usage,
        ttft_ms=answer.ttft_ms,
        duration_ms=answer.duration_ms,
        asked_at=run.asked_at,
        context=_context(run.start, answer),
    )


def _context(start: event_data.Start, answer: Answer) -> event_data.Context | None:
    left_out = start.get("context", {"left_out": 0})["left_out"] + answer.left_out
    if not left_out and not answer.cut_by_server:
        return None
    context: event_data.Context = {"left_out": left_out}
    if answer.cut_by_server:
        context["cut_by_server"] = True
    return context


def turn_from_log(info: RunInfo, entries: Sequence[events.Entry], checkpoint: Mapping[str, Any] | None = None) -> Turn:
    """The turn of an incomplete run, with the part of its answer that had arrived. Its status is `stopped`."""
    return _incomplete(info, entries, _said(entries, checkpoint))


def turn_from_parts(info: RunInfo, entries: Sequence[events.Entry], name_of: Callable[[str], str]) -> Turn:
    """As `turn_from_log`, of a run that has ended: its checkpoint is gone, and its events say what its tools did.

    `name_of`: the name under which a model knows the tool with this key.
    """
    said = _said(entries, None)
    return _incomplete(info, entries, {**said, "steps": steps_of_parts(said["parts"], name_of)})


def _incomplete(info: RunInfo, entries: Sequence[events.Entry], said: _Said) -> Turn:
    return _turn(
        info,
        cast(event_data.Start, entries[0].data),
        **said,
        outcome=STOPPED,
        usage=None,
        ttft_ms=None,
        duration_ms=0,
        asked_at=timezone.now(),
        context=cast(event_data.Start, entries[0].data).get("context"),
    )


def completion_of(turn: Turn) -> Completion:
    return {
        "status": turn.status,
        "finish_reason": turn.finish_reason,
        "input_tokens": turn.input_tokens,
        "output_tokens": turn.output_tokens,
        "ttft_ms": turn.ttft_ms,
        "duration_ms": turn.duration_ms,
        "asked_at": turn.asked_at.isoformat(),
        "context": turn.context,
    }


def turn_completed(
    info: RunInfo,
    entries: Sequence[events.Entry],
    completion: Completion,
    checkpoint: Mapping[str, Any] | None = None,
) -> Turn:
    """The turn of a run whose text is complete in the log, exactly as its first owner would have saved it."""
    usage: event_data.Usage | None = None
    if completion["input_tokens"] is not None and completion["output_tokens"] is not None:
        usage = {"input_tokens": completion["input_tokens"], "output_tokens": completion["output_tokens"]}
    return _turn(
        info,
        cast(event_data.Start, entries[0].data),
        **_said(entries, checkpoint, keeps_waiting=completion["status"] == WAITING),
        outcome=Outcome(completion["status"], completion["finish_reason"]),
        usage=usage,
        ttft_ms=completion["ttft_ms"],
        duration_ms=completion["duration_ms"],
        asked_at=datetime.fromisoformat(completion["asked_at"]),
        context=completion.get("context"),
    )


def asked_of(info: RunInfo, start: event_data.Start) -> Asked | None:
    """The question of a run; None if it is already saved."""
    asked = start["user_message"]
    if "id" in asked:
        return None
    return Asked(
        run_id=info.run_id,
        client_message_id=info.client_message_id,
        owner_id=info.owner_id,
        conversation_id=info.conversation_id,
        parent_id=asked["parent_id"],
        title=info.title,
        text=asked["text"],
        assistant_slug=start["assistant"],
        model=start["model"],
        tools_on=ToolsChoice.of_run(start).remembered,
    )


def done_event(answer: Message) -> events.Event:
    """The `done` event of a saved answer."""
    usage: event_data.Usage | None = None
    if answer.input_tokens is not None and answer.output_tokens is not None:
        usage = {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}
    done: event_data.Done = {
        "status": answer.status,
        "message_id": str(answer.pk),
        "parent_id": str(answer.parent_id),
        "finish_reason": answer.finish_reason,
        "characters": len(answer.text),
        "ttft_ms": answer.ttft_ms,
        "duration_ms": answer.duration_ms or 0,
        "usage": usage,
    }
    if answer.context:
        done["context"] = answer.context
    if answer.pending:
        done["pending"] = answer.pending
    return events.done(done)


def message_id_of(run_id: str, role: str) -> str:
    """The id of a run's message. Derived from the run id, so that every attempt to save writes the same rows."""
    return str(uuid.uuid5(uuid.UUID(run_id), role))


class _Said(TypedDict):
    text: str
    parts: tuple[Part, ...]
    steps: tuple[StepRecord, ...]


def _said(
    entries: Sequence[events.Entry], checkpoint: Mapping[str, Any] | None, *, keeps_waiting: bool = False
) -> _Said:
    """The answer in the log. The calls are as the checkpoint has them: events are cut."""
    folder = Folder()
    for entry in entries:
        folder.add(entry.name, entry.data)
    work = Work.from_json(checkpoint) if checkpoint else Work()
    if not folder.parts:
        # Lost right after the `reset` of a takeover.
        for event in unfold(work.parts):
            folder.add(event.name, event.data)
    if folder.is_plain and not work.steps:
        return {"text": folder.text, "parts": (), "steps": ()}
    whole = {part.call_id: part for part in work.parts if isinstance(part, ToolCall) and part.state != "running"}
    parts = [_whole(part, whole) if isinstance(part, ToolCall) else part for part in folder.parts]
    if not keeps_waiting:
        parts = [_ended(part) for part in parts]
    return {"text": folder.text, "parts": tuple(parts), "steps": work.closed_steps(keeps_waiting=keeps_waiting)}


def _whole(part: ToolCall, saved: Mapping[str, ToolCall]) -> ToolCall:
    """The call as the checkpoint has it, unless the log knows more: that it no longer waits."""
    found = saved.get(part.call_id, part)
    return part if found.state == "waiting" != part.state else found


def _ended(part: Part) -> Part:
    """A call that was interrupted has failed."""
    if isinstance(part, ToolCall) and part.state in ("running", "waiting"):
        return replace(part, state="failed", code="cancelled", message=INTERRUPTED)
    return part


def _turn(
    info: RunInfo,
    start: event_data.Start,
    *,
    text: str,
    parts: tuple[Part, ...],
    steps: tuple[StepRecord, ...],
    outcome: Outcome,
    usage: event_data.Usage | None,
    ttft_ms: int | None,
    duration_ms: int,
    asked_at: datetime,
    context: event_data.Context | None,
) -> Turn:
    asked = start["user_message"]
    return Turn(
        run_id=info.run_id,
        client_message_id=info.client_message_id,
        owner_id=info.owner_id,
        conversation_id=info.conversation_id,
        title=info.title,
        assistant_slug=start["assistant"],
        model=start["model"],
        parent_id=asked["parent_id"],
        user_message_id=asked.get("id") or message_id_of(info.run_id, "user"),
        user_text=asked["text"],
        asked_at=asked_at,
        message_id=message_id_of(info.run_id, "assistant"),
        text=text,
        parts=parts,
        steps=steps,
        context=context,
        status=outcome.status,
        finish_reason=outcome.finish_reason,
        input_tokens=usage["input_tokens"] if usage else None,
        output_tokens=usage["output_tokens"] if usage else None,
        ttft_ms=ttft_ms,
        duration_ms=duration_ms,
        is_another_answer="id" in asked,
        continues_id=start.get("continues"),
        tools_on=ToolsChoice.of_run(start).remembered,
    )
