"""`chatsite.asgi:application` under plain Daphne and under uvicorn: whole turns, Stop, and resuming."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import aiohttp
import pytest

from chat.rate_limit import BODY_BYTES
from tests.faults.client import Browser, numbered, socket
from tests.faults.invariants import check_saved
from tests.faults.processes import Upstream
from tests.faults.reading import Reading
from tests.server.conftest import StartSite
from tests.server.ending import EndingSite

PIECE_BYTES = 64 * 1024
# Including what the buffers in between may hold.
SENT_BYTES = BODY_BYTES + 16 * 1024 * 1024
HELD = "/hold after=3 count=6"
PIECE = len(numbered("", 1))
APPLICATION = "chatsite.asgi:application"
COMMANDS = {
    "daphne": ("-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", "{port}", APPLICATION),
    "uvicorn": ("-m", "uvicorn", "--log-level", "warning", "--host", "127.0.0.1", "--port", "{port}", APPLICATION),
}
# Exit codes after a graceful shutdown by SIGTERM: uvicorn exits by the signal itself.
STATUS = {"daphne": {0}, "uvicorn": {0, -15}}


@pytest.fixture(params=list(COMMANDS))
def command(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def site(start_site: StartSite, command: str) -> EndingSite:
    variables = {"DJANGO_SETTINGS_MODULE": "chatsite.settings", "CHAT_DRAIN": "10"}
    return start_site(command=COMMANDS[command], **variables)


async def test_turns_over_both_transports_with_stop_and_resume(
    site: EndingSite, upstream: Upstream, http: aiohttp.ClientSession, command: str
) -> None:
    alice = site.cast["alice"]
    browser = Browser(site, alice, http)
    async with socket(site, alice) as reader:
        reading = await reader.run("/numbered count=50")
        await reading.ended()
        await check_saved(browser, reading, numbered("/numbered count=50", 50))
        stopped = await reader.run(HELD)
        await stopped.has(3 * PIECE)
        assert (await reader.stop(stopped.run_id))["type"] == "ok"
        await stopped.ended()
        assert stopped.end["status"] == "stopped"
        await check_saved(browser, stopped, numbered(HELD, 3))
        resumed = await reader.run(f"{HELD} resumed")
        await resumed.has(3 * PIECE)
    # The rest of it over the other transport, from where the first one stopped.
    following = asyncio.create_task(browser.follow(resumed))
    by_sse = asyncio.create_task(browser.stream("/numbered count=40"))
    await check_saved(browser, await by_sse, numbered("/numbered count=40", 40))
    upstream.release()
    assert await following == 200
    await check_saved(browser, resumed, numbered(f"{HELD} resumed", 6))
    assert "reset" not in resumed.names
    status, run = await browser.start(f"{HELD} once more", client_message_id=str(uuid.uuid4()))
    assert status == 201
    once_more = Reading(run["run_id"])
    await browser.follow(once_more, until=3 * PIECE)
    assert await browser.stop(once_more.run_id) == 202
    assert await browser.follow(once_more) == 200
    assert once_more.end["status"] == "stopped"
    site.signal()
    assert await site.exit_code() in STATUS[command]


@pytest.mark.parametrize("command", ["uvicorn"], indirect=True)
async def test_uvicorn_refuses_a_body_over_the_limit(
    site: EndingSite, http: aiohttp.ClientSession, command: str
) -> None:
    """Sent without credentials, in chunks and without an end."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            yield b"x" * PIECE_BYTES
            sent += PIECE_BYTES

    try:
        async with http.post(f"{site.url}/api/runs", data=endless()) as response:
            assert response.status == 413
            assert (await response.json())["error"]["code"] == "body_too_big"
    except aiohttp.ClientOSError:
        """The connection was closed with the response in flight: a client that is still sending may lose it."""
    assert BODY_BYTES <= sent < SENT_BYTES
    async with http.get(f"{site.url}/healthz") as response:
        assert response.status == 200


@pytest.mark.parametrize("command", ["uvicorn"], indirect=True)
async def test_uvicorn_waits_for_an_answer_before_it_exits(
    site: EndingSite, upstream: Upstream, http: aiohttp.ClientSession, command: str
) -> None:
    browser = Browser(site, site.cast["alice"], http)
    reading = Reading((await browser.start(HELD))[1]["run_id"])
    following = asyncio.create_task(browser.follow(reading))
    await reading.has(3 * PIECE)
    site.signal()
    await site.stops_listening()
    assert not reading.outcome
    upstream.release()
    assert await following == 200
    assert (reading.outcome, reading.text) == ("done", numbered(HELD, 6))
    assert await site.exit_code() in STATUS[command]
