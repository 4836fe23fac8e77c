"""HTTP to one model server and to nobody else: what the requests of the `openai` package go through.

The package's own transport follows redirects, keeps cookies for all users alike, reads error bodies to their end, and
takes proxies for every address from the environment. This one asks the origin (RFC 6454: scheme, host and port) that
was configured, and no other; it keeps no cookies, reads no .netrc, and bounds what it reads.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Final
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

import aiohttp
import httpx2

# Of a response that is no answer: its words are quoted, and nothing else.
MOST_ERROR_BYTES: Final = 64 * 1024
# As the openai package has it.
_CONNECTIONS: Final = 1000
_KEEPALIVE_SECONDS: Final = 5.0
_READ_BYTES: Final = 16 * 1024
# What is unpacked at a time: a compressed kilobyte may be a megabyte.
_DECODED_BYTES: Final = 64 * 1024
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LAST_PORT: Final = 65535
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# What the openai package tells of this machine, and what it takes from the environment for an account at OpenAI.
_MACHINE: Final = b"x-stainless-"
_ACCOUNT: Final = (b"openai-organization", b"openai-project")
_OPENAI: Final = ("https", "api.openai.com", 443)
_ORIGIN_CHARACTERS: Final = 200

Origin = tuple[str, str, int]


class LeftOrigin(httpx2.RequestError):
    """A request for another server than the configured one. It was not sent."""


class OriginTransport(httpx2.AsyncBaseTransport):
    """For one base URL, in one event loop.

    A redirect comes back as it is, without its Location: that is in the extension "redirect", as an origin to show,
    unless the server has named none.
    The aiohttp response of an answer is in the extension "aiohttp_response". Raises ValueError for a base URL that can
    never work.

    A request that was lost on a connection that had served another one, before anything came back, goes out once more
    on a new connection: most likely the server had closed the old one, unannounced (RFC 9112, section 9.3.1). What is
    lost on a new connection is not sent again, as the server may have begun.
    """

    def __init__(self, base_url: str) -> None:
        url = httpx2.URL(base_url)
        if url.scheme not in _DEFAULT_PORTS or not url.host or url.userinfo or url.query or url.fragment:
            raise ValueError("no address of a server")
        self._origin = _origin_of(url)
        self._proxy = proxy_for(base_url)
        # One with a pool, and one whose connections serve a single request.
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if _origin_of(request.url) != self._origin:
            raise LeftOrigin("not the configured server")
        with _mapped():
            response = await self._send(request)
        try:
            return await self._received(request, response)
        except BaseException:
            response.close()
            raise

    async def aclose(self) -> None:
        for session in self._sessions.values():
            await session.close()

    async def _send(self, request: httpx2.Request) -> aiohttp.ClientResponse:
        way = _Way()
        try:
            return await self._send_on(self._session(pooled=True), request, way)
        except aiohttp.ClientConnectionError as error:
            if not (way.was_used and _was_closed(error)):
                raise
        return await self._send_on(self._session(pooled=False), request, _Way())

    async def _send_on(
        self, session: aiohttp.ClientSession, request: httpx2.Request, way: _Way
    ) -> aiohttp.ClientResponse:
        timeout = request.extensions.get("timeout", {})
        return await session.request(
            request.method,
            str(request.url),
            headers=self._headers(request),
            data=request.content or None,
            allow_redirects=False,
            proxy=self._proxy,
            timeout=aiohttp.ClientTimeout(sock_connect=timeout.get("connect"), sock_read=timeout.get("read")),
            trace_request_ctx=way,
        )

    def _session(self, *, pooled: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(pooled)
        if session is None:
            secure: ssl.SSLContext | bool = httpx2.create_ssl_context() if self._origin[0] == "https" else True
            connector = (
                aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=secure, keepalive_timeout=_KEEPALIVE_SECONDS)
                if pooled
                else aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=secure, force_close=True)
            )
            session = self._sessions[pooled] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                trace_configs=[_traced()],
            )
        return session

    def _headers(self, request: httpx2.Request) -> list[tuple[str, str]]:
        """Without those that tell more than the request needs. Uncompressed: tokens are too small to gain by it."""
        kept = [
            (name.decode("ascii"), value.decode("latin-1"))
            for name, value in request.headers.raw
            if not (low := name.lower()).startswith(_MACHINE)
            and low not in (b"accept-encoding", b"cookie", b"content-length", b"host")
            and (low not in _ACCOUNT or self._origin == _OPENAI)
        ]
        return [*kept, ("Accept-Encoding", "identity")]

    async def _received(self, request: httpx2.Request, response: aiohttp.ClientResponse) -> httpx2.Response:
        body = _Body(response)
        if 200 <= response.status < 300:
            headers = [(name, value) for name, value in response.raw_headers if name.lower() not in _UNPACKED]
            extensions = {"aiohttp_response": response if body.is_plain else None}
            return httpx2.Response(
                response.status, headers=headers, stream=body, request=request, extensions=extensions
            )
        read = b""
        async for piece in body:
            read += piece
            if len(read) >= MOST_ERROR_BYTES:
                break
        await body.aclose()
        redirect = ""
        if 300 <= response.status < 400:
            location = response.headers.get("Location", "").strip()
            redirect = redirect_target(str(request.url), location) if location else ""
        # Made anew: the character set and all else that it says of itself is a stranger's.
        waits = [(name, value) for name, value in response.raw_headers if name.lower() in _WAITS]
        headers = [*waits, (b"Content-Type", b"application/json")]
        return httpx2.Response(
            response.status,
            headers=headers,
            content=read[:MOST_ERROR_BYTES],
            request=request,
            extensions={"redirect": redirect} if redirect else {},
        )


_UNPACKED: Final = (b"content-encoding", b"content-length", b"set-cookie", b"location")
_WAITS: Final = (b"retry-after", b"retry-after-ms")


@dataclass(slots=True)
class _Way:
    """What a request is sent on: whether that connection has served another one."""

    was_used: bool = False


def _traced() -> aiohttp.TraceConfig:
    async def on_reuse(_: object, trace: SimpleNamespace, __: object) -> None:
        trace.trace_request_ctx.was_used = True

    config = aiohttp.TraceConfig()
    config.on_connection_reuseconn.append(on_reuse)
    return config


def _was_closed(error: aiohttp.ClientConnectionError) -> bool:
    """Whether the server had left the connection before it began a response.

    With the first bytes of one, `message` is what could be read of them. Of a reset the system tells no more.
    """
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return isinstance(error.message, str)
    # What was noticed while the request was written has its reason in its cause, and no number.
    reasons = (error, error.__cause__)
    return any(isinstance(each, ConnectionError) or getattr(each, "errno", None) in _LEFT for each in reasons)


_LEFT: Final = frozenset({errno.ECONNRESET, errno.EPIPE})


def proxy_for(url: str) -> str | None:
    """The proxy that HTTPS_PROXY or ALL_PROXY names for an https address, unless NO_PROXY exempts its host.

    None for plain http: a proxy would read the prompts and the key, and such a server stands in one's own network.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" or host in _LOCAL:
        return None
    proxies = getproxies_environment()
    if proxy_bypass_environment(host, proxies):
        return None
    return proxies.get("https") or proxies.get("all")


def redirect_target(asked: str, location: str) -> str:
    """Where a redirect leads, for the operator: its origin alone, or "the same server"."""
    try:
        url = httpx2.URL(urljoin(asked, location))
        scheme, host, port = _origin_of(url)
        if (scheme, host, port) == _origin_of(httpx2.URL(asked)):
            return "the same server"
    except (ValueError, httpx2.InvalidURL):
        return "an address that cannot be read"
    if not host or port > _LAST_PORT:
        return "an address that cannot be read"
    name = f"[{host}]" if ":" in host else host
    shown = f"{scheme}://{name}" if port == _DEFAULT_PORTS.get(scheme) else f"{scheme}://{name}:{port}"
    return shown[:_ORIGIN_CHARACTERS] if shown.isprintable() else "an address that cannot be read"


class _Body(httpx2.AsyncByteStream):
    """What the server sends, unpacked in small pieces. Raises httpx2.RequestError."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        coding = ",".join(response.headers.getall("Content-Encoding", ())).strip().lower()
        self.is_plain = coding in ("", "identity")
        if not self.is_plain and coding not in _CODINGS:
            raise httpx2.DecodingError("an unknown encoding")
        self._coding = coding

    async def __aiter__(self) -> AsyncIterator[bytes]:
        decoder = None if self.is_plain else _Decoder(self._coding)
        with _mapped():
            async for chunk in self._response.content.iter_chunked(_READ_BYTES):
                if decoder is None:
                    yield chunk
                    continue
                for number, piece in enumerate(decoder.decode(chunk)):
                    if number:
                        # What is packed has come long ago: nothing else would let the others have a turn.
                        await asyncio.sleep(0)
                    yield piece

    async def aclose(self) -> None:
        with _mapped():
            await self._response.__aexit__(None, None, None)


_CODINGS: Final = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class _Decoder:
    """One content coding of RFC 9110. A second one within it is not undone: each multiplies by a thousand."""

    def __init__(self, coding: str) -> None:
        self._bits = _CODINGS[coding]
        self._zlib = zlib.decompressobj(self._bits)
        self._is_first = coding == "deflate"

    def decode(self, data: bytes) -> Iterator[bytes]:
        while data:
            try:
                piece = self._zlib.decompress(data, _DECODED_BYTES)
            except zlib.error:
                if not self._is_first:
                    raise
                # Many servers leave out the zlib wrapper that "deflate" asks for.
                self._is_first = False
                self._bits = -zlib.MAX_WBITS
                self._zlib = zlib.decompressobj(self._bits)
                continue
            self._is_first = False
            data = self._zlib.unconsumed_tail
            if self._zlib.eof:
                data = self._zlib.unused_data
                self._zlib = zlib.decompressobj(self._bits)
            if piece:
                yield piece


def _origin_of(url: httpx2.URL) -> Origin:
    return url.scheme, url.host, url.port or _DEFAULT_PORTS.get(url.scheme, 0)


@contextmanager
def _mapped() -> Iterator[None]:
    """aiohttp's errors, and what the system says of an impossible address, as the openai package expects them."""
    try:
        yield
    except httpx2.RequestError:
        raise
    except zlib.error as exc:
        raise httpx2.DecodingError(str(exc)) from exc
    except (aiohttp.InvalidURL, UnicodeError, OverflowError) as exc:
        raise httpx2.UnsupportedProtocol("an impossible address") from exc
    except aiohttp.ConnectionTimeoutError as exc:
        raise httpx2.ConnectTimeout(str(exc)) from exc
    except aiohttp.ServerTimeoutError as exc:
        raise httpx2.ReadTimeout(str(exc)) from exc
    except aiohttp.ClientConnectorError as exc:
        raise httpx2.ConnectError(str(exc)) from exc
    except (aiohttp.ClientError, OSError) as exc:
        raise httpx2.ReadError(str(exc)) from exc
    except ValueError as exc:
        raise httpx2.UnsupportedProtocol("an impossible address or header") from exc
