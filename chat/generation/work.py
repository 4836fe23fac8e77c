"""What an answer with tools consists of so far: the model's calls, their results, and the parts that a person saw.

It is what a takeover goes on from: everything in it can be written as JSON and read back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from chat.models.step import CallRecord, StepRecord, waiting_of
from chat.protocol import parts
from chat.protocol.events import Entry
from chat.providers.base import Message, ModelOutput, ToolResult, ToolUse

# Of the calls of one answer: what the model is sent of them, and what people are shown of their results. Both, and a
# copy of the arguments, fit in a checkpoint.
TOLD_BYTES: Final = 384 * 1024
SHOWN_BYTES: Final = 256 * 1024
# How often the same call may be made; the next one is refused.
REPEATED_CALLS: Final = 2
INTERRUPTED: Final = "This call was interrupted before it had a result."
_NOT_ALLOWED: Final = "This call was not made: the person did not allow it."
_NOT_ANSWERED: Final = "The person did not answer this question."


@dataclass(slots=True)
class Work:
    """The steps that called tools. Results are recorded as they come; `parts` are those of the answer at that time."""

    steps: list[StepRecord] = field(default_factory=list)
    parts: list[parts.Part] = field(default_factory=list)

    @property
    def told_bytes(self) -> int:
        """What the model is sent of calls and results."""
        made = (call for step in self.steps for call in step.calls)
        return sum(len(call["content"].encode()) + len(call["arguments"]) for call in made)

    @property
    def pending(self) -> list[ToolUse]:
        """The last step's calls without a result."""
        if not self.steps:
            return []
        return [_use(call) for call in self.steps[-1].calls if not _has_result(call)]

    @property
    def waits_for(self) -> str:
        """What the last step waits for: `approval`, `question`, or nothing."""
        kinds = {call["waits"] for call in waiting_of(self.steps[-1:])}
        return "approval" if "approval" in kinds else next(iter(kinds), "")

    def times_called(self, use: ToolUse) -> int:
        """How often this call was made before it."""
        made = [call for step in self.steps for call in step.calls]
        before = made[: next((place for place, call in enumerate(made) if call["call_id"] == use.call_id), len(made))]
        return sum(call["name"] == use.name and _same(call["arguments"], use.arguments) for call in before)

    def add(self, step: StepRecord, uses: Iterable[ToolUse]) -> None:
        """Add a step with calls that have no results yet."""
        self.steps.append(replace(step, calls=tuple(_record(use) for use in uses)))

    def wait(self, call_id: str, kind: str, **asked: str) -> None:
        """A call of the last step waits for a person. `asked`: the other fields of its record."""
        self._change(call_id, waits=kind, **asked)

    def is_waiting(self, call_id: str) -> bool:
        return any(call["call_id"] == call_id for call in waiting_of(self.steps[-1:]))

    def call(self, call_id: str) -> CallRecord:
        """A call of the last step."""
        return next(call for call in self.steps[-1].calls if call["call_id"] == call_id)

    def record(self, call_id: str, content: str, *, is_error: bool = False) -> None:
        """Record what the model is told of a call of the last step."""
        self._change(call_id, content=content, is_error=is_error, is_open=False)

    def _change(self, call_id: str, **fields: Any) -> None:
        last = self.steps[-1]
        calls = tuple(
            CallRecord(**{**call, **fields}) if call["call_id"] == call_id else call  # type: ignore[typeddict-item]
            for call in last.calls
        )
        self.steps[-1] = replace(last, calls=calls)

    def closed_steps(self, *, keeps_waiting: bool = False) -> tuple[StepRecord, ...]:
        """The steps to save. Every call has exactly one result, also one that was interrupted.

        `keeps_waiting`: except for those that wait for a person.
        """
        return tuple(_closed_step(step, keeps_waiting=keeps_waiting) for step in self.steps)

    def messages(self, *, provider: str, model: str) -> tuple[Message, ...]:
        """The steps for the next request to this model, with a result for every call."""
        return messages_of(self.closed_steps(), provider=provider, model=model)

    def to_json(self) -> dict[str, Any]:
        events = [[event.name, dict(event.data)] for event in parts.unfold(map(_restarted, self.parts))]
        return {"steps": [asdict(step) for step in self.steps], "events": events}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Work:
        entries = [Entry(number, name, data) for number, (name, data) in enumerate(state["events"], start=1)]
        steps = [
            StepRecord(**{**step, "calls": tuple(step["calls"]), "items": tuple(step["items"])})
            for step in state["steps"]
        ]
        return cls(steps, parts.fold(entries))


def messages_of(steps: Iterable[StepRecord], *, provider: str, model: str) -> tuple[Message, ...]:
    """Steps as messages for this model. Only the model that made a vendor's items gets them back."""
    messages: list[Message] = []
    for step in map(_closed_step, steps):
        items = step.items if (step.provider, step.model) == (provider, model) else ()
        messages.append(ModelOutput(step.text, tuple(map(_use, step.calls)), items))
        messages += [
            ToolResult(call["call_id"], call["name"], call["content"], call["is_error"]) for call in step.calls
        ]
    return tuple(messages)


def steps_of_parts(shown: Iterable[parts.Part], name_of: Callable[[str], str]) -> tuple[StepRecord, ...]:
    """The steps behind an answer of which only the parts are left. What was cut to be shown is sent to models so, too.

    `name_of`: the name under which a model knows the tool with this key.
    """
    steps: list[StepRecord] = []
    text, calls = "", []
    for part in shown:
        if part.agent:
            continue
        if isinstance(part, parts.ToolCall):
            calls.append(_of_part(part, name_of(part.tool)))
            continue
        if calls:
            # What follows a result is the next output of the model.
            steps.append(_step_of(len(steps), text, calls))
            text, calls = "", []
        if isinstance(part, parts.Text):
            text += part.text
    if calls:
        steps.append(_step_of(len(steps), text, calls))
    return tuple(steps)


def _step_of(number: int, text: str, calls: Iterable[CallRecord]) -> StepRecord:
    return StepRecord(number, provider="", model="", text=text, finish_reason="tool_calls", calls=tuple(calls))


def _of_part(call: parts.ToolCall, name: str) -> CallRecord:
    content = _content_of(call)
    return {
        "call_id": call.call_id,
        "name": name,
        "arguments": json.dumps(call.arguments, ensure_ascii=False),
        "content": content if isinstance(content, str) else json.dumps(content, ensure_ascii=False),
        "is_error": call.state in ("failed", "waiting"),
    }


def _content_of(call: parts.ToolCall) -> Any:
    if call.state == "waiting":
        return _NOT_ANSWERED if call.question else _NOT_ALLOWED
    return call.message if call.state == "failed" else call.result


def _record(use: ToolUse) -> CallRecord:
    record: CallRecord = {
        "call_id": use.call_id,
        "name": use.name,
        "arguments": use.arguments,
        "content": "",
        "is_error": False,
        "is_open": True,
    }
    if use.is_too_long:
        record["is_too_long"] = True
    return record


def _restarted(part: parts.Part) -> parts.Part:
    """A running call shows its progress once more when it runs again."""
    return replace(part, items=()) if isinstance(part, parts.ToolCall) and part.state == "running" else part


def _closed_step(step: StepRecord, *, keeps_waiting: bool = False) -> StepRecord:
    if all(map(_has_result, step.calls)):
        return step
    kept = {call["call_id"] for call in waiting_of([step])} if keeps_waiting else set()
    return replace(step, calls=tuple(call if call["call_id"] in kept else _closed(call) for call in step.calls))


def _closed(call: CallRecord) -> CallRecord:
    if _has_result(call):
        return call
    said = {"approval": _NOT_ALLOWED, "question": _NOT_ANSWERED}.get(call.get("waits", ""), INTERRUPTED)
    return CallRecord(**{**call, "content": said, "is_error": True, "is_open": False})


def _has_result(call: CallRecord) -> bool:
    return not call.get("is_open")


def _use(call: CallRecord) -> ToolUse:
    return ToolUse(call["call_id"], call["name"], call["arguments"], call.get("is_too_long", False))


def _same(one: str, other: str) -> bool:
    return one == other or _value(one) == _value(other)


def _value(arguments: str) -> object:
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
