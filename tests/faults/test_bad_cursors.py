"""Row 18: the server never guesses at an invalid cursor, in any of the three ways to send one."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import pytest

from chat.protocol.sse import Decoder, Message
from tests.faults.client import Browser, socket
from tests.faults.configurations import in_every_configuration
from tests.faults.invariants import check_saved
from tests.faults.processes import Site
from tests.faults.reading import Reading
from tests.members import Member

pytestmark = in_every_configuration

MALFORMED: Final = {
    "a word": "abc",
    "a negative number": "-1",
    "too large a number": "1e309",
    "a number alone": "7",
    "no epoch": ".7",
    "no seq": "aaaaaaaa.",
    "a leading zero": "aaaaaaaa.07",
    "a negative seq": "aaaaaaaa.-1",
    "a fraction": "aaaaaaaa.1.5",
    "a short epoch": "aaa.1",
    "an epoch of other signs": "aaaa/../.1",
    "digits that are not ASCII": "aaaaaaaa.١",
    "ten kilobytes": "a" * 10_240,
    "a seq of 5,000 digits": "aaaaaaaa." + "9" * 5000,
    "a space": "aaaaaaaa.1 ",
    "quotes": "'; DROP TABLE chat_message; --",
}
ONLY_IN_QUERY: Final = {"NUL": "aaaaaaaa.1\0", "CRLF": "aaaaaaaa.1\r\nX-Evil: 1", "a line break": "aaaaaaaa.1\n"}


@pytest.fixture
async def reading(site: Site, alice: Member) -> Reading:
    """A finished run of alice's."""
    async with socket(site, alice) as connection:
        reading = await connection.run("/numbered count=20 secret of alice")
        await reading.ended()
    return reading


@pytest.mark.parametrize("cursor", [*MALFORMED.values(), *ONLY_IN_QUERY.values()], ids=[*MALFORMED, *ONLY_IN_QUERY])
async def test_a_malformed_cursor_is_refused(
    cursor: str, reading: Reading, site: Site, alice: Member, browser: Browser
) -> None:
    bad = (400, "bad_cursor")
    for path in (f"/api/runs/{reading.run_id}/events", "/api/events"):
        status, answer = await browser.call("GET", f"{path}?after={quote(cursor)}")
        assert (status, answer["error"]["code"]) == bad
        if cursor.isascii() and cursor.strip() == cursor and cursor not in ONLY_IN_QUERY.values():
            status, answer = await browser.call("GET", path, headers={"Last-Event-ID": cursor})
            assert (status, answer["error"]["code"]) == bad
    async with socket(site, alice) as connection:
        reply = await connection.ask("subscribe", run_id=reading.run_id, after=cursor)
        assert (reply["type"], reply["code"], reply["retryable"]) == ("error", "bad_cursor", False)
        assert (await connection.ask("subscribe", run_id=reading.run_id))["type"] == "ok"


@pytest.mark.parametrize("cursor", [5, -1, 1.5, True, [], {}, {"epoch": "aaaaaaaa"}])
async def test_a_cursor_of_another_type_is_refused(cursor: Any, reading: Reading, site: Site, alice: Member) -> None:
    async with socket(site, alice) as connection:
        reply = await connection.ask("subscribe", run_id=reading.run_id, after=cursor)
        assert (reply["type"], reply["code"]) == ("error", "bad_cursor")


async def test_control_bytes_in_the_header_get_no_stream(site: Site, alice: Member, reading: Reading) -> None:
    """NUL, and a line break that would start another header, sent without a client library."""
    for value in (b"a\0b", b"aaaaaaaa.1\rX-Evil: 1", b"aaaaaaaa.1\x0b", b"\x85\x1c"):
        request = (
            f"GET /api/runs/{reading.run_id}/events HTTP/1.1\r\nHost: {site.host}\r\n"
            f"Authorization: Bearer {alice.token}\r\nConnection: close\r\n"
        ).encode() + b"Last-Event-ID: " + value + b"\r\n\r\n"  # fmt: skip
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(request)
        async with asyncio.timeout(60):
            answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert answer.startswith(b"HTTP/1.1 400"), answer[:200]
        assert b"secret" not in answer


@pytest.mark.parametrize("make", [lambda own: "zzzzzzzz.1", lambda own: f"{own.epoch}.{own.seq + 1}"])
async def test_an_unusable_cursor_restarts_the_stream(
    make: Any, reading: Reading, site: Site, alice: Member, browser: Browser
) -> None:
    cursor = make(reading)
    over_http = Reading(reading.run_id)
    status, text = await browser.call("GET", f"/api/runs/{reading.run_id}/events?after={cursor}")
    assert status == 200
    for message in events_of(text):
        over_http.apply(message.id or "", message.event, json.loads(message.data))
    over_socket = Reading(reading.run_id)
    async with socket(site, alice, readings={reading.run_id: over_socket}) as connection:
        assert (await connection.ask("subscribe", run_id=reading.run_id, after=cursor))["type"] == "ok"
        await over_socket.ended()
    for again in (over_http, over_socket):
        assert again.names[:2] == ["reset", "start"]
        await check_saved(browser, again, reading.text)


async def test_a_cursor_at_the_end_is_204_and_before_it_the_rest(reading: Reading, browser: Browser) -> None:
    path = f"/api/runs/{reading.run_id}/events?after="
    assert (await browser.call("GET", path + str(reading.cursor)))[0] == 204
    status, text = await browser.call("GET", f"{path}{reading.epoch}.{reading.seq - 1}")
    assert status == 200
    assert [message.event for message in events_of(text)] == ["done"]


def events_of(text: str) -> list[Message]:
    return [message for message in Decoder().feed(text.encode()) if message.event != "ping"]


async def test_a_run_of_another_user_is_unknown(
    reading: Reading, site: Site, charlie: Member, http: aiohttp.ClientSession
) -> None:
    """Also with alice's own cursor: both responses are the same, and contain nothing of hers."""
    his = Browser(site, charlie, http)
    nobody = str(uuid.uuid4())
    for after in ("", f"?after={reading.cursor}", "?after=zzzzzzzz.1"):
        hers = await his.call("GET", f"/api/runs/{reading.run_id}/events{after}")
        assert hers == await his.call("GET", f"/api/runs/{nobody}/events{after}")
        assert hers[0] == 404
    async with socket(site, charlie) as connection:
        for fields in ({}, {"after": reading.cursor}, {"after": "zzzzzzzz.1"}):
            refused = await connection.ask("subscribe", run_id=reading.run_id, **fields)
            unknown = await connection.ask("subscribe", run_id=nobody, **fields)
            assert {**refused, "ref": 0} == {**unknown, "ref": 0}
            assert refused["code"] == "not_found"
        assert connection.frames == 0


async def test_the_multiplexed_stream_has_no_events_of_others(
    reading: Reading, site: Site, charlie: Member, http: aiohttp.ClientSession
) -> None:
    """Charlie's cursor into alice's run is ignored: his stream has only his own events."""
    cursor = f"{reading.run_id}:{reading.epoch}.1"
    his = Browser(site, charlie, http)
    headers = {**charlie.bearer, "Last-Event-ID": cursor}
    decoder, heard = Decoder(), []
    async with http.get(f"{site.url}/api/events", headers=headers) as response, asyncio.timeout(60):
        assert response.status == 200
        status, run = await his.start("/numbered count=3 of charlie")
        assert status == 201
        async for chunk in response.content.iter_any():
            heard += decoder.feed(chunk)
            if any(message.event == "done" for message in heard):
                break
    told = [json.loads(message.data) for message in heard if message.event not in {"ping", "notice"}]
    assert {data["run_id"] for data in told} == {run["run_id"]}
    assert not any(reading.run_id in (message.id or "") or "alice" in message.data for message in heard)
