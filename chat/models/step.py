"""The model calls behind an answer that used tools. An answer without tools has none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NotRequired, TypedDict

from django.db import models

from chat.models.message import Message
from chat.protocol.untrusted_input import clean, storable

# The width of the columns.
AGENT_CHARACTERS: Final = 40
PROVIDER_CHARACTERS: Final = 60
MODEL_CHARACTERS: Final = 200
FINISH_REASON_CHARACTERS: Final = 20


class CallRecord(TypedDict):
    """A tool call and what the model was told of it. `arguments`: JSON text, as the model wrote it.

    `is_open`: it has no result yet. `is_too_long`: its arguments were dropped. `waits`: for an `approval`, or for the
    answer to a `question`; only such a call is open in a saved step. `tool`, `definition`, `expires_at`, `called_in`:
    which tool a person was asked about, its definition's hash, until when, and the run in which the model called it.
    """

    call_id: str
    name: str
    arguments: str
    content: str
    is_error: bool
    is_open: NotRequired[bool]
    is_too_long: NotRequired[bool]
    waits: NotRequired[str]
    tool: NotRequired[str]
    definition: NotRequired[str]
    expires_at: NotRequired[str]
    called_in: NotRequired[str]


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One call of a model: what it returned, and the results of the tools that it called.

    `provider` and `model` say who may get `items` back: the vendor's own output items, never sent to a client.
    `agent`: the member of a team that the call was for; empty for the answer itself.
    """

    number: int
    provider: str
    model: str
    text: str
    finish_reason: str
    calls: tuple[CallRecord, ...] = ()
    items: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    usage: dict[str, int] = field(default_factory=dict)
    agent: str = ""


def waiting_of(steps: Iterable[StepRecord]) -> list[CallRecord]:
    """The calls that wait for a person."""
    return [call for step in steps for call in step.calls if call.get("is_open") and call.get("waits")]


class Step(models.Model):
    """A StepRecord, written in the transaction of its turn and never changed."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="steps")
    number = models.PositiveSmallIntegerField()
    agent = models.CharField(max_length=AGENT_CHARACTERS, blank=True)
    provider = models.CharField(max_length=PROVIDER_CHARACTERS, blank=True)
    model = models.CharField(max_length=MODEL_CHARACTERS, blank=True)
    finish_reason = models.CharField(max_length=FINISH_REASON_CHARACTERS, blank=True)
    text = models.TextField(blank=True)
    calls = models.JSONField(default=list, blank=True)
    items = models.JSONField(default=list, blank=True)
    usage = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=["message", "number"], name="one_step_of_a_number"),)

    def __str__(self) -> str:
        return f"step {self.number} of {self.message_id}"


def rows_of(message: Message, steps: Iterable[StepRecord]) -> list[Step]:
    return [
        Step(
            message=message,
            number=step.number,
            agent=clean(step.agent)[:AGENT_CHARACTERS],
            provider=clean(step.provider)[:PROVIDER_CHARACTERS],
            model=clean(step.model)[:MODEL_CHARACTERS],
            finish_reason=clean(step.finish_reason)[:FINISH_REASON_CHARACTERS],
            text=clean(step.text),
            calls=storable(list(step.calls)),
            items=storable(list(step.items)),
            usage=step.usage,
        )
        for step in steps
    ]


def steps_of(message: Message) -> Sequence[StepRecord]:
    """The steps of a saved answer, in order. Queries `message.steps`."""
    return [
        StepRecord(
            number=row.number,
            provider=row.provider,
            model=row.model,
            text=row.text,
            finish_reason=row.finish_reason,
            calls=tuple(row.calls),
            items=tuple(row.items),
            usage=row.usage,
            agent=row.agent,
        )
        for row in message.steps.all()
    ]
