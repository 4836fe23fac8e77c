"""Fetching permitted pages."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chat.tools.base import ToolFailed
from chat.tools.builtin.fetch.fetching import PAGE_BYTES, Page, get
from chat.tools.builtin.fetch.policy import Policy
from tests.tools.builtin.fetch.web import Names, Play, Site, page, redirect, site


@asynccontextmanager
async def web(play: Play, *, stays: bool = False) -> AsyncIterator[tuple[Site, Policy, str]]:
    """A site, the policy that permits it, and its address."""
    async with site(play, stays=stays) as served:
        policy = Policy.parse([f"site.test:{served.port}"], ["127.0.0.1"])
        yield served, policy, f"http://site.test:{served.port}/"


def names() -> Names:
    return Names(site_test=[["127.0.0.1"]])


async def got(play: Play, path: str = "") -> Page:
    async with web(play) as (_, policy, address):
        return await get(address + path, policy, resolver=names())


async def failed(play: Play) -> ToolFailed:
    async with web(play) as (_, policy, address):
        with pytest.raises(ToolFailed) as failure:
            await get(address, policy, resolver=names())
        return failure.value


async def test_a_permitted_page_is_read() -> None:
    async with web(lambda head: page("<p>Heron", more="Set-Cookie: a=b\r\n")) as (served, policy, address):
        found = await get(f"{address}birds?name=heron#grey", policy, resolver=names())
        assert (found.body, found.content_type, found.charset) == (b"<p>Heron", "text/html", "utf-8")
        assert str(found.url) == f"{address}birds?name=heron"
        assert served.requests == ["GET /birds?name=heron HTTP/1.1"]
        await get(address, policy, resolver=names())
    head = served.heads[1].lower()
    assert f"host: site.test:{served.port}".encode() in head
    for never in (b"cookie", b"referer", b"authorization"):
        assert never not in head


async def test_redirects_are_followed() -> None:
    targets = {b"/": "/a", b"/a": "b", b"/b": "?c", b"/b?c": "/d", b"/d": "/e"}

    def play(head: bytes) -> bytes:
        target = targets.get(head.split()[1])
        return redirect(target) if target else page("here")

    found = await got(play)
    assert found.body == b"here"
    assert found.url.path == "/e"


async def test_only_five_redirects_are_followed() -> None:
    async with web(lambda head: redirect("/")) as (served, policy, address):
        with pytest.raises(ToolFailed, match="more than 5 times"):
            await get(address, policy, resolver=names())
        assert len(served.requests) == 6


async def test_a_redirect_without_a_target_is_a_failure() -> None:
    failure = await failed(lambda head: b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")
    assert failure.message == "The server answered with the status 302."


@pytest.mark.parametrize("status", ["404 Not Found", "500 Error", "204 No Content", "401 No"])
async def test_an_error_status_is_a_failure(status: str) -> None:
    failure = await failed(lambda head: page("", status=status))
    assert failure.code == "failed"
    assert status[:3] in failure.message


@pytest.mark.parametrize("kind", ["image/png", "application/pdf", "application/octet-stream", "video/mp4"])
async def test_a_binary_content_type_is_a_failure(kind: str) -> None:
    assert kind in (await failed(lambda head: page(b"\x89", kind))).message


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "application/ld+json", "application/rss+xml", "TEXT/HTML"]
)
async def test_texts_are_read(kind: str) -> None:
    assert (await got(lambda head: page("x", kind))).content_type == kind.lower()


async def test_a_long_page_is_cut() -> None:
    exactly = await got(lambda head: page("x" * PAGE_BYTES))
    assert (len(exactly.body), exactly.is_cut) == (PAGE_BYTES, False)
    longer = await got(lambda head: page("x" * (PAGE_BYTES + 1)))
    assert (len(longer.body), longer.is_cut) == (PAGE_BYTES, True)


async def test_compressed_pages_are_read() -> None:
    found = await got(lambda head: page(gzip.compress(b"Heron" * 1000), more="Content-Encoding: gzip\r\n"))
    assert found.body == b"Heron" * 1000


async def test_a_decompression_bomb_is_truncated() -> None:
    """50 MB packed into 50 KB: only as much is unpacked as is read."""
    bomb = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    packed = b"".join(bomb.compress(bytes(1024 * 1024)) for _ in range(50)) + bomb.flush()
    found = await got(lambda head: page(packed, more="Content-Encoding: gzip\r\n"))
    assert (len(found.body), found.is_cut) == (PAGE_BYTES, True)


@pytest.mark.parametrize(
    ("body", "encoding"), [(b"no gzip", "gzip"), (b"x", "br"), (b"x", "gzip, gzip"), (b"x", "deflate")]
)
async def test_other_compression_is_a_failure(body: bytes, encoding: str) -> None:
    assert (await failed(lambda head: page(body, more=f"Content-Encoding: {encoding}\r\n"))).code == "failed"


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nbeginning"])
async def test_a_silent_server_times_out(beginning: bytes) -> None:
    async with web(lambda head: beginning, stays=True) as (served, policy, address):
        with pytest.raises(ToolFailed) as failure:
            await get(address, policy, resolver=names(), seconds=0.2)
        await served.left.wait()
    assert failure.value.code == "timeout"
    assert failure.value.message == "The page did not arrive within 0.2 seconds."


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 100_000 + b"\r\n\r\n"]
)
async def test_an_invalid_http_response_is_a_failure(answer: bytes) -> None:
    failure = await failed(lambda head: answer)
    assert failure.message == "The server could not be reached, or did not speak HTTP as it should."


async def test_an_unreachable_server_is_a_failure() -> None:
    async with web(lambda head: page("")) as (_, policy, address):
        pass
    with pytest.raises(ToolFailed, match="could not be reached"):
        await get(address, policy, resolver=names())


async def test_a_name_that_does_not_exist_is_a_failure() -> None:
    with pytest.raises(ToolFailed, match="could not be reached"):
        await get("http://gone.test/", Policy.parse(["*"]), resolver=Names())


async def test_a_cancelled_request_closes_its_connection() -> None:
    async with web(lambda head: b"", stays=True) as (served, policy, address):
        request = asyncio.create_task(get(address, policy, resolver=names()))
        await served.asked.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        await served.left.wait()
