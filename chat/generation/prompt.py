"""Builds the prompt: the assistant's instructions, then the conversation down to the new message."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final, Literal

from django.db.models import prefetch_related_objects

from chat.generation import context, work
from chat.models import Conversation, Message, branch
from chat.models.step import StepRecord, steps_of
from chat.providers import base as providers
from chat.providers.base import Prompt

MESSAGES: Final = 1000


def path_to(leaf_id: str | None, conversation: Conversation) -> list[Message]:
    """The messages from the root to the leaf along `parent`; for a very long path, the last MESSAGES.

    Reads only these: a conversation may have many other branches of the same length.
    """
    return branch.messages_up_from(conversation, uuid.UUID(leaf_id), limit=MESSAGES)[::-1] if leaf_id else []


@dataclass(frozen=True, slots=True)
class Built:
    """`left_out`: how many saved messages did not fit."""

    messages: tuple[providers.Message, ...]
    left_out: int


def build(
    instructions: str, path: Iterable[Message], text: str, *, characters: int, provider: str = "", model: str = ""
) -> Built:
    """The prompt, limited to about `characters` by dropping whole messages, oldest first.

    The new message is always included in full. The first message kept is the user's, and the roles alternate, as the
    chat templates of many models require: neighbouring messages of one role are joined. An answer that used tools is
    sent with its calls and their results; if it does not fit, without the results. `provider`, `model`: who is asked.
    """
    path = list(path)
    prefetch_related_objects([message for message in path if message.has_steps], "steps")
    kept: list[Sequence[providers.Message]] = []
    room = characters - len(instructions) - len(text)
    left_out = 0
    for place, message in reversed([*enumerate(path)]):
        if not message.text.strip() and not message.has_steps:
            continue
        forms = (_messages(message, provider, model, is_short=is_short) for is_short in (False, True))
        fitting = next((form for form in forms if context.length(form) <= room), None)
        if fitting is None:
            left_out = place + 1
            break
        room -= context.length(fitting)
        kept.append(fitting)
    while kept and not _is_question(kept[-1]):
        kept.pop()
        left_out += 1
    system = (Prompt("system", instructions),) if instructions.strip() else ()
    turns = _in_turns([*(each for form in reversed(kept) for each in form), Prompt("user", text)])
    return Built((*system, *turns), left_out)


def _messages(message: Message, provider: str, model: str, *, is_short: bool) -> Sequence[providers.Message]:
    """A saved message as one or more of the prompt. `is_short`: without the results of its tools."""
    if message.role == Message.Role.USER:
        return [Prompt("user", message.text)]
    if not message.has_steps:
        return [Prompt("assistant", message.text)]
    steps = [step for step in steps_of(message) if not step.agent]
    said = "".join(step.text for step in steps)
    if not message.text.startswith(said):
        # Not the text that the model wrote between its calls.
        return [Prompt("assistant", message.text)] if message.text.strip() else []
    messages = work.messages_of(_shortened(steps) if is_short else steps, provider=provider, model=model)
    rest = message.text[len(said) :]
    return [*messages, Prompt("assistant", rest)] if rest.strip() else messages


def _shortened(steps: Iterable[StepRecord]) -> list[StepRecord]:
    return [replace(step, calls=tuple({**call, "content": context.LEFT_OUT} for call in step.calls)) for step in steps]


def _is_question(messages: Sequence[providers.Message]) -> bool:
    return isinstance(messages[0], Prompt) and messages[0].role == "user"


def _in_turns(messages: Iterable[providers.Message]) -> Iterator[providers.Message]:
    for role, group in groupby(messages, key=_role):
        if role is None:
            yield from group
        else:
            yield Prompt(role, "\n\n".join(message.text for message in group))


def _role(message: providers.Message) -> Literal["system", "user", "assistant"] | None:
    return message.role if isinstance(message, Prompt) else None
