"""Builds the prompt: the assistant's instructions, then the conversation down to the new message."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from chat.models import Conversation, Message, branch
from chat.providers.base import Prompt

MESSAGES: Final = 1000


def path_to(leaf_id: str | None, conversation: Conversation) -> list[Message]:
    """The messages from the root to the leaf along `parent`; for a very long path, the last MESSAGES.

    Reads only these: a conversation may have many other branches of the same length.
    """
    return branch.messages_up_from(conversation, uuid.UUID(leaf_id), limit=MESSAGES)[::-1] if leaf_id else []


def build(instructions: str, path: Iterable[Message], text: str, *, characters: int) -> tuple[Prompt, ...]:
    """The prompt, limited to about `characters` by dropping whole messages, oldest first.

    The new message is always included in full. The first message kept is the user's, and the roles alternate, as the
    chat templates of many models require: neighbouring messages of one role are joined.
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
