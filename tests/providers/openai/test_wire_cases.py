"""What servers have been seen to send, byte for byte, and what the user gets.

`wire/NAME.http` is a response as received; `#### n ####` on a line of its own is a pause of n seconds and is not
sent. `wire/NAME.expect` says where it was seen and what the right outcome is. The table has the outcome for this
program. Pauses and timeouts are twenty times shorter here.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from time import time
from typing import Any, Final

import pytest

from chat.generation.answer import Answer
from chat.generation.coalescer import Coalescer
from chat.generation.model_call import generate
from chat.providers.base import Delta, ProviderError, ReasoningDelta, Request
from chat.providers.openai.chat import OpenAIProvider
from chat.streams.memory import MemoryLog
from tests.providers.contract import ask
from tests.providers.raw_server import Play, RawServer, response

WIRE: Final = Path(__file__).parent / "wire"
SPEED: Final = 20
PAUSE: Final = re.compile(rb"\n#### (\S+) ####\n")
PARIS: Final = "Paris is the "


@dataclass(frozen=True)
class Whole:
    """A complete answer, which is saved."""

    text: str = PARIS
    reason: str = "stop"
    reasoning: str = ""
    usage: tuple[int, int] | None = None


@dataclass(frozen=True)
class Failure:
    """An error, and the text before it. `says`: a pattern in its message. `requests`: how many requests were sent."""

    code: str
    says: str = ""
    text: str = ""
    retryable: bool | None = None
    requests: int | None = None


TOO_LONG: Final = "too long for this model"
FILTERED: Final = "content filter"
LLAMA: Final = "The first answer, which is long enough to come in more than one piece."

CASES: Final[dict[str, Whole | Failure]] = {
    "400-alternate": Failure("provider_error", "roles must alternate", retryable=False, requests=1),
    "400-ctx-bedrock": Failure("provider_error", TOO_LONG, retryable=False, requests=1),
    "400-ctx-gemini": Failure("provider_error", TOO_LONG, retryable=False, requests=1),
    "500-html": Failure("provider_unavailable", "status 502", retryable=True),
    "anthropic-529": Failure("provider_unavailable", "Overloaded", retryable=True),
    "anthropic-error-mid": Failure("provider_unavailable", "Overloaded", text=PARIS),
    "anthropic-plain": Whole(usage=(7, 3)),
    "azure-400-filter": Failure("provider_error", FILTERED, retryable=False, requests=1),
    "azure-401": Failure("authentication_failed", "invalid subscription key", requests=1),
    "azure-403-net": Failure("provider_error", "Virtual Network/Firewall rules", retryable=False, requests=1),
    "azure-filtered": Whole(reason="content_filter"),
    "azure-filtered-nodelta": Whole(reason="content_filter"),
    "azure-plain": Whole(),
    "bad-utf8": Whole("Par\ufffdis \ufffd"),
    "bom": Whole(),
    "cf-403-html": Failure("provider_error", "web page", retryable=False, requests=1),
    "cf-error": Failure("provider_error", "No such model @cf/x or task", retryable=False, requests=1),
    # Cut off, then retried on a connection that still holds the rest of the response.
    "cl-too-short": Failure("provider_unavailable", "connection to the model server was lost"),
    "cohere-429": Failure("rate_limited", "40 calls / minute", retryable=True),
    "cr": Whole(),
    "crlf": Whole(),
    "dashscope-error": Failure("provider_error", f"{FILTERED}.*may contain inappropriate content", requests=1),
    "dashscope-event-error": Failure("provider_error", "Output data may contain inappropriate content", text=PARIS),
    "deepseek-blank-json": Whole(usage=(7, 3)),
    "deepseek-insufficient": Failure("incomplete", "insufficient_system_resource", text=PARIS, retryable=True),
    "deepseek-plain": Whole(reasoning="Hm.", usage=(7, 3)),
    "delta-string": Whole("Paris"),
    "empty-200": Failure("incomplete", "empty", retryable=True),
    "empty-data": Whole(),
    "empty-stop": Failure("empty_answer", "empty answer", retryable=True, requests=1),
    "fastchat-error": Failure("provider_error", "NETWORK ERROR DUE TO HIGH TRAFFIC", retryable=True),
    "finish-null-done": Whole(),
    "finish-null-string": Whole("Paris is the capital of France."),
    "finish-object": Failure("incomplete", "abort", text=PARIS),
    "finish-twice": Whole(),
    "gemini-400-key": Failure("authentication_failed", "API key not valid", requests=1),
    "gemini-array-data": Failure("provider_unavailable", "The model is overloaded", text="Paris is "),
    "gemini-raw-error-mid": Failure("provider_unavailable", "The model is overloaded", text="Paris is "),
    "groq-413": Failure("provider_error", r"plan.*Limit 6000, Requested 9000", retryable=False, requests=1),
    "groq-event-error": Failure("provider_unavailable", "The model stopped responding", text=PARIS),
    "groq-plain": Whole(usage=(9, 4)),
    "gzip-flushed": Whole(),
    "hello": Whole("Hello from the fake.", usage=(7, 3)),
    "http10-nodone": Whole(),
    "kobold-plain": Whole(),
    "llamacpp-401": Failure("authentication_failed", "Invalid API Key", requests=1),
    "llamacpp-503": Failure("provider_unavailable", "Loading model", retryable=True),
    "llamacpp-error-field": Failure("provider_error", f"{TOO_LONG}.*exceeds the available context size", requests=1),
    "llamacpp-jinja-400": Failure("provider_error", r"It says: Jinja Exception: .*must alternate.*\.$", requests=1),
    "llamacpp-overflow-400": Failure("provider_error", f"{TOO_LONG}.*70016 tokens", retryable=False, requests=1),
    "llamacpp-plain": Whole(usage=(7, 3)),
    "llamacpp-reasoning": Whole(LLAMA, reasoning="Let me think about it.\n", usage=(30, 21)),
    "llamacpp-stream": Whole(LLAMA, usage=(26, 15)),
    "llamacpp-template-500": Failure("provider_unavailable", "roles must alternate", retryable=False, requests=1),
    "lmstudio-200-text": Failure("provider_error", "Unexpected endpoint or method", retryable=False, requests=1),
    "lmstudio-400-none": Failure("provider_error", "No models loaded", retryable=False, requests=1),
    "localai-plain": Whole(),
    "minimax-full-last": Whole(),
    "mistral-finish-error": Failure("incomplete", "error", text=PARIS),
    "mistral-model-length": Whole(reason="length"),
    "mistral-thinking": Whole(reasoning="Let me see. "),
    "mistral-thinking-slow": Whole(reasoning="".join(f"thought {number}. " for number in range(14))),
    "moonshot-usage": Whole(usage=(7, 3)),
    "mute": Failure("timeout", "did not start answering"),
    "nulls": Whole(),
    "number-content": Whole("42"),
    "ollama-404": Failure("provider_error", "does not know this model.*try pulling it first", requests=1),
    "ollama-500-memory": Failure("provider_unavailable", "requires more system memory", retryable=False, requests=1),
    "ollama-plain": Whole(reasoning="Hm."),
    "openai-audio": Whole("Hi there"),
    "openai-function-call": Failure("provider_error", "tool", requests=1),
    "openai-length-empty": Failure("empty_answer", "length", retryable=True, requests=1),
    "openai-plain": Whole(usage=(7, 3)),
    "openai-refusal": Whole("I can't help."),
    "openrouter-200-error": Failure("provider_error", "No endpoints found that support this model", requests=1),
    "openrouter-429": Failure("rate_limited", "temporarily rate-limited upstream", retryable=True),
    "openrouter-details-only": Whole(reasoning="I weigh it."),
    "openrouter-error-in-choice": Failure("provider_unavailable", "Upstream closed the connection", text=PARIS),
    "openrouter-error-mid": Failure("provider_unavailable", "Provider disconnected unexpectedly", text=PARIS),
    "openrouter-finish-error": Failure("incomplete", "error", text=PARIS),
    "perplexity-plain": Whole(usage=(7, 3)),
    "ping-event": Whole(),
    "redirect-301": Failure("provider_error", "redirects.*base URL", requests=1),
    "redirect-308": Failure("provider_error", "redirects.*base URL", requests=1),
    "retry-after-date": Failure("rate_limited", retryable=True, requests=1),
    "role-empty": Whole(),
    "slow-stream": Whole("".join(f"w{number} " for number in range(20))),
    "status-204": Failure("incomplete", "empty", retryable=True),
    "strict-both": Whole(),
    "strict-user": Whole(),
    "text-after-finish": Whole(),
    "text-field": Whole(),
    "tgi-422": Failure("provider_error", f"{TOO_LONG}.*less than 1024 tokens", retryable=False, requests=1),
    "tgi-429": Failure("rate_limited", "Model is overloaded", retryable=True),
    "title": Whole("A fine title"),
    "two-choices": Whole(),
    "usage-after-finish": Whole(usage=(7, 3)),
    "vllm-200-object-error": Failure("provider_error", "Only some models are allowed", retryable=False, requests=1),
    "vllm-400-context": Failure("provider_error", TOO_LONG, retryable=False, requests=1),
    "vllm-404": Failure("provider_error", "does not know this model.*The model `x` does not exist", requests=1),
    "vllm-abort": Failure("incomplete", "abort", text=PARIS),
    "vllm-error-new": Failure("provider_unavailable", "EngineCore encountered an issue", text=PARIS),
    "vllm-error-old": Failure("provider_unavailable", "Background loop has errored already", text=PARIS),
    "whole-json-toolcall": Failure("provider_error", "tool", requests=1),
    "xai-400-key": Failure("authentication_failed", "Incorrect API key provided", requests=1),
}  # fmt: skip
# Tested elsewhere: thoughts in tags (gemini-thought) and a model listing.
ELSEWHERE: Final = {"gemini-thought", "models"}


class Heard:
    """Wraps a provider and records its reasoning."""

    is_demo = False

    def __init__(self, provider: OpenAIProvider) -> None:
        self.name = provider.name
        self.reasoning = ""
        self._provider = provider

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        async with aclosing(self._provider.stream(request)) as deltas:
            async for delta in deltas:
                if isinstance(delta, ReasoningDelta):
                    self.reasoning += delta.text
                yield delta

    async def close(self) -> None:
        await self._provider.close()


def played(name: str) -> Play:
    """The bytes of a case; for some cases they depend on the request."""
    if name in PLAYS:
        return PLAYS[name]
    pieces = PAUSE.split((WIRE / f"{name}.http").read_bytes())

    def play(_: bytes) -> Iterator[bytes | float | None]:
        for number, piece in enumerate(pieces):
            if number % 2 == 0:
                yield piece
            else:
                yield None if piece == b"HOLD" else float(piece) / SPEED

    return play


def redirect(status: str) -> Play:
    return lambda _: [response(status=status, headers=["Location: https://other.example/v1/chat/completions"])]


def busy_until(_: bytes) -> list[bytes]:
    return [response(status="429 X", headers=[f"Retry-After: {formatdate(time() + 40, usegmt=True)}"])]


def strict(*unknown: str) -> Play:
    """Rejects these fields, like servers whose request schema forbids extra fields."""

    def play(request: bytes) -> Iterator[bytes | float | None]:
        sent = [field for field in unknown if field in json.loads(request.partition(b"\r\n\r\n")[2])]
        if sent:
            yield response(json.dumps({"detail": [_extra(field) for field in sent]}).encode(), status="422 X")
        else:
            yield from played("azure-plain")(request)

    return play


def _extra(field: str) -> dict[str, Any]:
    return {"type": "extra_forbidden", "loc": ["body", field], "msg": "Extra inputs are not permitted", "input": "x"}


PLAYS: Final[dict[str, Play]] = {
    "redirect-301": redirect("301 X"),
    "redirect-308": redirect("308 X"),
    "retry-after-date": busy_until,
    "strict-both": strict("user", "stream_options"),
    "strict-user": strict("user"),
}


async def no_sleep(_: float) -> None:
    return


async def get(server: RawServer) -> tuple[Answer, str, ProviderError | None]:
    """The answer so far, the reasoning, and the error if there was one."""
    provider = OpenAIProvider(
        base_url=server.base_url,
        api_key="sk-key-of-this-site",
        first_token_timeout=0.5,
        idle_timeout=0.5,
        settle_timeout=3 / SPEED,
    )
    heard, answer = Heard(provider), Answer()
    failure = None
    try:
        await generate(
            heard,
            ask("What is the capital of France?", user="0123456789abcdef"),
            answer=answer,
            coalescer=Coalescer(MemoryLog(), "run", 1),
            answer_bytes=2**20,
            sleep=no_sleep,
        )
    except ProviderError as error:
        failure = error
    finally:
        await provider.close()
    return answer, heard.reasoning, failure


def test_no_case_is_left_out() -> None:
    assert {path.stem for path in WIRE.glob("*.expect")} == CASES.keys() | ELSEWHERE


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if isinstance(case, Whole)])
async def test_an_answer_is_complete(name: str) -> None:
    case = CASES[name]
    assert isinstance(case, Whole)
    async with RawServer(played(name)) as server:
        answer, reasoning, failure = await get(server)

    assert failure is None
    assert (answer.text, answer.finish_reason, reasoning) == (case.text, case.reason, case.reasoning)
    if case.usage is not None:
        assert answer.usage == dict(zip(("input_tokens", "output_tokens"), case.usage, strict=True))


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if isinstance(case, Failure)])
async def test_a_failure_is_an_error_and_keeps_its_cause(name: str) -> None:
    case = CASES[name]
    assert isinstance(case, Failure)
    async with RawServer(played(name)) as server:
        answer, _, failure = await get(server)

    assert failure is not None
    assert (failure.code, answer.text) == (case.code, case.text)
    assert re.search(case.says, failure.message), failure.message
    assert case.retryable in (None, failure.retryable)
    assert case.requests in (None, len(server.requests))


async def test_a_retry_after_date_is_kept() -> None:
    async with RawServer(played("retry-after-date")) as server:
        _, _, failure = await get(server)

    assert failure is not None
    assert failure.retry_after is not None
    assert 35 < failure.retry_after <= 40


async def test_a_listing_is_read() -> None:
    async with RawServer(played("models")) as server:
        provider = OpenAIProvider(base_url=server.base_url)
        try:
            assert await provider.models() == ("fake",)
        finally:
            await provider.close()
