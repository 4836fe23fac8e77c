"""What a model is shown: the assistant's instructions, then the conversation down to the new message."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from chat.models import Conversation, Message, branch
from chat.providers.base import Prompt

MESSAGES: Final = 1000


def path_to(leaf_id: str | None, conversation: Conversation) -> list[Message]:
    """The messages from the root to the leaf, by way of `parent`; of a very long path its last ones.

    Only these are read: a conversation may have many branches, each as long.
    """
    return branch.messages_up_from(conversation, uuid.UUID(leaf_id), limit=MESSAGES)[::-1] if leaf_id else []


def build(instructions: str, path: Iterable[Message], text: str, *, characters: int) -> tuple[Prompt, ...]:
    """The prompt. What is older than about `characters` is left out, whole messages at a time, newest kept.

    The new message is always whole. The first message kept is a person's, and from there on person and model take
    turns, as the templates of many models demand: what stands beside a question that was not answered is joined to it.
    """
    kept: list[Prompt] = []
    room = characters - len(instructions) - len(text)
    for message in reversed(list(path)):
        room -= len(message.text)
        if room < 0:
            break
        if message.text.strip():
            kept.append(Prompt("user" if message.role == Message.Role.USER else "assistant", message.text))
    while kept and kept[-1].role != "user":
        kept.pop()
    system = (Prompt("system", instructions),) if instructions.strip() else ()
    return (*system, *_in_turns([*reversed(kept), Prompt("user", text)]))


def _in_turns(prompts: Iterable[Prompt]) -> Iterator[Prompt]:
    for role, group in groupby(prompts, key=lambda prompt: prompt.role):
        yield Prompt(role, "\n\n".join(prompt.text for prompt in group))
