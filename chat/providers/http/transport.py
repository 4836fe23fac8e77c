"""The HTTP transport for the `openai` package, restricted to one model server.

The package's own transport follows redirects, shares cookies between all users, reads error bodies of any size, and
takes proxies for every address from the environment. This one sends requests only to the configured origin (RFC 6454:
scheme, host and port). It keeps no cookies, reads no .netrc, and limits how much it reads.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Final
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

import aiohttp
import httpx2

# Limit for error bodies, of which only a quote is used.
MOST_ERROR_BYTES: Final = 64 * 1024
# As in the openai package.
_CONNECTIONS: Final = 1000
_KEEPALIVE_SECONDS: Final = 5.0
_READ_BYTES: Final = 16 * 1024
# Decompressed at a time: a compressed kilobyte may become a megabyte.
_DECODED_BYTES: Final = 64 * 1024
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LAST_PORT: Final = 65535
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# Headers with which the openai package describes this machine.
_MACHINE: Final = b"x-stainless-"
_ORIGIN_CHARACTERS: Final = 200

Origin = tuple[str, str, int]


class LeftOrigin(httpx2.RequestError):
    """A request to a server other than the configured one. It was not sent."""


class OriginTransport(httpx2.AsyncBaseTransport):
    """A transport for one base URL, in one event loop.

    A redirect is returned as a response without its Location. The extension "redirect" has the target's origin, for
    display, unless the server named none. The extension "aiohttp_response" has the aiohttp response of an answer.
    Raises ValueError for a base URL that can never work.

    If a reused connection is lost before any response, the request is sent once more on a new connection: most likely
    the server had closed the old one without notice (RFC 9112, section 9.3.1). A request lost on a new connection is
    not retried, because the server may have started processing it. With `may_repeat=False`, no connection is reused,
    and nothing is sent twice. `socket_factory`: makes the sockets, as aiohttp's connector takes it; it may refuse to.
    """

    def __init__(
        self, base_url: str, *, may_repeat: bool = True, socket_factory: aiohttp.SocketFactoryType | None = None
    ) -> None:
        url = httpx2.URL(base_url)
        if url.scheme not in _DEFAULT_PORTS or not url.host or url.userinfo or url.query or url.fragment:
            raise ValueError("not a server address")
        self._origin = _origin_of(url)
        self._proxy = proxy_for(base_url)
        self._may_repeat = may_repeat
        self._socket_factory = socket_factory
        # By `pooled`: one session with a connection pool, and one whose connections serve a single request.
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
        if not self._may_repeat:
            return await self._send_on(self._session(pooled=False), request, way)
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
            make = partial(aiohttp.TCPConnector, limit=_CONNECTIONS, ssl=secure, socket_factory=self._socket_factory)
            connector = make(keepalive_timeout=_KEEPALIVE_SECONDS) if pooled else make(force_close=True)
            session = self._sessions[pooled] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                trace_configs=[_traced()],
            )
        return session

    def _headers(self, request: httpx2.Request) -> list[tuple[str, str]]:
        """Drop headers that reveal more than necessary. No compression: tokens are too small to benefit."""
        kept = [
            (name.decode("ascii"), value.decode("latin-1"))
            for name, value in request.headers.raw
            if not (low := name.lower()).startswith(_MACHINE)
            and low not in (b"accept-encoding", b"cookie", b"content-length", b"host")
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
        # Build a new response: the server's charset and other headers are not trusted.
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
    """Whether a request was sent on a reused connection."""

    was_used: bool = False


def _traced() -> aiohttp.TraceConfig:
    async def on_reuse(_: object, trace: SimpleNamespace, __: object) -> None:
        trace.trace_request_ctx.was_used = True

    config = aiohttp.TraceConfig()
    config.on_connection_reuseconn.append(on_reuse)
    return config


def _was_closed(error: aiohttp.ClientConnectionError) -> bool:
    """Whether the server closed the connection before it began a response.

    Once a response has begun, `message` is not a string but the part of its head that was read. A reset tells no more.
    """
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return isinstance(error.message, str)
    # An error while writing the request has no errno; its reason is in the cause.
    reasons = (error, error.__cause__)
    return any(isinstance(each, ConnectionError) or getattr(each, "errno", None) in _LEFT for each in reasons)


_LEFT: Final = frozenset({errno.ECONNRESET, errno.EPIPE})


def proxy_for(url: str) -> str | None:
    """The proxy from HTTPS_PROXY or ALL_PROXY for an https URL, unless NO_PROXY exempts its host.

    None for plain http: a proxy could read the prompts and the key, and such servers are in the local network.
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
    """The target of a redirect, for the operator: only its origin, or "the same server"."""
    try:
        url = httpx2.URL(urljoin(asked, location))
        scheme, host, port = _origin_of(url)
        if (scheme, host, port) == _origin_of(httpx2.URL(asked)):
            return "the same server"
    except (ValueError, httpx2.InvalidURL):
        return "an invalid address"
    if not host or port > _LAST_PORT:
        return "an invalid address"
    name = f"[{host}]" if ":" in host else host
    shown = f"{scheme}://{name}" if port == _DEFAULT_PORTS.get(scheme) else f"{scheme}://{name}:{port}"
    return shown[:_ORIGIN_CHARACTERS] if shown.isprintable() else "an invalid address"


class _Body(httpx2.AsyncByteStream):
    """The response body, decompressed in small pieces. Raises httpx2.RequestError."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        coding = ",".join(response.headers.getall("Content-Encoding", ())).strip().lower()
        self.is_plain = coding in ("", "identity")
        if not self.is_plain and coding not in _CODINGS:
            raise httpx2.DecodingError("unknown content encoding")
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
                        # Decompression does no I/O: yield to the event loop.
                        await asyncio.sleep(0)
                    yield piece

    async def aclose(self) -> None:
        with _mapped():
            await self._response.__aexit__(None, None, None)


_CODINGS: Final = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class _Decoder:
    """Decodes one content coding of RFC 9110. Nested ones are not decoded: each can expand a thousandfold."""

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
                # Many servers omit the zlib wrapper that "deflate" requires.
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
    """Maps errors of aiohttp, and system errors for invalid addresses, to those that the openai package expects."""
    try:
        yield
    except httpx2.RequestError:
        raise
    except zlib.error as exc:
        raise httpx2.DecodingError(str(exc)) from exc
    except (aiohttp.InvalidURL, UnicodeError, OverflowError) as exc:
        raise httpx2.UnsupportedProtocol("invalid address") from exc
    except aiohttp.ConnectionTimeoutError as exc:
        raise httpx2.ConnectTimeout(str(exc)) from exc
    except aiohttp.ServerTimeoutError as exc:
        raise httpx2.ReadTimeout(str(exc)) from exc
    except aiohttp.ClientConnectorError as exc:
        raise httpx2.ConnectError(str(exc)) from exc
    except (aiohttp.ClientError, OSError) as exc:
        raise httpx2.ReadError(str(exc)) from exc
    except ValueError as exc:
        raise httpx2.UnsupportedProtocol("invalid address or header") from exc
