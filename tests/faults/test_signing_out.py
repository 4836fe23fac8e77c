"""Row 24: every server disconnects a client that has lost its access within one check interval (15 s)."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import aiohttp

from chat.protocol import close_codes
from tests.faults.client import Browser, numbered, open_socket
from tests.faults.configurations import in_every_configuration
from tests.faults.invariants import check_saved
from tests.faults.processes import Site
from tests.faults.reading import Reading

pytestmark = in_every_configuration

TOKEN: Final = len(numbered("", 1))
# The row's limit, for servers that check periodically.
GONE_SECONDS: Final = 65.0
# Longer than that; the run is stopped at the end.
COUNT: Final = 20_000
DISABLED: Final = "bob"
PATIENT: Final = aiohttp.ClientTimeout(total=None, sock_read=30)
SIGNED_IN_BY_COOKIE: Final = frozenset({"alice", "admin"})
# How each loses access, and how to undo it for the next test: a session ends, a password is changed, an account is
# disabled, a token is revoked.
ENDINGS: Final = {
    "alice": (
        "UPDATE django_session SET session_key = 'ended-' || substr(session_key, 1, 26) WHERE session_key = ?",
        "UPDATE django_session SET session_key = ? WHERE substr(session_key, 1, 6) = 'ended-'",
    ),
    "admin": (
        "UPDATE chat_user SET password = 'new-' || password WHERE id = ?",
        "UPDATE chat_user SET password = substr(password, 5) WHERE id = ?",
    ),
    DISABLED: (
        "UPDATE chat_user SET is_active = false WHERE id = ?",
        "UPDATE chat_user SET is_active = true WHERE id = ?",
    ),
    "charlie": (
        "UPDATE chat_apitoken SET revoked_at = CURRENT_TIMESTAMP WHERE owner_id = ?",
        "UPDATE chat_apitoken SET revoked_at = NULL WHERE owner_id = ?",
    ),
}


async def test_signed_out_clients_are_disconnected_and_the_answer_continues(
    site: Site, http: aiohttp.ClientSession
) -> None:
    """Over both transports, in mid-answer. A client that comes back finds the answer, and it is saved.

    The answer of a disabled account ends meanwhile, as after Stop.
    """
    people = []
    for name in ENDINGS:
        member = site.cast[name]
        browser = Browser(site, member, http)
        status, run = await browser.start(f"/numbered count={COUNT} rate=30 {name}")
        assert status == 201
        browser.headers = member.cookie if name in SIGNED_IN_BY_COOKIE else member.bearer
        connection = await open_socket(site, member, cookie=name in SIGNED_IN_BY_COOKIE)
        over_socket, over_sse = Reading(run["run_id"]), Reading(run["run_id"])
        await connection.subscribe(over_socket)
        following = asyncio.create_task(browser.follow(over_sse, timeout=PATIENT))
        people.append((name, browser, connection, over_sse, following))
        await asyncio.gather(over_socket.has(TOKEN), over_sse.has(TOKEN))
    try:
        change(site, 0)
        signed_out = time.monotonic()
        for name, browser, connection, over_sse, following in people:
            assert await connection.closed(seconds=GONE_SECONDS) == close_codes.NOT_SIGNED_IN
            assert connection.bye is not None
            async with asyncio.timeout(GONE_SECONDS):
                assert await following == 200
            assert over_sse.outcome in ({"", "done"} if name == DISABLED else {""})
            assert await browser.follow(over_sse) == 401
        assert time.monotonic() - signed_out < GONE_SECONDS
    finally:
        change(site, 1)
    for name, browser, _, over_sse, _ in people:
        if name != DISABLED:
            size = over_sse.size
            await browser.follow(over_sse, until=size + 10 * TOKEN)
            browser.headers = browser.member.bearer
            assert await browser.stop(over_sse.run_id) == 202
        if not over_sse.outcome:
            await browser.follow(over_sse)
        assert over_sse.end["status"] == "stopped"
        prompt = over_sse.start["user_message"]["text"]
        assert numbered(prompt, COUNT).startswith(over_sse.text)
        await check_saved(browser, over_sse)


def change(site: Site, which: int) -> None:
    for name, statements in ENDINGS.items():
        member = site.cast[name]
        key = member.session if name == "alice" else member.id
        assert len(site.rows(f"{statements[which]} RETURNING 1", key)) == 1
