"""What a provider of answers is: one async iterator of deltas, one family of errors.

A provider knows nothing of runs, logs or the database. It is cancelled to be stopped, and then closes its connection
before the cancellation leaves it.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

# Some servers go on by themselves when the last message is the assistant's; the others would begin a new answer.
GO_ON: Final = (
    "Your last message was cut off. Continue it exactly where it ends: begin with the very next character, repeat "
    "nothing of it, and say nothing about this request."
)

Purpose = Literal["answer", "title"]
FinishReason = Literal["stop", "length", "content_filter"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One message of the conversation, as the model shall see it."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask a model. `temperature` and `max_output_tokens` are left to the model where None.

    `continues`: what there is already of the answer to the last message; the model goes on from there. `purpose`: what
    the messages ask for, for a model that does not understand them.
    """

    model: str
    messages: tuple[Prompt, ...]
    temperature: float | None = None
    max_output_tokens: int | None = None
    user: str = field(default="", repr=False)
    continues: str = field(default="", repr=False)
    purpose: Purpose = "answer"

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """The messages for a model that knows only of whole ones."""
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
    """All the text so far was a thought, as only its end has shown. The answer begins after this."""


@dataclass(frozen=True, slots=True)
class StatusDelta:
    """A line about the progress, for a person; `state` is what the protocol's `status` event has."""

    text: str
    state: str


@dataclass(frozen=True, slots=True)
class UsageDelta:
    """Cumulative counts for this answer; a later one replaces an earlier one."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Finish:
    """Always the last delta of an answer that is whole. An iterator that ends without it raises Incomplete."""

    reason: FinishReason


Delta = TextDelta | ReasoningDelta | Recant | StatusDelta | UsageDelta | Finish


class ProviderError(Exception):
    """An answer could not be had, or not to its end. The message is shown to the person who asked.

    code: an error code of the streaming protocol. retryable: the same request may succeed later.
    retry_after: seconds that the provider asked to wait, if it said so. billed: the model has answered, if with
    nothing of use; asking again costs as much once more, which only a person decides.
    """

    code = "provider_error"
    retryable = False
    billed = False

    def __init__(self, message: str, *, retry_after: float | None = None, retryable: bool | None = None) -> None:
        super().__init__(message)
        self.message = message
        is_time = retry_after is not None and math.isfinite(retry_after) and retry_after >= 0
        self.retry_after = retry_after if is_time else None
        if retryable is not None:
            self.retryable = retryable


class RateLimited(ProviderError):
    code = "rate_limited"
    retryable = True


class Unavailable(ProviderError):
    """No connection, or the server says that it cannot answer now (5xx)."""

    code = "provider_unavailable"
    retryable = True


class AuthenticationFailed(ProviderError):
    code = "authentication_failed"


class QuotaExceeded(ProviderError):
    """The account at the provider has no credit left: waiting does not help, its owner must act."""

    code = "quota_exceeded"


class Misconfigured(ProviderError):
    """The address or the key of the server cannot work: its operator must act."""


class Redirected(Misconfigured):
    """The server sends its callers elsewhere. Nothing was sent there."""


class TimedOut(ProviderError):
    code = "timeout"
    retryable = True


class Incomplete(ProviderError):
    """The upstream ended without saying that the answer is finished."""

    code = "incomplete"
    retryable = True


class EmptyAnswer(ProviderError):
    """The model ended its answer without a word."""

    code = "empty_answer"
    retryable = True
    billed = True


class ToolCalled(ProviderError):
    """The model waits for the result of a tool that nobody has offered."""

    retryable = True
    billed = True


class Provider(Protocol):
    """A source of answers.

    `stream` yields deltas in order and ends after Finish; it raises ProviderError and nothing else for what the
    upstream does. The caller closes the iterator (`aclosing`) or cancels the task that awaits it; either way the
    upstream connection is closed before control returns.
    """

    name: str
    is_demo: bool

    def stream(self, request: Request) -> AsyncGenerator[Delta, None]: ...

    async def close(self) -> None:
        """Release what is kept between answers (pooled connections)."""
