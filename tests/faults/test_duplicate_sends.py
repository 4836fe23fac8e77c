"""Row 12: a message is one turn, however often and over whichever transport it is sent."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

from tests.faults.client import Browser, numbered, socket
from tests.faults.cluster import Cluster
from tests.faults.configurations import in_a_cluster, in_every_configuration
from tests.faults.conftest import StartSite
from tests.faults.invariants import check_saved, turns
from tests.faults.processes import Site, Upstream
from tests.faults.reading import Reading
from tests.members import Member

SENDS: Final = 20
ABORTS: Final = 20
SEED: Final = 12


@in_every_configuration
async def test_twenty_sends_over_both_transports_are_one_turn(
    site: Site, alice: Member, browser: Browser, upstream: Upstream
) -> None:
    for trial in range(3):
        message = {"client_message_id": str(uuid.uuid4()), "text": f"/numbered count=20 rate=200 twenty {trial}"}
        async with socket(site, alice) as first, socket(site, alice) as second:
            over_sockets = [first.send(**message) for _ in range(5)] + [second.send(**message) for _ in range(5)]
            over_http = [browser.start(**message) for _ in range(SENDS // 2)]
            results: list[Any] = await asyncio.gather(*over_sockets, *over_http)
            replies, answers = results[:10], results[10:]
            assert {reply["type"] for reply in replies} == {"ok"}
            assert {status for status, _ in answers} <= {200, 201}
            runs = {reply["run_id"] for reply in replies} | {run["run_id"] for _, run in answers}
            conversations = {reply["conversation_id"] for reply in replies} | {
                run["conversation_id"] for _, run in answers
            }
            assert len(runs) == len(conversations) == 1
            created = [not reply["duplicate"] for reply in replies] + [status == 201 for status, _ in answers]
            assert sum(created) == 1
            reading = first.reading(runs.pop())
            await asyncio.gather(reading.ended(), second.reading(reading.run_id).ended())
        await check_saved(browser, reading)
        assert turns(site, message["client_message_id"]) == 1
        assert len(upstream.exchanges(message["text"])) == 1


@in_every_configuration
async def test_a_client_that_disconnects_anywhere_can_send_again(
    site: Site, browser: Browser, upstream: Upstream
) -> None:
    """The connection ends after a random part of the request, or a random time after it; then the client retries."""
    chance = random.Random(SEED)
    for number in range(ABORTS):
        message = {"client_message_id": str(uuid.uuid4()), "text": f"/numbered count=5 rate=100 broken off {number}"}
        path = chance.choice(["/api/runs", "/api/runs/stream", "/api/runs/wait"])
        request = http_request(browser, path, message)
        await send_part(site, request[: chance.choice([chance.randrange(1, len(request)), len(request)])], chance)
        await send_part(site, request, chance)
        status, run = await browser.start(**message)
        assert status in {200, 201}
        reading = Reading(run["run_id"])
        assert await browser.follow(reading) == 200
        await check_saved(browser, reading)
        assert turns(site, message["client_message_id"]) == 1
        assert len(upstream.exchanges(message["text"])) == 1


def http_request(browser: Browser, path: str, message: dict[str, str]) -> bytes:
    body = json.dumps(message).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {browser.site.host}\r\nAuthorization: Bearer {browser.member.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def send_part(site: Site, part: bytes, chance: random.Random) -> None:
    """Write it, wait up to 50 ms for a response, and disconnect."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(part)
    await writer.drain()
    with suppress(TimeoutError):
        async with asyncio.timeout(chance.uniform(0, 0.05)):
            await reader.read(chance.randrange(1, 4096))
    writer.transport.abort()


@in_every_configuration
async def test_the_same_id_with_another_text_is_a_conflict(site: Site, alice: Member, browser: Browser) -> None:
    message = {"client_message_id": str(uuid.uuid4()), "text": "/hello first text"}
    for _ in ("while it streams or just after", "when it is over"):
        async with socket(site, alice) as connection:
            reading = await connection.run(**message)
            status, refused = await browser.start("/hello another", client_message_id=message["client_message_id"])
            assert (status, refused["error"]["code"]) == (409, "conflict")
            reply = await connection.send("/hello another", client_message_id=message["client_message_id"])
            assert (reply["type"], reply["code"], reply["retryable"]) == ("error", "conflict", False)
            await reading.ended()
    await check_saved(browser, reading)
    assert turns(site, message["client_message_id"]) == 1


@in_every_configuration
async def test_two_people_may_use_the_same_id(site: Site, alice: Member, charlie: Member, browser: Browser) -> None:
    client_message_id = str(uuid.uuid4())
    async with socket(site, alice) as hers, socket(site, charlie) as his:
        first = await hers.run("/hello alice", client_message_id=client_message_id)
        second = await his.run("/hello charlie", client_message_id=client_message_id)
        await asyncio.gather(first.ended(), second.ended())
        assert first.run_id != second.run_id
        assert "alice" in first.text
        assert "charlie" in second.text


@in_a_cluster
async def test_a_message_sent_again_after_redis_has_forgotten_it_is_the_saved_turn(
    site: Cluster, alice: Member, browser: Browser, upstream: Upstream
) -> None:
    message = {"client_message_id": str(uuid.uuid4()), "text": "/numbered count=10 forgotten by redis"}
    status, run = await browser.start(**message)
    assert status == 201
    reading = Reading(run["run_id"])
    await browser.follow(reading)
    site.redis.command("FLUSHALL")
    async with AsyncExitStack() as stack:
        # Each gets the whole answer once, however often others asked for it.
        sockets = [await stack.enter_async_context(socket(site, alice)) for _ in range(4)]
        over_sockets = [each.send(**message) for each in sockets]
        results: list[Any] = await asyncio.gather(*over_sockets, *(browser.start(**message) for _ in range(10)))
        assert {(reply["duplicate"], reply["run_id"]) for reply in results[:4]} == {(True, run["run_id"])}
        assert {(status, again["run_id"]) for status, again in results[4:]} == {(200, run["run_id"])}
        await asyncio.gather(*(each.reading(run["run_id"]).ended() for each in sockets))
    await check_saved(browser, reading, numbered(message["text"], 10))
    assert turns(site, message["client_message_id"]) == 1
    assert len(upstream.exchanges(message["text"])) == 1


async def test_a_message_sent_again_after_a_restart_is_the_saved_turn(
    start_site: StartSite, upstream: Upstream, http: Any
) -> None:
    """The log is gone with the process, so only the database knows the id."""
    site = start_site()
    browser = Browser(site, site.cast["alice"], http)
    message = {"client_message_id": str(uuid.uuid4()), "text": "/numbered count=10 after a restart"}
    status, run = await browser.start(**message)
    assert status == 201
    reading = Reading(run["run_id"])
    await browser.follow(reading)
    await check_saved(browser, reading)
    site.kill()
    site.start()

    status, again = await browser.start(**message)
    assert (status, again["run_id"], again["conversation_id"]) == (200, run["run_id"], run["conversation_id"])
    async with socket(site, site.cast["alice"]) as connection:
        reply = await connection.send(**message)
        assert (reply["duplicate"], reply["run_id"]) == (True, run["run_id"])
        from_database = connection.reading(run["run_id"])
        await from_database.ended()
        conflict = await connection.send("another text", client_message_id=message["client_message_id"])
        assert conflict["code"] == "conflict"
    assert from_database.text == reading.text
    # The old log is gone: a new reader gets everything from the database.
    resumed = Reading(run["run_id"])
    assert await browser.follow(resumed) == 200
    await check_saved(browser, resumed, reading.text)
    assert turns(site, message["client_message_id"]) == 1
    assert len(upstream.exchanges(message["text"])) == 1
