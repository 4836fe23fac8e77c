"""The interface of a provider: an async iterator of deltas and one family of errors.

A provider knows nothing about runs, logs or the database. To stop it, cancel it: it closes its connection before the
cancellation completes.
"""

from __future__ import annotations

import json
import math
import secrets
import string
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from chat.protocol.errors import ERRORS

# Some servers continue by themselves if the last message is the assistant's; others would begin a new answer.
GO_ON: Final = (
    "Your last message was cut off. Continue it exactly where it ends: begin with the very next character, repeat "
    "nothing of it, and say nothing about this request."
)

Purpose = Literal["answer", "title"]
# `tool_calls`: the model waits for the results of the calls before this.
FinishReason = Literal["stop", "length", "content_filter", "refusal", "tool_calls"]
# How much a model should think before it answers; empty for its default.
Effort = Literal["", "none", "low", "medium", "high"]

# Bounds on what a model may write in one answer: the arguments of one call, and calls. Further calls are ignored.
MAX_ARGUMENT_BYTES: Final = 64 * 1024
MAX_CALLS: Final = 64

_ALPHANUMERIC: Final = string.ascii_letters + string.digits


def new_call_id() -> str:
    """A unique id for a tool call that is valid for every vendor (Mistral wants nine alphanumeric characters)."""
    return "c" + "".join(secrets.choice(_ALPHANUMERIC) for _ in range(8))


@dataclass(frozen=True, slots=True)
class Prompt:
    """One message of the conversation, as sent to the model."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A complete tool call of the model. As a delta, it comes before Finish("tool_calls").

    `call_id` is from `new_call_id`: providers replace the vendor's ids, also in ModelOutput.items. `name`: as offered.
    `arguments`: JSON text as the model wrote it, not validated. If it was longer than MAX_ARGUMENT_BYTES, it is empty
    and `is_too_long` is set: such a call is never executed, and the model is told why.
    """

    call_id: str
    name: str
    arguments: str
    is_too_long: bool = False

    @property
    def has_object(self) -> bool:
        """Whether the arguments are a JSON object."""
        try:
            return isinstance(json.loads(self.arguments), dict)
        except (ValueError, RecursionError):
            return False


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """What the model returned for an earlier request of this conversation, tool calls included.

    `items`: the vendor's own output items, to be sent back verbatim; empty if another model or provider made them, in
    which case the provider builds the message from `text` and `calls`. Each call's ToolResult follows directly.
    """

    text: str
    calls: tuple[ToolUse, ...]
    items: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of the call with this id, as text for the model. `name`: of the tool."""

    call_id: str
    name: str
    text: str
    is_error: bool = False


Message = Prompt | ModelOutput | ToolResult


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the model may call.

    `name` matches `^[a-zA-Z0-9_-]{1,64}$`. `parameters`: a JSON schema with an object at its root, without `$ref`.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a model. `temperature` and `max_output_tokens`: None means the model's default.

    `continues`: the part of the answer that already exists and that the model should continue. `purpose`: what the
    messages ask for, for a model that does not understand them (the demo). `tools`: sorted by name, so that the
    beginning of the request stays the same for the vendor's cache; with `tools_are_off` the model must not call them,
    but earlier calls in `messages` stay valid.
    """

    model: str
    messages: tuple[Message, ...]
    temperature: float | None = None
    max_output_tokens: int | None = None
    user: str = field(default="", repr=False)
    continues: str = field(default="", repr=False)
    purpose: Purpose = "answer"
    tools: tuple[Tool, ...] = ()
    tools_are_off: bool = False
    effort: Effort = ""

    @property
    def prompts(self) -> tuple[Message, ...]:
        """The messages for a model that cannot continue an incomplete message."""
        if not self.continues:
            return self.messages
        return (*self.messages, Prompt("assistant", self.continues), Prompt("user", GO_ON))


@dataclass(frozen=True, slots=True)
class TextDelta:
    """`pieces`: of how many that the model sent, where it does not count its tokens itself."""

    text: str
    pieces: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    text: str
    pieces: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Recant:
    """All text so far was reasoning, which only became clear at its end. The answer begins after this."""


@dataclass(frozen=True, slots=True)
class StatusDelta:
    """A progress message for the user; `state` as in the protocol's `status` event."""

    text: str
    state: str


@dataclass(frozen=True, slots=True)
class ToolDelta:
    """The model is writing a tool call: a sign of life. `name`: the tool. `characters`: of its arguments so far."""

    name: str
    characters: int


@dataclass(frozen=True, slots=True)
class OutputItems:
    """The vendor's own output items, for ModelOutput.items. Before Finish, at most once. Never shown to clients."""

    items: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class UsageDelta:
    """Cumulative counts for this request; a later one replaces an earlier one.

    `input_tokens` includes those read from and written to the vendor's cache, `output_tokens` those of reasoning.
    """

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Finish:
    """The last delta of every complete answer. A stream that ends without it raises Incomplete.

    ToolUse deltas come only before `tool_calls`: calls of an answer that was cut off or refused are dropped.
    """

    reason: FinishReason


Delta = TextDelta | ReasoningDelta | Recant | StatusDelta | ToolDelta | ToolUse | OutputItems | UsageDelta | Finish


class ProviderError(Exception):
    """There is no answer, or no complete one. The message is shown to the user.

    code: an error code of the streaming protocol. retryable: the same request may succeed later; by default what the
    table of errors says. retry_after: seconds that the provider asked to wait, if any. billed: the model has generated
    output, although nothing usable; a retry would cost as much again, so only the user decides on it.
    """

    code = "provider_error"
    retryable = ERRORS["provider_error"].retryable
    billed = False

    def __init_subclass__(cls) -> None:
        if "code" in vars(cls):
            cls.retryable = ERRORS[cls.code].retryable

    def __init__(self, message: str, *, retry_after: float | None = None, retryable: bool | None = None) -> None:
        super().__init__(message)
        self.message = message
        is_time = retry_after is not None and math.isfinite(retry_after) and retry_after >= 0
        self.retry_after = retry_after if is_time else None
        if retryable is not None:
            self.retryable = retryable


class RateLimited(ProviderError):
    code = "rate_limited"


class ProviderUnavailable(ProviderError):
    """No connection, or the server cannot handle the request at the moment (5xx)."""

    code = "provider_unavailable"


class AuthenticationFailed(ProviderError):
    code = "authentication_failed"


class QuotaExceeded(ProviderError):
    """The account at the provider has no credit left. Waiting does not help: its owner must act."""

    code = "quota_exceeded"


class ContextTooLong(ProviderError):
    """The messages are longer than the model's context window. Shorter ones may be accepted."""


class Misconfigured(ProviderError):
    """The base URL or the API key cannot work: the operator must act."""


class Redirected(Misconfigured):
    """The server responded with a redirect, which was not followed."""


class TimedOut(ProviderError):
    code = "timeout"


class Incomplete(ProviderError):
    """The stream ended without a finish reason."""

    code = "incomplete"


class EmptyAnswer(ProviderError):
    """The model ended its answer without any text."""

    code = "empty_answer"
    billed = True


class ToolCalled(ProviderError):
    """The model called a tool, although none was offered."""

    retryable = True
    billed = True


class Provider(Protocol):
    """A source of answers.

    `stream` yields deltas in order and ends after Finish. Whatever the upstream does, it raises only ProviderError.
    The caller closes the iterator (`aclosing`) or cancels the task that awaits it; either way, the upstream connection
    is closed before control returns.
    """

    name: str
    is_demo: bool

    def stream(self, request: Request) -> AsyncGenerator[Delta, None]: ...

    async def models(self) -> tuple[str, ...]:
        """The names of the models that the server lists, in its order. Raises ProviderError."""
        ...

    async def close(self) -> None:
        """Release resources kept between answers (pooled connections)."""
