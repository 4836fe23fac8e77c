"""Decodes one chunk of a chat completion: only the fields needed for an answer.

Spec: https://platform.openai.com/docs/api-reference/chat-streaming. Compatible servers differ in what they omit and
add (`reasoning` or `reasoning_content`, content in parts, no `choices`), so every field may be absent.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from chat.protocol.untrusted_input import count
from chat.providers.base import UsageDelta
from chat.providers.http import untrusted_json

# gc=False: thousands of short-lived objects that are never part of a cycle.


class Part(msgspec.Struct, gc=False):
    """A content part: text, a refusal, or (Mistral) a thought with its own parts."""

    type: str | None = None
    text: str | None = None
    refusal: str | None = None
    thinking: str | list[Part] | None = None


class Audio(msgspec.Struct, gc=False):
    transcript: str | None = None


class Content(msgspec.Struct, gc=False):
    """A chunk's `delta`, or a whole message."""

    content: str | list[Part] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    thinking: str | None = None
    # OpenRouter's pieces of reasoning. They go back as they came, so all of their fields are kept.
    reasoning_details: Any = None
    refusal: str | None = None
    audio: Audio | None = None
    tool_calls: Any = None
    function_call: Any = None


class PromptTokens(msgspec.Struct, gc=False):
    cached_tokens: int | None = None


class CompletionTokens(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None


class Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: PromptTokens | None = None
    completion_tokens_details: CompletionTokens | None = None
    # DeepSeek and Moonshot.
    prompt_cache_hit_tokens: int | None = None
    cached_tokens: int | None = None


class Choice(msgspec.Struct, gc=False):
    index: int | None = None
    delta: Content | None = None
    message: Content | None = None
    text: str | None = None
    finish_reason: Any = None
    error: Any = None
    usage: Usage | None = None


class Groq(msgspec.Struct, gc=False):
    usage: Usage | None = None
    error: Any = None


class Chunk(msgspec.Struct, gc=False):
    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: Any = None
    x_groq: Groq | None = None


def plain_text(content: Content) -> str:
    """The text if there is nothing else, otherwise empty. A fast path: most deltas are only a token's text."""
    said = content.content
    if not isinstance(said, str) or content.tool_calls or content.function_call:
        return ""
    if content.reasoning_content or content.reasoning or content.thinking or content.reasoning_details:
        return ""
    return said


def text_of(content: Content) -> str:
    """The visible text: the content, or a refusal, or the transcript of audio."""
    said = content.content
    if isinstance(said, list):
        said = "".join(part.text or part.refusal or "" for part in said if part.type not in _THOUGHTS)
    return said or content.refusal or (content.audio and content.audio.transcript) or ""


def thought_of(content: Content) -> str:
    """The model's reasoning, from the first field that has it: some servers send it in several."""
    if thought := content.reasoning_content or content.reasoning or content.thinking:
        return thought
    if details := details_of(content):
        return "".join(_string(detail.get("text")) or _string(detail.get("summary")) or "" for detail in details)
    return "".join(map(_thought, content.content)) if isinstance(content.content, list) else ""


def thought_field(content: Content) -> str:
    """The message's field that `thought_of` reads; empty if the thought is inside another field."""
    return next((name for name in THOUGHT_FIELDS if getattr(content, name)), "")


def details_of(content: Content) -> list[dict[str, Any]]:
    """OpenRouter's pieces of reasoning. An encrypted one has neither `text` nor `summary`."""
    details = content.reasoning_details
    return [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []


def tool_of(content: Content) -> str:
    """The name of the tool that the model calls; empty if there is none."""
    calls = content.tool_calls if isinstance(content.tool_calls, list) else [{"function": content.function_call}]
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if isinstance(name, str) and name:
            return name
    return ""


def usage_of(usage: Usage) -> UsageDelta:
    """The counts under whichever names the server gives them. Missing ones are 0."""
    read, written = count(usage.prompt_tokens) or 0, count(usage.completion_tokens) or 0
    details, more = usage.prompt_tokens_details, usage.completion_tokens_details
    cached = (details and count(details.cached_tokens)) or count(usage.prompt_cache_hit_tokens)
    thought = (more and count(more.reasoning_tokens)) or 0
    if thought and usage.total_tokens == read + written + thought:
        # xAI and Gemini count reasoning beside the completion.
        written = count(written + thought) or 0
    return UsageDelta(read, written, cached or count(usage.cached_tokens) or 0, thought)


def _thought(part: Part) -> str:
    if part.type not in _THOUGHTS:
        return ""
    if isinstance(part.thinking, list):
        return "".join(inner.text or "" for inner in part.thinking)
    return part.thinking or part.text or ""


class NotACompletion(ValueError):
    """The bytes are not a JSON object."""


# The fields with reasoning as text; the first one wins.
THOUGHT_FIELDS: Final = ("reasoning_content", "reasoning", "thinking")
_THOUGHTS: Final = ("thinking", "reasoning")
_decoder: Final = msgspec.json.Decoder(Chunk)


def decode(data: bytes) -> Chunk:
    """Decode one chunk. Strings may contain lone surrogates; fields of an unexpected type are treated as absent.

    Raises NotACompletion.
    """
    try:
        return _decoder.decode(data)
    except (ValueError, RecursionError):
        # msgspec rejects lone surrogates, invalid UTF-8 and fields of another type. These are rare, so a slow and
        # tolerant decoder can handle them.
        return _decode_tolerantly(data)


def parse(data: bytes) -> Any:
    """Parse any JSON, with the same tolerance. Raises NotACompletion."""
    try:
        return untrusted_json.parse(data)
    except ValueError as exc:
        raise NotACompletion("not JSON") from exc


def encode(value: object) -> bytes:
    """JSON that `parse` reads back to the same value."""
    return json.dumps(value).encode()


def _decode_tolerantly(data: bytes) -> Chunk:
    value = parse(data)
    if not isinstance(value, dict):
        raise NotACompletion("not a JSON object")
    choices = value.get("choices")
    groq = value.get("x_groq")
    return Chunk(
        choices=[_choice(item) for item in choices if isinstance(item, dict)] if isinstance(choices, list) else None,
        usage=_usage(value.get("usage")),
        error=value.get("error"),
        x_groq=Groq(_usage(groq.get("usage")), groq.get("error")) if isinstance(groq, dict) else None,
    )


def _choice(value: dict[str, Any]) -> Choice:
    return Choice(
        index=count(value.get("index")),
        delta=_content(value.get("delta")),
        message=_content(value.get("message")),
        text=_string(value.get("text")),
        finish_reason=value.get("finish_reason"),
        error=value.get("error"),
        usage=_usage(value.get("usage")),
    )


def _content(value: object) -> Content | None:
    if isinstance(value, str):
        return Content(content=value)
    if not isinstance(value, dict):
        return None
    content, audio = value.get("content"), value.get("audio")
    return Content(
        content=_parts([content] if isinstance(content, dict) else content)
        if isinstance(content, dict | list)
        else _string(content),
        reasoning_content=_string(value.get("reasoning_content")),
        reasoning=_string(value.get("reasoning")),
        thinking=_string(value.get("thinking")),
        reasoning_details=value.get("reasoning_details"),
        refusal=_string(value.get("refusal")),
        audio=Audio(_string(audio.get("transcript"))) if isinstance(audio, dict) else None,
        tool_calls=value.get("tool_calls"),
        function_call=value.get("function_call"),
    )


def _parts(value: list[Any], *, depth: int = 0) -> list[Part]:
    return [
        Part(text=item) if isinstance(item, str) else _part(item, depth)
        for item in value
        if isinstance(item, dict | str)
    ]


def _part(value: dict[str, Any], depth: int) -> Part:
    thinking, text = value.get("thinking"), value.get("text")
    return Part(
        type=_string(value.get("type")),
        # OpenAI's Assistants API wraps the text in an object.
        text=_string(text.get("value") if isinstance(text, dict) else text),
        refusal=_string(value.get("refusal")),
        # A thought has parts, and these have only text: deeper lists are ignored.
        thinking=(_parts(thinking, depth=1) if depth == 0 else None)
        if isinstance(thinking, list)
        else _string(thinking),
    )


def _usage(value: object) -> Usage | None:
    if not isinstance(value, dict):
        return None
    read, written = value.get("prompt_tokens_details"), value.get("completion_tokens_details")
    names = ("prompt_tokens", "completion_tokens", "total_tokens", "prompt_cache_hit_tokens", "cached_tokens")
    return Usage(
        **{name: count(value.get(name)) for name in names},
        prompt_tokens_details=PromptTokens(count(read.get("cached_tokens"))) if isinstance(read, dict) else None,
        completion_tokens_details=CompletionTokens(count(written.get("reasoning_tokens")))
        if isinstance(written, dict)
        else None,
    )


def _string(value: object) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        # Text that is only a number may arrive as a number.
        return str(value) if abs(value) < 10**untrusted_json.MOST_DIGITS else None
    return value if isinstance(value, str) else None
