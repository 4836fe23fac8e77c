"""What of a conversation a model is sent: as much as its context window holds, the newest first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from chat.models import Assistant, Message
from chat.providers import base as providers
from chat.providers.base import ModelOutput, Prompt, ToolResult

# In place of the result of an old tool call that does not fit.
LEFT_OUT: Final = "[This result is left out: the conversation has become too long.]"

# How many characters make a token, for want of a better figure: English has 4 to 5, code and Chinese far fewer.
_ASCII_PER_TOKEN: Final = 3.5
_OTHERS_PER_TOKEN: Final = 1.3
# A short request consists mostly of what the vendor adds to it.
_TELLING_CHARACTERS: Final = 2_000
_FEWEST_PER_TOKEN: Final = 1.0
_MOST_PER_TOKEN: Final = 5.0
# Kept free for the answer if the assistant does not say how long it may be.
_OUTPUT_TOKENS: Final = 4_096
# No text has more characters per token than this, spaces aside: a server that counts fewer tokens has not read it all.
_CERTAIN_PER_TOKEN: Final = 6
_CERTAIN_CHARACTERS: Final = 12_000
# The results of this many steps are never left out: the model is working with them.
_STEPS_KEPT: Final = 2


def characters_for(
    assistant: Assistant, path: Sequence[Message], text: str, *, tools: Iterable[providers.Tool], most: int
) -> int:
    """How many characters of prompt the assistant's model can be sent, at most `most`.

    `path`: the saved messages before the new one, whose text is `text`. `tools` are sent beside them.
    """
    window = assistant.ability("context_window")
    if not window:
        return most
    output = min(assistant.max_output_tokens or _OUTPUT_TOKENS, window // 2)
    tokens = window - output - window // 10
    ratio = _measured(assistant, path) or _guessed([*(message.text for message in path[-4:]), text])
    return min(int(tokens * ratio) - _length_of(tools), most)


def length(messages: Iterable[providers.Message]) -> int:
    """In characters."""
    return sum(map(_length, messages))


def shortened(
    messages: Sequence[providers.Message], characters: int
) -> tuple[tuple[providers.Message, ...], int] | None:
    """The messages in at most `characters` and how many were left out, or None if nothing can be left out.

    First the results of old tool calls of this answer are replaced by a line, then the oldest turns of the
    conversation are dropped. What remains may still be longer: the new message and the work on it always stay.
    """
    question = max(place for place, message in enumerate(messages) if _is_question(message))
    kept = [*messages[:question], *without_old_results(messages[question:])]
    begin = 1 if isinstance(kept[0], Prompt) and kept[0].role == "system" else 0
    turns = [place for place in range(begin, question + 1) if _is_question(kept[place])]
    dropped = 0
    while dropped < len(turns) - 1 and length(kept[:begin]) + length(kept[turns[dropped] :]) > characters:
        dropped += 1
    made = (*kept[:begin], *kept[turns[dropped] :])
    # A question and its answer each.
    return (made, 2 * dropped) if made != tuple(messages) else None


def without_old_results(messages: Sequence[providers.Message]) -> list[providers.Message]:
    """The work on an answer, with a line in place of each tool result, except those of the last two steps."""
    steps = [place for place, message in enumerate(messages) if isinstance(message, ModelOutput)]
    recent = steps[-_STEPS_KEPT] if len(steps) > _STEPS_KEPT else 0
    return [
        replace(message, text=LEFT_OUT) if isinstance(message, ToolResult) and place < recent else message
        for place, message in enumerate(messages)
    ]


def is_cut_by_server(messages: Sequence[providers.Message], input_tokens: int) -> bool:
    """Whether the server cannot have read all of these messages: it counts far too few tokens.

    Ollama, for one, drops the beginning of what is longer than its context length, and says nothing.
    """
    total = length(messages)
    if total < _CERTAIN_CHARACTERS or input_tokens * _CERTAIN_PER_TOKEN > total:
        return False
    # A run of spaces is one token.
    return sum(len(word) for message in messages for word in message.text.split()) > input_tokens * _CERTAIN_PER_TOKEN


def _measured(assistant: Assistant, path: Sequence[Message]) -> float | None:
    """Characters per token, by what the provider last counted for this model in this conversation."""
    for place in range(len(path) - 1, -1, -1):
        message = path[place]
        # The usage of an answer with tools is a sum over several requests.
        if message.model != assistant.model or message.has_steps or message.context or not message.input_tokens:
            continue
        sent = len(assistant.instructions) + sum(len(each.text) for each in path[:place])
        if sent < _TELLING_CHARACTERS:
            return None
        return min(max(sent / message.input_tokens, _FEWEST_PER_TOKEN), _MOST_PER_TOKEN)
    return None


def _guessed(texts: Iterable[str]) -> float:
    joined = "".join(texts)
    if not joined or joined.isascii():
        return _ASCII_PER_TOKEN
    plain = len(joined.encode("ascii", "ignore"))
    return len(joined) / (plain / _ASCII_PER_TOKEN + (len(joined) - plain) / _OTHERS_PER_TOKEN)


def _length_of(tools: Iterable[providers.Tool]) -> int:
    return sum(len(tool.name) + len(tool.description) + len(json.dumps(tool.parameters)) for tool in tools)


def _length(message: providers.Message) -> int:
    if not isinstance(message, ModelOutput):
        return len(message.text)
    said = len(message.text) + sum(len(call.arguments) for call in message.calls)
    # The items are sent in place of the text and the calls. Signatures and encrypted thoughts make them long.
    return max(said, len(json.dumps(message.items, ensure_ascii=False))) if message.items else said


def _is_question(message: providers.Message) -> bool:
    return isinstance(message, Prompt) and message.role == "user"
