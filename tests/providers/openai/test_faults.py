"""Upstream faults, and what the user is told: the real client, a real server, real faults."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from chat.providers.base import (
    AuthenticationFailed,
    ContextTooLong,
    Delta,
    Finish,
    Incomplete,
    ProviderError,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    TimedOut,
)
from chat.providers.openai.chat import OpenAIProvider
from tests.fake_openai import FakeOpenAI
from tests.fake_openai.certificate import self_signed
from tests.ports import closed_port
from tests.providers.conftest import KEY
from tests.providers.contract import answer, ask, pieces_of, text_of

Connect = Callable[..., OpenAIProvider]


async def fail(provider: OpenAIProvider, text: str) -> tuple[list[Delta], ProviderError]:
    """The deltas before the failure, and the failure."""
    deltas: list[Delta] = []
    try:
        async with asyncio.timeout(20), aclosing(provider.stream(ask(text))) as stream:
            async for delta in stream:
                deltas.append(delta)  # noqa: PERF401 - the deltas before the failure must not be lost
    except ProviderError as error:
        return deltas, error
    pytest.fail(f"{text} did not fail")


@pytest.fixture
def provider(connect: Connect) -> OpenAIProvider:
    return connect()


@pytest.mark.parametrize(
    ("script", "kind", "code", "retryable"),
    [
        ("status-401", AuthenticationFailed, "authentication_failed", False),
        ("status-403", AuthenticationFailed, "authentication_failed", False),
        ("status-402", QuotaExceeded, "quota_exceeded", False),
        ("quota", QuotaExceeded, "quota_exceeded", False),
        ("rate-limit", RateLimited, "rate_limited", True),
        ("status-500", ProviderUnavailable, "provider_unavailable", True),
        ("status-503", ProviderUnavailable, "provider_unavailable", True),
        ("status-408", TimedOut, "timeout", True),
        ("status-504", TimedOut, "timeout", True),
        ("status-404", ProviderError, "provider_error", False),
        ("status-413", ContextTooLong, "provider_error", False),
        ("status-422", ProviderError, "provider_error", False),
        ("context", ContextTooLong, "provider_error", False),
        ("html", ProviderError, "provider_error", False),
        ("json-error", ProviderUnavailable, "provider_unavailable", True),
        ("eof after=0", Incomplete, "incomplete", True),
    ],
)
async def test_a_refusal_has_its_type_and_yields_no_text(
    provider: OpenAIProvider, script: str, kind: type[ProviderError], code: str, retryable: bool
) -> None:
    deltas, error = await fail(provider, f"/{script}")

    assert deltas == []
    assert type(error) is kind
    assert (error.code, error.retryable) == (code, retryable)
    assert error.message.endswith(".")


@pytest.mark.parametrize(
    ("script", "kind", "retryable", "pieces"),
    [
        ("eof after=2", Incomplete, True, 2),
        ("cut after=2", Incomplete, True, 2),
        ("broken after=1", ProviderError, True, 1),
        ("error after=2", ProviderUnavailable, True, 2),
        ("error after=2 kind=invalid_request_error", ProviderError, False, 2),
        ("error after=2 kind=unheard_of", ProviderError, True, 2),
        ("error after=2 kind= code=insufficient_quota", QuotaExceeded, False, 2),
        ("error after=2 code=rate_limit_exceeded", RateLimited, True, 2),
        ("error after=2 code=502", ProviderUnavailable, True, 2),
        ("error-event after=2", ProviderUnavailable, True, 2),
        ("error-text after=2", ProviderError, True, 2),
    ],
)
async def test_a_failure_in_mid_answer_keeps_the_partial_text(
    provider: OpenAIProvider, server: FakeOpenAI, script: str, kind: type[ProviderError], retryable: bool, pieces: int
) -> None:
    deltas, error = await fail(provider, f"/{script}")

    assert pieces_of(deltas) == pieces
    assert text_of(deltas) == server.journal.exchanges[0].text
    assert (type(error), error.retryable) == (kind, retryable)


@pytest.mark.parametrize(
    ("script", "pieces", "sentence"),
    [
        ("no-headers", 0, "did not start answering"),
        ("mute", 0, "did not start answering"),
        ("stall after=2", 2, "stopped partway"),
    ],
)
async def test_silence_is_timed_out_and_the_connection_closed(
    impatient: OpenAIProvider, server: FakeOpenAI, script: str, pieces: int, sentence: str
) -> None:
    deltas, error = await fail(impatient, f"/{script}")

    assert pieces_of(deltas) == pieces
    assert isinstance(error, TimedOut)
    assert sentence in error.message
    assert "0.5 seconds" in error.message
    await server.journal.wait(lambda journal: journal.open_connections == 0, seconds=0.5)


@pytest.mark.parametrize(
    ("script", "pieces", "sentence"),
    [
        ("mute comments=0.01", 0, "did not start answering within 2 seconds"),
        ("stall after=2 comments=0.01", 2, "nothing arrived for 0.6 seconds"),
    ],
)
async def test_comments_extend_the_timeout_only_up_to_a_limit(
    connect: Connect, server: FakeOpenAI, script: str, pieces: int, sentence: str
) -> None:
    deltas, error = await fail(connect(first_token_timeout=0.2, idle_timeout=0.2), f"/{script}")

    assert pieces_of(deltas) == pieces
    assert isinstance(error, TimedOut)
    assert sentence in error.message
    await server.journal.wait(lambda journal: journal.open_connections == 0, seconds=0.5)


async def test_comments_of_a_queueing_server_extend_the_timeout(connect: Connect) -> None:
    deltas = await answer(connect(first_token_timeout=0.2), ask("/queued count=30 comments=0.02"))

    assert deltas[-1] == Finish("stop")


async def test_a_slow_reader_does_not_time_out(
    connect: Connect, impatient: OpenAIProvider, server: FakeOpenAI
) -> None:
    provider = connect(idle_timeout=0.3)

    async with aclosing(provider.stream(ask("/hold after=1 count=2"))) as deltas:
        first = await anext(deltas)
        # Meanwhile the reader is busy for longer than the idle timeout.
        await fail(impatient, "/mute")
        server.release()
        rest = [delta async for delta in deltas]

    assert text_of([first, *rest]) == server.journal.exchanges[0].text
    assert rest[-1] == Finish("stop")


async def test_an_endless_line_is_aborted(provider: OpenAIProvider, server: FakeOpenAI) -> None:
    _, error = await fail(provider, "/endless-line")

    assert "8 MiB" in error.message
    await server.journal.wait(lambda journal: journal.open_connections == 0, seconds=0.5)


@pytest.mark.parametrize(
    ("script", "seconds"),
    [("rate-limit after=7", 7.0), ("rate-limit after=2500 as=ms", 2.5), ("rate-limit after=soon", None)],
)
async def test_errors_have_a_retry_after(provider: OpenAIProvider, script: str, seconds: float | None) -> None:
    _, error = await fail(provider, f"/{script}")

    assert error.retry_after == seconds


async def test_retry_after_can_be_a_date(provider: OpenAIProvider) -> None:
    _, error = await fail(provider, "/rate-limit after=100 as=date")

    assert error.retry_after is not None
    assert 90 < error.retry_after <= 100


@pytest.mark.parametrize("status", [429, 500])
async def test_it_does_not_retry_and_the_next_request_works(
    provider: OpenAIProvider, server: FakeOpenAI, status: int
) -> None:
    await fail(provider, f"/flaky-{status}")
    assert len(server.journal.exchanges) == 1

    deltas = await answer(provider, ask(f"/flaky-{status}"))

    assert deltas[-1] == Finish("stop")


async def test_a_refused_connection_is_unavailable_not_a_timeout(connect: Connect) -> None:
    _, error = await fail(connect(base_url=f"http://127.0.0.1:{closed_port()}/v1"), "hello")

    assert type(error) is ProviderUnavailable
    assert error.message == "The model server could not be reached."


async def test_an_unknown_host_is_unavailable_by_name(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    _, error = await fail(connect(base_url="http://no-such-host.invalid/v1"), "hello")

    assert type(error) is ProviderUnavailable
    assert error.retryable
    assert "model server's host name was not found" in error.message
    assert "no-such-host.invalid" in caplog.text


async def test_a_self_signed_certificate_is_reported_and_not_retried(
    connect: Connect, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    async with FakeOpenAI(ssl_context=context) as server:
        _, error = await fail(connect(base_url=server.base_url), "hello")

    assert type(error) is ProviderUnavailable
    assert not error.retryable
    assert "certificate" in error.message
    assert "self-signed certificate" in caplog.text


async def test_a_server_without_tls_at_an_https_url_is_reported(connect: Connect, server: FakeOpenAI) -> None:
    _, error = await fail(connect(base_url=server.base_url.replace("http:", "https:")), "hello")

    assert (type(error), error.retryable) == (ProviderUnavailable, False)
    assert "TLS" in error.message


@pytest.mark.parametrize("script", ["status-500 message=out_of_paper", "status-400 message=out_of_paper", "error"])
async def test_the_servers_message_is_logged(
    provider: OpenAIProvider, caplog: pytest.LogCaptureFixture, script: str
) -> None:
    _, error = await fail(provider, f"/{script}")

    (record,) = [record for record in caplog.records if record.name == "chat.providers.openai.chat"]
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith("provider openai: no answer from fake-small:")
    assert error.message in record.getMessage()
    assert "out of paper" in error.message or "on fire" in error.message


async def test_no_log_line_contains_the_key(provider: OpenAIProvider, caplog: pytest.LogCaptureFixture) -> None:
    await fail(provider, "/key")

    assert KEY not in caplog.text
    assert KEY[:8] not in caplog.text


@pytest.mark.parametrize("script", ["key", "key status=403", "key status=400", "key status=418", "key status=500"])
async def test_no_message_contains_the_key(provider: OpenAIProvider, script: str) -> None:
    _, error = await fail(provider, f"/{script}")

    assert KEY not in error.message
    assert KEY[:8] not in error.message


async def test_no_error_object_contains_a_key(provider: OpenAIProvider) -> None:
    _, error = await fail(provider, "/error")

    assert "The engine is on fire" in error.message
    assert "sk-abc" not in error.message


async def test_the_servers_message_is_quoted_and_shortened(provider: OpenAIProvider) -> None:
    _, error = await fail(provider, f"/status-418 message=teapot_{'x_' * 1000}")

    assert "teapot" in error.message
    assert len(error.message) < 500


async def test_a_failed_listing_is_a_provider_error(connect: Connect) -> None:
    with pytest.raises(ProviderUnavailable):
        await connect(base_url=f"http://127.0.0.1:{closed_port()}/v1").models()
