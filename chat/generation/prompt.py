"""What a model is shown: the assistant's instructions, then the conversation down to the new message."""

from __future__ import annotations

from collections.abc import Iterable

from chat.models import Message
from chat.providers.base import Prompt


def path_to(leaf_id: str | None, messages: Iterable[Message]) -> list[Message]:
    """The messages from the root to the leaf, by way of `parent`."""
    by_id = {message.pk: message for message in messages}
    path: list[Message] = []
    current = next((message for message in by_id.values() if str(message.pk) == leaf_id), None)
    while current is not None:
        path.append(current)
        current = by_id.get(current.parent_id) if current.parent_id else None
    return path[::-1]


def build(instructions: str, path: Iterable[Message], text: str, *, characters: int) -> tuple[Prompt, ...]:
    """The prompt. What is older than about `characters` is left out, whole messages at a time, newest kept.

    The new message is always whole. The first message kept is a person's, as the providers' APIs expect.
    """
    kept: list[Prompt] = []
    room = characters - len(instructions) - len(text)
    for message in reversed(list(path)):
        room -= len(message.text)
        if room < 0:
            break
        if message.text:
            kept.append(Prompt("user" if message.role == Message.Role.USER else "assistant", message.text))
    while kept and kept[-1].role != "user":
        kept.pop()
    system = (Prompt("system", instructions),) if instructions.strip() else ()
    return (*system, *reversed(kept), Prompt("user", text))
