"""Prompts and the key go only to the configured server, and what it sends is limited."""

from __future__ import annotations

import asyncio
import gzip
import traceback
import tracemalloc
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import httpx2
import openai
import pytest

from chat.providers.base import Finish, Misconfigured, ProviderError, Redirected, TextDelta
from chat.providers.http.transport import LeftOrigin, OriginTransport, proxy_for, redirect_target
from chat.providers.ollama import detection as ollama_detection
from chat.providers.openai import detection as openai_detection
from chat.providers.openai.chat import OpenAIProvider
from chat.providers.openai.client import Client
from chat.providers.openai.event_reader import MAX_SILENT_BYTES
from tests.providers.contract import answer, ask
from tests.providers.raw_server import Play, RawServer, answer_of, response

KEY = "gateway-key-0123"
HELLO = [TextDelta("Hello"), Finish("stop")]


def answering(body: bytes, *headers: str) -> Play:
    return lambda _: [response(body, headers=headers)]


async def said(play: Play, **options: object) -> tuple[object, RawServer]:
    """The deltas, or the error, of one answer."""
    async with RawServer(play) as server:
        return await asked(server, **options), server


async def asked(server: RawServer, text: str = "a secret prompt", **options: object) -> object:
    provider = OpenAIProvider(**{"base_url": server.base_url, "api_key": KEY} | options)  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(60):
            return await answer(provider, ask(text))
    except ProviderError as error:
        return error
    finally:
        await provider.close()


STATUSES = [
    "300 Multiple Choices",
    "301 Moved",
    "302 Found",
    "303 See Other",
    "307 Temporary",
    "308 Permanent",
    "399 Odd",
]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
async def test_no_redirect_is_followed_to_another_origin(
    status: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with RawServer(answering(answer_of("stolen"))) as other:
        target = f"http://user:{KEY}@{name}:{other.port}/v1/{KEY}?{KEY}"
        error, server = await said(lambda _: [response(status=status, headers=[f"Location: {target}"])])
        async with RawServer(lambda _: [response(status=status, headers=[f"Location: {target}"])]) as listed:
            detected = await openai_detection.detect(
                {"OPENAI_BASE_URL": listed.base_url, "OPENAI_API_KEY": KEY}, False
            )
            ollama = await ollama_detection.detect({"OLLAMA_URL": listed.base_url.removesuffix("/v1")}, False)
            assert ollama.models == ()

        assert other.requests == []
    assert len(server.requests) == 1
    assert isinstance(error, Redirected)
    assert not error.retryable
    assert error.message == (
        "The model server redirects to another address. Nothing was sent there; the base URL is probably wrong."
    )
    assert error.message in detected.problem
    assert (detected.models, detected.default_model) == ((), "")
    assert f"redirect to http://{name}:{other.port} not followed" in caplog.text
    assert KEY not in caplog.text


async def test_control_following_redirects_leaks_the_prompt_and_the_key() -> None:
    """Control: the openai package's own client."""
    async with RawServer(answering(answer_of("stolen"))) as other:
        target = f"http://127.0.0.1:{other.port}/v1/chat/completions"
        async with RawServer(lambda _: [response(status="307 T", headers=[f"Location: {target}"])]) as server:
            http = openai.DefaultAioHttpClient(trust_env=False)
            async with openai.AsyncOpenAI(base_url=server.base_url, api_key=KEY, http_client=http) as client:
                await client.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": "a secret prompt"}], stream=True
                )

        assert b"a secret prompt" in other.requests[0]


@pytest.mark.parametrize(
    "location", ["/elsewhere", "/v1/chat/completions/", "?x=1", "", "//", "http://[", "\\x", "mailto:a@b"]
)
async def test_no_redirect_of_any_form_is_followed(location: str) -> None:
    """Not even one to the same server: the base URL has to be corrected."""
    error, server = await said(lambda _: [response(status="308 P", headers=[f"Location: {location}"])])

    assert isinstance(error, Redirected)
    assert len(server.requests) == 1


@pytest.mark.parametrize("headers", [[], ["Location: "], ["Location:   "]])
async def test_a_redirect_without_a_location_is_reported(headers: list[str], caplog: pytest.LogCaptureFixture) -> None:
    error, server = await said(lambda _: [response(status="302 Found", headers=headers)])

    assert isinstance(error, Redirected)
    assert error.message == (
        "The model server sent a redirect without an address (status 302). The base URL is probably wrong."
    )
    assert "redirect without a Location (status 302); check the base URL" in caplog.text
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("/v1/", "the same server"),
        ("http://model.example/v1/chat/completions", "the same server"),
        ("https://model.example/v1", "https://model.example"),
        ("http://model.example:81/v1", "http://model.example:81"),
        ("//other.example:8443/x", "http://other.example:8443"),
        ("https://user:word@other.example/secret?secret#secret", "https://other.example"),
        ("http://[::1]:99/", "http://[::1]:99"),
        ("http://[", "an invalid address"),
        ("http://a:99999", "an invalid address"),
    ],
)
def test_only_the_origin_of_a_redirect_is_logged(location: str, shown: str) -> None:
    assert redirect_target("http://model.example/v1/chat/completions", location) == shown


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{}/", "http://localhost:80/", "https://localhost:{}/", "http://evil.example/"]
)
async def test_a_request_for_another_origin_is_not_sent(url: str) -> None:
    async with RawServer(answering(b"{}")) as server, RawServer(answering(b"{}")) as other:
        async with OriginTransport(server.base_url) as client:
            with pytest.raises(LeftOrigin):
                await client.handle_async_request(httpx2.Request("GET", url.format(other.port)))
            assert (await client.handle_async_request(httpx2.Request("GET", server.base_url))).status_code == 200
        assert other.requests == []


async def test_no_cookie_is_kept() -> None:
    cookies = ["Set-Cookie: who=alice; Path=/", "Set-Cookie2: who=alice"]
    async with RawServer(answering(answer_of("Hello"), *cookies)) as server:
        # aiohttp's own cookie jar only takes cookies from host names, not from IP addresses.
        provider = OpenAIProvider(base_url=f"http://localhost:{server.port}/v1")
        for _ in range(2):
            assert await answer(provider, ask("hello")) == HELLO
        await provider.close()

    assert len(server.requests) == 2
    assert b"cookie" not in server.requests[1].lower()


async def test_control_a_client_with_a_cookie_jar_sends_cookies_back() -> None:
    """Control: the second request has the cookie."""
    async with (
        RawServer(answering(b"{}", "Set-Cookie: who=alice; Path=/")) as server,
        openai.DefaultAioHttpClient(trust_env=False) as client,
    ):
        for _ in range(2):
            await client.get(f"http://localhost:{server.port}/")

    assert b"who=alice" in server.requests[1]


# Everything that the openai package reads from the environment for a client, except OPENAI_LOG.
OPENAI_VARIABLES = {
    "OPENAI_API_KEY": "key-of-bob",
    "OPENAI_ADMIN_KEY": "admin-key-of-bob",
    "OPENAI_ORG_ID": "org-of-bob",
    "OPENAI_PROJECT_ID": "proj-of-bob",
    "OPENAI_WEBHOOK_SECRET": "webhook-of-bob",
    "OPENAI_BASE_URL": "http://127.0.0.1:9/of-bob",
    "OPENAI_CUSTOM_HEADERS": "Authorization: Bearer gateway-of-bob\nX-Team: team-of-bob\nUser-Agent: agent-of-bob",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment that would send requests elsewhere, or with another person's password."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login bob password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name, value in OPENAI_VARIABLES.items():
        monkeypatch.setenv(name, value)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)


@pytest.mark.parametrize("key", ["", KEY])
@pytest.mark.usefixtures("environment")
async def test_requests_reveal_nothing_of_the_machine(key: str) -> None:
    async with RawServer(answering(answer_of("Hello"))) as server:
        assert await asked(server, api_key=key) == HELLO
        head = server.requests[0].split(b"\r\n\r\n")[0].decode().split("\r\n")[1:]

    sent = {line.split(":")[0].lower(): line.split(": ", 1)[1] for line in head}
    assert sent.pop("content-length")
    assert sent.pop("connection") == "keep-alive"
    assert sent == {
        "host": f"127.0.0.1:{server.port}",
        "authorization": f"Bearer {key or 'none'}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": "Chatsite",
    }


@pytest.mark.parametrize("base_url", ["https://api.openai.com/v1", "https://api.example/v1"])
@pytest.mark.usefixtures("environment")
async def test_the_package_ignores_the_environment(base_url: str) -> None:
    client = Client(base_url=base_url, api_key="", connect_timeout=1, path="/x", headers={"X-Team": "ours"})
    try:
        package = client.package
        kept = [package.api_key, package.admin_api_key, package.organization, package.project, package.webhook_secret]
        kept += [package.base_url, *package.default_headers.items(), *package.auth_headers.items()]
    finally:
        await client.close()

    assert "of-bob" not in str(kept)
    assert package.default_headers["X-Team"] == "ours"


@pytest.mark.usefixtures("environment")
async def test_an_openai_organization_can_be_set_in_the_headers() -> None:
    async with RawServer(answering(answer_of("Hello"))) as server:
        assert await asked(server, headers={"OpenAI-Organization": "org-of-alice"}) == HELLO

    assert b"org-of-alice" in server.requests[0]
    assert b"of-bob" not in server.requests[0]


@pytest.mark.parametrize(
    ("url", "names", "proxy"),
    [
        ("https://api.example/v1", {"https_proxy": "http://proxy:1"}, "http://proxy:1"),
        ("https://api.example/v1", {"ALL_PROXY": "http://proxy:2"}, "http://proxy:2"),
        ("https://api.example/v1", {"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "api.example"}, None),
        ("https://api.example/v1", {"HTTP_PROXY": "http://proxy:1"}, None),
        ("https://localhost/v1", {"HTTPS_PROXY": "http://proxy:1"}, None),
        ("https://[::1]/v1", {"HTTPS_PROXY": "http://proxy:1"}, None),
        ("http://api.example/v1", {"HTTP_PROXY": "http://proxy:1", "ALL_PROXY": "http://proxy:1"}, None),
    ],
)
def test_a_proxy_of_the_environment_is_only_for_https(
    monkeypatch: pytest.MonkeyPatch, url: str, names: dict[str, str], proxy: str | None
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in names.items():
        monkeypatch.setenv(name, value)

    assert proxy_for(url) == proxy


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("GZip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress),
     ("deflate", raw_deflate), ("identity", bytes),
     ("gzip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:]))],
)  # fmt: skip
async def test_an_unrequested_compressed_answer_is_read(coding: str, pack: Callable[[bytes], bytes]) -> None:
    deltas, server = await said(answering(pack(answer_of("Hello")), f"Content-Encoding: {coding}"))

    assert deltas == HELLO
    assert b"Accept-Encoding: identity" in server.requests[0]


@pytest.mark.parametrize(
    ("coding", "body"),
    [("br", b"x"), ("zstd", b"x"), ("nonsense", b"x"), ("gzip", b"not gzip"), ("deflate", b"\xff\xff\xff"),
     ("gzip, gzip", gzip.compress(gzip.compress(answer_of("Hello")))), ("gzip\r\nContent-Encoding: gzip", b"x")],
)  # fmt: skip
async def test_an_undecodable_compressed_answer_is_reported(coding: str, body: bytes) -> None:
    error, _ = await said(answering(body, f"Content-Encoding: {coding}"))

    assert isinstance(error, ProviderError)
    assert error.message == "The model server sent a compressed response that cannot be read."


BOMB_BYTES = 256 * 2**20


def bomb(filling: bytes) -> bytes:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    piece = filling * (2**20 // len(filling))
    return b"".join([*(packer.compress(piece) for _ in range(BOMB_BYTES // 2**20)), packer.flush()])


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    """About 256 KiB each, which unpack to 256 MiB."""
    return {
        "spaces": bomb(b" "),
        "comments": bomb(b": " + b"x" * 1020 + b"\n\n"),
        "line": bomb(b"data: xx"),
        "json": b"".join([bomb(b"[")]),
    }


async def peak_of(play: Play, act: Callable[[RawServer], object] = asked) -> tuple[object, int]:
    """The outcome, and Python's peak memory in bytes."""
    async with RawServer(play) as server:
        tracemalloc.start()
        try:
            outcome = await act(server)  # type: ignore[misc]
            return outcome, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("filling", ["spaces", "comments", "line", "json"])
@pytest.mark.parametrize("status", ["200 OK", "500 Oh"])
async def test_a_decompression_bomb_is_aborted_within_limits(
    bombs: dict[str, bytes], filling: str, status: str
) -> None:
    packed = response(bombs[filling], status=status, headers=["Content-Encoding: gzip"])
    error, peak = await peak_of(lambda _: [packed])

    assert isinstance(error, ProviderError)
    assert peak < 3 * MAX_SILENT_BYTES < BOMB_BYTES


async def test_a_decompression_bomb_as_listing_is_aborted_within_limits(bombs: dict[str, bytes]) -> None:
    async def listed(server: RawServer) -> object:
        return await openai_detection.detect({"OPENAI_BASE_URL": server.base_url}, False)

    detected, peak = await peak_of(lambda _: [response(bombs["json"], headers=["Content-Encoding: gzip"])], listed)

    assert "longer than 8 MiB" in detected.problem  # type: ignore[attr-defined]
    assert peak < 3 * MAX_SILENT_BYTES < BOMB_BYTES


async def test_control_reading_an_error_body_completely_inflates_a_bomb(bombs: dict[str, bytes]) -> None:
    """Control: the openai package's own client."""

    async def act(server: RawServer) -> object:
        http = openai.DefaultAioHttpClient(trust_env=False)
        async with openai.AsyncOpenAI(
            base_url=server.base_url, api_key=KEY, http_client=http, max_retries=0
        ) as client:
            with pytest.raises(openai.APIStatusError) as caught:
                await client.models.list()
        return caught.type

    packed = response(bombs["spaces"], status="500 Oh", headers=["Content-Encoding: gzip"])
    _, peak = await peak_of(lambda _: [packed], act)

    assert peak > BOMB_BYTES


def endless(head: bytes, piece: bytes) -> Play:
    def play(_: bytes) -> Iterable[bytes]:
        yield head
        while True:
            yield piece

    return play


HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


def chunk(field: bytes) -> bytes:
    """4 KiB without text: many small chunks would measure the speed of the machine."""
    return b'data: {"choices":[],%s,"padding":"%s"}\n\n' % (field, b"x" * 4096)


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (HEAD, b" " * 65536),
        (HEAD, b": comment\n\n" * 6000),
        (HEAD, chunk(b'"usage":null') * 16),
        (HEAD, (chunk(b'"usage":{"prompt_tokens":1}') + chunk(b'"usage":{}')) * 8),
        (HEAD, b"x" * 65536),
        (b"HTTP/1.1 500 Oh\r\n\r\n", b"x" * 65536),
        (b"HTTP/1.1 307 Oh\r\nLocation: http://evil.example/\r\n\r\n", b"x" * 65536),
        (b"HTTP/1.1 200 OK\r\n", b"X-Header: x\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\nX-Header: ", b"x" * 65536),
        (b"HTTP/1.1 ", b"2" * 65536),
    ],
    ids=["spaces", "comments", "chunks", "usage", "line", "error", "redirect", "headers", "header", "status"],
)  # fmt: skip
async def test_an_endless_answer_is_aborted_by_its_size(head: bytes, piece: bytes) -> None:
    error, server = await said(endless(head, piece))

    assert isinstance(error, ProviderError)
    # Bytes in the system's socket buffers were sent but not read.
    assert server.sent < MAX_SILENT_BYTES + 16 * 2**20


async def test_a_flood_of_informational_responses_times_out() -> None:
    error, _ = await said(
        endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 100), first_token_timeout=0.5
    )

    assert isinstance(error, ProviderError)
    assert "did not start answering" in error.message


async def test_a_slow_error_body_times_out() -> None:
    error, _ = await said(lambda _: [b"HTTP/1.1 500 Oh\r\n\r\nsl", None], first_token_timeout=0.3)

    assert isinstance(error, ProviderError)
    assert "did not start answering" in error.message


@pytest.mark.parametrize("charset", ["zip", "hex", "rot13", "utf-7", "nonsense", "idna"])
async def test_the_charset_of_an_error_response_is_ignored(charset: str) -> None:
    body = b'{"error":{"message":"The engine is on fire"}}'
    headers = [f"Content-Type: application/json; charset={charset}"]
    error, _ = await said(lambda _: [response(body, status="418 Tea", headers=headers)])

    assert isinstance(error, ProviderError)
    assert "The engine is on fire" in error.message


BAD_ADDRESSES = [
    "http://host:99999", "http://host:abc", "http://host:-1", "http://user:pass@127.0.0.1/v1", "http://::1/v1",
    "http://[::1",
    "http://", "http:///v1", "ftp://host/v1", "file:///etc/passwd", "host", "localhost:8080", " ", "http://a b/", "http://a\nb/",
    "http://127.0.0.1/v1?query=1", "http://127.0.0.1/v1#x", "http://\ud83d/",
    "http://" + "a" * 300 + "/", "http://..", "javascript:1",
    "http://127.0.0.1:0/v1",
]  # fmt: skip
BAD_KEYS = ["schlüssel", "ключ", "a\nb", "a\r\nX-Evil: 1", "a\0b", "\ud83d", "\U0001f511"]


@pytest.mark.parametrize("base_url", BAD_ADDRESSES, ids=ascii)
async def test_an_impossible_address_is_a_provider_error(base_url: str) -> None:
    provider = OpenAIProvider(base_url=base_url, api_key=KEY, connect_timeout=0.5)
    with pytest.raises(ProviderError) as caught:
        await answer(provider, ask("hello"))
    with pytest.raises(ProviderError):
        await provider.models()
    await provider.close()

    assert "pass" not in caught.value.message
    detected = await openai_detection.detect({"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": KEY}, False)
    assert (detected.provider_name, detected.models, detected.default_model) == ("openai", (), "")
    assert detected.problem
    ollama = await ollama_detection.detect({"OLLAMA_URL": base_url}, False)
    assert ollama.models == ()


@pytest.mark.parametrize("key", BAD_KEYS, ids=ascii)
async def test_a_key_invalid_in_headers_is_a_provider_error(key: str) -> None:
    async with RawServer(answering(answer_of("Hello"))) as server:
        error = await asked(server, api_key=key)
        detected = await openai_detection.detect({"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": key}, False)

        assert server.requests == []
    assert isinstance(error, Misconfigured)
    assert key not in "".join(traceback.format_exception(error)) + detected.problem
    assert detected.problem
