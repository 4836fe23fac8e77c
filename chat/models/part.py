"""The parts of an answer as rows. An answer that is a single text has none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.db import models

from chat.models.message import Message
from chat.protocol import parts
from chat.protocol.untrusted_input import clean, storable

# Per answer: a model that alternates between thinking and writing, word by word, would fill the table and the page.
MOST: Final = 1_000


class Part(models.Model):
    """One part of an answer (chat.protocol.parts), written in the transaction of its turn and never changed.

    Text without an agent is already in `Message.text`, so its rows only store the length of each piece.
    """

    class Kind(models.TextChoices):
        TEXT = "text"
        REASONING = "reasoning"
        TOOL_CALL = "tool_call"
        MEMBER = "member"

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="parts")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=12, choices=Kind.choices)
    agent = models.CharField(max_length=40, blank=True)
    call_id = models.CharField(max_length=80, blank=True)
    text = models.TextField(blank=True)
    payload = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ("position",)
        constraints = (models.UniqueConstraint(fields=["message", "position"], name="one_part_at_a_position"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.position} of {self.message_id}"


def rows_of(message: Message, found: Iterable[parts.Part]) -> list[Part]:
    """The rows for the parts of this answer. If their text differs, `message.text` takes precedence."""
    found = list(found)
    if parts.text_of(found) != message.text:
        others = [part for part in found if part.agent or not isinstance(part, parts.Text)]
        found = [parts.Text(message.text), *others]
    if len(found) > MOST:
        found = _summed(found)
    return [Part(message=message, position=number, **_columns(part)) for number, part in enumerate(found)]


def parts_of(message: Message) -> list[parts.Part]:
    """The parts of a saved answer, in order; without rows, its text. Queries `message.parts`."""
    rows: Sequence[Part] = list(message.parts.all())
    if not rows:
        return [parts.Text(message.text)] if message.text else []
    found: list[parts.Part] = []
    begin = 0
    for row in rows:
        text = row.text
        if row.kind == Part.Kind.TEXT and not row.agent:
            end = begin + row.payload["characters"]
            text, begin = message.text[begin:end], end
        found.append(_part(row, text))
    return found


def _summed(found: Sequence[parts.Part]) -> list[parts.Part]:
    """A short form: one thought, the first calls and members, and one text. Agents' text and thoughts are dropped."""
    thoughts = [part for part in found if isinstance(part, parts.Reasoning) and not part.agent]
    rest = [part for part in found if isinstance(part, parts.ToolCall | parts.Member)]
    times = [part.duration_ms for part in thoughts if part.duration_ms is not None]
    thought = parts.Reasoning("".join(part.text for part in thoughts), sum(times) if times else None)
    return [*([thought] if thoughts else []), *rest[: MOST - 2], parts.Text(parts.text_of(found))]


def _columns(part: parts.Part) -> dict[str, Any]:
    match part:
        case parts.Text(text, ""):
            return {"kind": Part.Kind.TEXT, "payload": {"characters": len(text)}}
        case parts.Text(text, agent):
            return {"kind": Part.Kind.TEXT, "agent": agent, "text": text}
        case parts.Reasoning(text, duration_ms, agent):
            said = {} if duration_ms is None else {"duration_ms": duration_ms}
            return {"kind": Part.Kind.REASONING, "agent": agent, "text": text, "payload": said}
        case parts.ToolCall():
            payload = {
                "tool": part.tool,
                "arguments": part.arguments,
                "state": part.state,
                "items": list(part.items),
                "result": part.result,
                "message": part.message,
                "duration_ms": part.duration_ms,
                "title": part.title,
                "side_effects": part.side_effects,
                "code": part.code,
            }
            if part.approval is not None:
                payload["approval"] = dict(part.approval)
            if part.question is not None:
                payload["question"] = dict(part.question)
            named = {"kind": Part.Kind.TOOL_CALL, "agent": part.agent, "call_id": part.call_id}
            return {**named, "payload": storable(payload)}
        case parts.Member(agent, name, status):
            return {
                "kind": Part.Kind.MEMBER,
                "agent": agent,
                "payload": {"name": clean(name), "status": clean(status)},
            }


def _part(row: Part, text: str) -> parts.Part:
    payload = row.payload
    match row.kind:
        case Part.Kind.TEXT:
            return parts.Text(text, row.agent)
        case Part.Kind.REASONING:
            return parts.Reasoning(text, payload.get("duration_ms"), row.agent)
        case Part.Kind.TOOL_CALL:
            return parts.ToolCall(
                row.call_id,
                payload["tool"],
                payload["arguments"],
                payload["state"],
                tuple(payload["items"]),
                payload["result"],
                payload["message"],
                payload["duration_ms"],
                row.agent,
                payload.get("title", ""),
                payload.get("side_effects", False),
                payload.get("code", ""),
                payload.get("approval"),
                payload.get("question"),
            )
        case _:
            return parts.Member(row.agent, payload["name"], payload["status"])
