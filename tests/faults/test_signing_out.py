"""Row 24: whoever may not read any more is sent away, by whichever server, within one look (15 s) of it."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import aiohttp
import psycopg

from chat import close_codes
from tests.faults.client import Browser, numbered, open_socket
from tests.faults.cluster import Cluster
from tests.faults.configurations import in_a_cluster
from tests.faults.invariants import check_saved
from tests.faults.reading import Reading

pytestmark = in_a_cluster

TOKEN: Final = len(numbered("", 1))
# The bound of the row, for those that look from time to time.
GONE_SECONDS: Final = 65.0
COUNT: Final = 900
PATIENT: Final = aiohttp.ClientTimeout(total=None, sock_read=30)
# What is done to each, and undone for the next test.
ENDINGS: Final = {
    "alice": (
        "UPDATE django_session SET session_key = 'ended-' || left(session_key, 26) WHERE session_key = %(session)s",
        "UPDATE django_session SET session_key = %(session)s WHERE session_key = 'ended-' || left(%(session)s, 26)",
    ),
    "bob": (
        "UPDATE chat_user SET is_active = false WHERE id = %(id)s",
        "UPDATE chat_user SET is_active = true WHERE id = %(id)s",
    ),
    "charlie": (
        "UPDATE chat_apitoken SET revoked_at = now() WHERE owner_id = %(id)s",
        "UPDATE chat_apitoken SET revoked_at = NULL WHERE owner_id = %(id)s",
    ),
}


async def test_who_is_signed_out_is_sent_away_and_the_answer_is_saved(
    site: Cluster, http: aiohttp.ClientSession
) -> None:
    """A session that is deleted, an account that is disabled, a token that is revoked, each in mid-answer."""
    people = []
    for name in ENDINGS:
        member = site.cast[name]
        browser = Browser(site, member, http)
        status, run = await browser.start(f"/numbered count={COUNT} rate=30 {name}")
        assert status == 201
        browser.headers = member.cookie if name == "alice" else member.bearer
        connection = await open_socket(site, member, cookie=name == "alice")
        over_socket, over_sse = Reading(run["run_id"]), Reading(run["run_id"])
        await connection.subscribe(over_socket)
        people.append((browser, connection, over_sse, asyncio.create_task(browser.follow(over_sse, timeout=PATIENT))))
        await asyncio.gather(over_socket.has(TOKEN), over_sse.has(TOKEN))
    try:
        execute(site, 0)
        signed_out = time.monotonic()
        for browser, connection, over_sse, following in people:
            assert await connection.closed(seconds=GONE_SECONDS) == close_codes.NOT_SIGNED_IN
            assert connection.bye is not None
            async with asyncio.timeout(GONE_SECONDS):
                assert await following == 200
            assert not over_sse.outcome
            assert await browser.follow(over_sse) == 401
        assert time.monotonic() - signed_out < GONE_SECONDS
    finally:
        execute(site, 1)
    for browser, _, over_sse, _ in people:
        await browser.follow(over_sse)
        prompt = over_sse.start["user_message"]["text"]
        await check_saved(browser, over_sse, numbered(prompt, COUNT))


def execute(site: Cluster, which: int) -> None:
    with psycopg.connect(site.database.url, autocommit=True) as database:
        for name, statements in ENDINGS.items():
            member = site.cast[name]
            changed = database.execute(statements[which], {"id": member.id, "session": member.session})
            assert changed.rowcount == 1
