"""Checks that the users of open streams and sockets are still signed in."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final
from weakref import WeakKeyDictionary

from django.db import Error as DatabaseError

from chat import database
from chat.auth import sessions
from chat.auth.credentials import credential_of_scope, user_of_scope
from chat.light_event import LightEvent

logger = logging.getLogger(__name__)

# How often a connection checks, and how long a lookup is shared by all connections with the same session or token. A
# sign-out is noticed after at most the sum of both.
EVERY_SECONDS: Final = 10.0
AGE_SECONDS: Final = 5.0
KEPT: Final = 4096

Lookup = asyncio.Task[int | None]


class SignInLookups:
    """Lookups shared by all connections with the same session or token. Belongs to one event loop."""

    def __init__(self) -> None:
        self._lookups: dict[str, tuple[float, Lookup]] = {}

    async def user_id(self, scope: Mapping[str, Any], *, age: float) -> int | None:
        """The user of the scope's credential, at most `age` seconds old; None if invalid. Raises django.db.Error."""
        loop = asyncio.get_running_loop()
        credential = credential_of_scope(dict(scope))
        at, lookup = self._lookups.get(credential, (0.0, None))
        if lookup is None or loop.time() - at >= age:
            self._sweep(loop.time() - age)
            lookup = loop.create_task(_looked_up(dict(scope)))
            # Retrieve the exception even if nobody waits any more; `_looked_up` has logged it.
            lookup.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._lookups[credential] = (loop.time(), lookup)
        # Others await the same lookup, so cancelling one of them must not cancel it.
        return await asyncio.shield(lookup)

    def forget(self) -> None:
        """Drop all cached lookups."""
        self._lookups.clear()

    def _sweep(self, before: float) -> None:
        if len(self._lookups) >= KEPT:
            self._lookups = {each: kept for each, kept in self._lookups.items() if kept[0] > before}


async def _looked_up(scope: dict[str, Any]) -> int | None:
    try:
        user = await database.find(user_of_scope, scope)
    except DatabaseError as error:
        logger.warning("sign-in watch: sign-in not checked, retrying later: %r", error)
        raise
    if user is None:
        return None
    sessions.note_scope(scope)
    return user.pk


_sign_ins: WeakKeyDictionary[asyncio.AbstractEventLoop, SignInLookups] = WeakKeyDictionary()
# Events of the connections that wait for their next check, by user.
_bells: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, set[LightEvent]]] = WeakKeyDictionary()


async def signed_out(scope: Mapping[str, Any], user_id: int) -> None:
    """Return when the scope's session has ended, its token was revoked, or the account was disabled."""
    loop = asyncio.get_running_loop()
    sign_ins, bells = _sign_ins.setdefault(loop, SignInLookups()), _bells.setdefault(loop, {})
    bell = LightEvent()
    bells.setdefault(user_id, set()).add(bell)
    try:
        while True:
            await _next_look(loop, bell)
            try:
                if await sign_ins.user_id(scope, age=AGE_SECONDS) != user_id:
                    return
            except DatabaseError:
                continue
    finally:
        bells[user_id].discard(bell)
        if not bells[user_id]:
            del bells[user_id]


def look_now(user_id: int) -> None:
    """Make all of this user's connections in this process check now. Other processes check at their next interval.

    Call this from any thread, after the change is committed.
    """
    for loop in list(_bells):
        with suppress(RuntimeError):  # The loop is closed.
            loop.call_soon_threadsafe(_ring, loop, user_id)


def _ring(loop: asyncio.AbstractEventLoop, user_id: int) -> None:
    waiting = _bells.get(loop, {}).get(user_id, ())
    if waiting:
        _sign_ins[loop].forget()
    for bell in waiting:
        bell.set()


async def _next_look(loop: asyncio.AbstractEventLoop, bell: LightEvent) -> None:
    # Jitter, so that connections do not all check at the same moment. A bare timer: every open socket has one.
    timer = loop.call_later(EVERY_SECONDS * random.uniform(0.7, 1), bell.set)  # noqa: S311
    try:
        await bell.wait()
    finally:
        timer.cancel()
    bell.clear()
