"""Gets one page."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractResolver
from yarl import URL

from chat.tools.base import ToolFailed
from chat.tools.builtin.fetch.addresses import Network
from chat.tools.builtin.fetch.door import Door, Resolver
from chat.tools.builtin.fetch.policy import Policy, Refused

SECONDS: Final = 15.0
PAGE_BYTES: Final = 2 * 1024 * 1024
REDIRECTS: Final = 5
PIECE_BYTES: Final = 64 * 1024

_HEADERS: Final = {
    hdrs.USER_AGENT: "Chatsite (reads a page that a person asked about)",
    hdrs.ACCEPT: "text/html, text/plain, application/json;q=0.9, text/*;q=0.8",
    # The only one that is decoded here, within PAGE_BYTES: aiohttp would decode a whole piece at once.
    hdrs.ACCEPT_ENCODING: "gzip",
}
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Page:
    """`url`: after redirects. `body`: decompressed, at most PAGE_BYTES; `is_cut`: there is more."""

    url: URL
    content_type: str
    charset: str
    body: bytes
    is_cut: bool = False


async def get(
    address: str, policy: Policy, *, resolver: AbstractResolver | None = None, seconds: float = SECONDS
) -> Page:
    """Follows up to REDIRECTS redirects, each judged like the first URL. Raises ToolFailed."""
    try:
        async with asyncio.timeout(seconds):
            for _ in range(REDIRECTS + 1):
                url, networks = policy.permitted(address)
                answer = await _request(url, networks, resolver or Resolver())
                if isinstance(answer, Page):
                    return answer
                address = answer
    except Refused as refusal:
        raise ToolFailed("denied", str(refusal)) from None
    except TimeoutError:
        raise ToolFailed("timeout", f"The page did not arrive within {seconds:g} seconds.") from None
    raise ToolFailed("failed", f"The page redirected more than {REDIRECTS} times.")


async def _request(url: URL, networks: tuple[Network, ...], resolver: AbstractResolver) -> Page | str:
    """The page, or the URL that it redirects to. Nothing is kept between requests: no connection, cookie or name."""
    door = Door(networks)
    connector = aiohttp.TCPConnector(
        socket_factory=door, resolver=resolver, use_dns_cache=False, force_close=True, limit=1
    )
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                timeout=aiohttp.ClientTimeout(total=None),
            ) as session,
            session.get(url, headers=_HEADERS, allow_redirects=False) as response,
        ):
            return await _answer(response)
    except (aiohttp.ClientError, OSError, ValueError, zlib.error) as error:
        if isinstance(error, TimeoutError):
            raise
        if door.has_refused:
            raise Refused("This host is not on the public internet, and may not be reached.") from None
        raise ToolFailed("failed", "The server could not be reached, or did not speak HTTP as it should.") from None


async def _answer(response: aiohttp.ClientResponse) -> Page | str:
    if response.status in _REDIRECTS and (target := response.headers.get(hdrs.LOCATION)):
        return str(response.url.join(URL(target)))
    if response.status != 200:
        raise ToolFailed("failed", f"The server answered with the status {response.status}.")
    kind = response.content_type.lower()
    if not _is_text(kind):
        raise ToolFailed("failed", f"This is no text, but {kind[:80]}.")
    encoding = response.headers.get(hdrs.CONTENT_ENCODING, "").lower().strip()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise ToolFailed("failed", "The server compressed the page in a way that it was not asked for.")
    body, is_cut = await _body(response, is_gzip="gzip" in encoding)
    return Page(response.url, kind, response.charset or "", body, is_cut)


def _is_text(kind: str) -> bool:
    main, _, sub = kind.partition("/")
    return main == "text" or (
        main == "application" and (sub in {"json", "xml", "xhtml+xml"} or sub.endswith(("+json", "+xml")))
    )


async def _body(response: aiohttp.ClientResponse, *, is_gzip: bool) -> tuple[bytes, bool]:
    """At most PAGE_BYTES, both before and after it is decompressed."""
    inflate = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS) if is_gzip else None
    body, arrived = bytearray(), 0
    async for piece in response.content.iter_chunked(PIECE_BYTES):
        arrived += len(piece)
        body += inflate.decompress(piece, PAGE_BYTES + 1 - len(body)) if inflate else piece
        if max(arrived, len(body)) > PAGE_BYTES:
            return bytes(body[:PAGE_BYTES]), True
    return bytes(body), False
