"""Upstream faults, and what the user is told: a real server, real faults."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from chat.providers.anthropic.provider import AnthropicProvider
from chat.providers.base import (
    AuthenticationFailed,
    ContextTooLong,
    Delta,
    Incomplete,
    Misconfigured,
    ProviderError,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    Redirected,
    TimedOut,
)
from tests.fake_anthropic import FakeAnthropic
from tests.fake_anthropic.stage import MessageStage
from tests.fake_openai.certificate import self_signed
from tests.ports import closed_port
from tests.providers.anthropic.conftest import KEY
from tests.providers.contract import ask, pieces_of, text_of
from tests.providers.raw_server import RawServer, response

Connect = Callable[..., AnthropicProvider]


async def fail(provider: AnthropicProvider, text: str) -> tuple[list[Delta], ProviderError]:
    """The deltas before the failure, and the failure."""
    deltas: list[Delta] = []
    try:
        async with asyncio.timeout(20), aclosing(provider.stream(ask(text))) as stream:
            async for delta in stream:
                deltas.append(delta)  # noqa: PERF401 - the deltas before the failure must not be lost
    except ProviderError as error:
        return deltas, error
    pytest.fail(f"{text} did not fail")


@pytest.mark.parametrize(
    ("script", "kind", "retryable"),
    [
        ("status-400 message=Bad_role", ProviderError, False),
        ("status-401 message=invalid_x-api-key", AuthenticationFailed, False),
        ("status-402 message=Pay_first", QuotaExceeded, False),
        ("status-400 message=Your_credit_balance_is_too_low", QuotaExceeded, False),
        ("status-403 message=Not_yours", AuthenticationFailed, False),
        ("status-404 message=model:_claude-x", ProviderError, False),
        ("status-413 message=Request_exceeds_the_maximum_size", ContextTooLong, False),
        ("status-429 message=Slow_down", RateLimited, True),
        ("status-500 message=Internal_server_error", ProviderUnavailable, True),
        ("status-504 message=Upstream_timed_out", TimedOut, True),
        ("status-529 message=Overloaded", ProviderUnavailable, True),
    ],
)
async def test_a_refusal_has_its_type_and_the_servers_message(
    provider: AnthropicProvider, script: str, kind: type[ProviderError], retryable: bool
) -> None:
    deltas, error = await fail(provider, f"/{script}")

    assert deltas == []
    assert type(error) is kind
    assert error.retryable is retryable
    assert script.partition("message=")[2].replace("_", " ") in error.message


@pytest.mark.parametrize("words", ["prompt is too long: 210000 tokens > 200000 maximum", "exceeds context limit"])
async def test_an_overlong_conversation_is_reported(
    provider: AnthropicProvider, server: FakeAnthropic, words: str
) -> None:
    server.rule = lambda body: words

    _, error = await fail(provider, "hi")

    assert not error.retryable
    assert error.message.startswith("The conversation is too long for this model.")


@pytest.mark.parametrize(("headers", "seconds"), [({"retry-after": "7"}, 7.0), ({}, None)])
async def test_errors_have_a_retry_after(
    provider: AnthropicProvider, server: FakeAnthropic, headers: dict[str, str], seconds: float | None
) -> None:
    async def script(stage: MessageStage) -> None:
        await stage.refuse(429, "Slow down", headers=headers)

    server.script = script
    _, error = await fail(provider, "hi")

    assert error.retry_after == seconds


@pytest.mark.parametrize("script", ["eof after=2", "cut after=2"])
async def test_a_truncated_stream_is_incomplete(provider: AnthropicProvider, script: str) -> None:
    deltas, error = await fail(provider, f"/{script}")

    assert pieces_of(deltas) == 2
    assert type(error) is Incomplete


@pytest.mark.parametrize("script", ["eof after=0", "html", "broken after=1"])
async def test_an_invalid_response_is_an_error(provider: AnthropicProvider, script: str) -> None:
    _, error = await fail(provider, f"/{script}")

    assert error.message.endswith(".")


async def test_silence_times_out(connect: Connect, server: FakeAnthropic) -> None:
    deltas, error = await fail(connect(first_token_timeout=0.5, idle_timeout=0.5), "/stall after=2")

    assert pieces_of(deltas) == 2
    assert type(error) is TimedOut
    await server.journal.wait(lambda journal: journal.open_connections == 0, seconds=0.5)


async def test_pings_extend_the_timeout_only_up_to_a_limit(connect: Connect, server: FakeAnthropic) -> None:
    async def script(stage: MessageStage) -> None:
        await stage.begin()
        while True:
            await stage.raw(b'event: ping\ndata: {"type": "ping"}\n\n')
            await asyncio.sleep(0.01)

    server.script = script
    _, error = await fail(connect(first_token_timeout=0.2), "hi")

    # Ten times as long as without pings.
    assert "did not start answering within 2 seconds" in error.message


async def test_the_second_half_after_a_pause_can_fail_too(provider: AnthropicProvider, server: FakeAnthropic) -> None:
    async def script(stage: MessageStage) -> None:
        if len(server.journal.exchanges) == 1:
            await stage.say("Let me search.")
            await stage.finish("pause_turn")
        else:
            await stage.refuse(529, "Overloaded")

    server.script = script
    deltas, error = await fail(provider, "hi")

    assert text_of(deltas) == "Let me search."
    assert type(error) is ProviderUnavailable


@pytest.mark.parametrize("status", [401, 403, 400, 418, 500])
async def test_no_message_and_no_log_line_contains_the_key(
    provider: AnthropicProvider, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    _, error = await fail(provider, f"/status-{status} message=What_is_{KEY}?")

    for told in (error.message, caplog.text):
        assert "What is" in told
        assert KEY not in told
    assert "provider anthropic: no answer from fake-small:" in caplog.text


async def test_a_redirect_is_not_followed(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    async with FakeAnthropic() as other:
        away = response(status="307 Temporary Redirect", headers=[f"Location: {other.url}/v1/messages"])
        async with RawServer(lambda _: [away]) as server:
            url = f"http://127.0.0.1:{server.port}"
            _, error = await fail(connect(base_url=url), "hi")

        assert type(error) is Redirected
        assert other.journal.connections == []
        assert f"redirect to {other.url} not followed" in caplog.text


async def test_a_refused_connection_is_unavailable(connect: Connect) -> None:
    _, error = await fail(connect(base_url=f"http://127.0.0.1:{closed_port()}"), "hi")

    assert type(error) is ProviderUnavailable
    assert error.message == "The model server could not be reached."


async def test_a_self_signed_certificate_is_reported(connect: Connect, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    async with FakeAnthropic(ssl_context=context) as server:
        _, error = await fail(connect(base_url=server.url), "hi")

    assert (type(error), error.retryable) == (ProviderUnavailable, False)
    assert "certificate" in error.message


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "nonsense"},
        {"base_url": "ftp://model.example"},
        {"base_url": "http://user:pass@model.example"},
        {"base_url": "http://[::1"},
        {"api_key": "sk-ant-\u20ac"},
        {"api_key": "sk-ant\r\nx: y"},
        {"headers": {"x y": "z"}},
    ],
)
async def test_unusable_settings_are_reported_as_misconfigured(connect: Connect, options: dict[str, object]) -> None:
    provider = connect(**options)

    _, error = await fail(provider, "hi")
    with pytest.raises(ProviderError) as raised:
        await provider.models()

    for each in (error, raised.value):
        assert type(each) is Misconfigured
        assert "sk-ant" not in f"{each.message}{each.__cause__}"


def page(*names: str, last: object = None, more: object = False) -> bytes:
    return json.dumps(
        {"data": [{"type": "model", "id": name} for name in names], "last_id": last, "has_more": more}
    ).encode()


@pytest.mark.parametrize(
    ("pages", "names", "requests"),
    [
        ([page("a", "b")], ("a", "b"), 1),
        ([page("a", last="a", more=True), page("b", last="b")], ("a", "b"), 2),
        ([page("a", last="a b&c=/", more=True), page("a", "b")], ("a", "b"), 2),
        # Servers that repeat a page, that never end, that send no usable cursor.
        ([page("a", last="a", more=True)] * 9, ("a",), 2),
        (
            [page(f"m{number}", last=str(number), more=True) for number in range(99)],
            tuple(f"m{n}" for n in range(20)),
            20,
        ),
        ([page("a", last=7, more=True)], ("a",), 1),
        ([page("a", last="x" * 999, more=True)], ("a",), 1),
        ([page("a", last="b", more="yes")], ("a",), 1),
        ([page(*(f"m{number}" for number in range(5_000)))], tuple(f"m{number}" for number in range(1_000)), 1),
        ([page("a\0", "b" * 300, " c", KEY, "d")], ("d",), 1),
        ([b'{"data": [{"id": "a", "lifecycle": "retired"}, {"id": "b", "lifecycle": "deprecated"}]}'], ("b",), 1),
    ],
)
async def test_lists_of_models_are_read_with_care(
    connect: Connect, pages: list[bytes], names: tuple[str, ...], requests: int
) -> None:
    left = iter(pages)
    async with RawServer(lambda _: [response(next(left))]) as server:
        assert await connect(base_url=f"http://127.0.0.1:{server.port}").models() == names

        assert len(server.requests) == requests
        assert all(request.startswith(b"GET /v1/models?limit=1000") for request in server.requests)


@pytest.mark.parametrize(
    ("sent", "kind", "sentence"),
    [
        (response(b"<html>"), ProviderError, "is a web page"),
        (response(b"{}"), ProviderError, "is not a list of models"),
        (response(b'{"error": {"message": "Bad key"}}', status="401 Unauthorized"), AuthenticationFailed, "Bad key"),
        (response(status="307 Temporary Redirect", headers=["Location: /v2"]), Redirected, "redirects"),
        (b"", ProviderUnavailable, "was lost"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", ProviderUnavailable, "was lost"),
    ],
)
async def test_a_failed_listing_is_a_provider_error(
    connect: Connect, sent: bytes, kind: type[ProviderError], sentence: str
) -> None:
    async with RawServer(lambda _: [sent]) as server:
        with pytest.raises(ProviderError, match=sentence) as raised:
            await connect(base_url=f"http://127.0.0.1:{server.port}").models()

    assert type(raised.value) is kind


async def test_a_listing_that_never_arrives_times_out(connect: Connect) -> None:
    async with RawServer(lambda _: [None]) as server:
        with pytest.raises(TimedOut):
            await connect(base_url=f"http://127.0.0.1:{server.port}", idle_timeout=0.3).models()
