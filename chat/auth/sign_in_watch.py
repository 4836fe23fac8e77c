"""Whether whoever reads a stream, or has a socket open, is still signed in."""

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
from chat.light_event import Flag

logger = logging.getLogger(__name__)

# How often it is asked again, and how long an answer serves all connections of the same session or token. A sign-out
# is noticed after both together, at most.
EVERY_SECONDS: Final = 10.0
AGE_SECONDS: Final = 5.0
KEPT: Final = 4096

Lookup = asyncio.Task[int | None]


class SignIns:
    """Looked up once for all connections of a session or token. Belongs to one event loop."""

    def __init__(self) -> None:
        self._lookups: dict[str, tuple[float, Lookup]] = {}

    async def user_id(self, scope: Mapping[str, Any], *, age: float) -> int | None:
        """Whose credential that is, as it was at most `age` seconds ago; None for nobody's. Raises django.db.Error."""
        loop = asyncio.get_running_loop()
        credential = credential_of_scope(dict(scope))
        at, lookup = self._lookups.get(credential, (0.0, None))
        if lookup is None or loop.time() - at >= age:
            self._sweep(loop.time() - age)
            lookup = loop.create_task(_looked_up(dict(scope)))
            # Its failure is logged there, though nobody may wait for it any more.
            lookup.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._lookups[credential] = (loop.time(), lookup)
        # Others wait for the same answer: it comes though one of them goes.
        return await asyncio.shield(lookup)

    def forget(self) -> None:
        """From now on everybody is looked up anew."""
        self._lookups.clear()

    def _sweep(self, before: float) -> None:
        if len(self._lookups) >= KEPT:
            self._lookups = {each: kept for each, kept in self._lookups.items() if kept[0] > before}


async def _looked_up(scope: dict[str, Any]) -> int | None:
    try:
        user = await database.find(user_of_scope, scope)
    except DatabaseError as error:
        logger.warning("sign-in watch: a sign-in could not be checked, trying later: %r", error)
        raise
    if user is None:
        return None
    sessions.note_scope(scope)
    return user.pk


_sign_ins: WeakKeyDictionary[asyncio.AbstractEventLoop, SignIns] = WeakKeyDictionary()
# Of those who wait for their next look, by user.
_bells: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, set[Flag]]] = WeakKeyDictionary()


async def signed_out(scope: Mapping[str, Any], user_id: int) -> None:
    """Return when the session of this scope has ended, its token was revoked, or its account disabled."""
    loop = asyncio.get_running_loop()
    sign_ins, bells = _sign_ins.setdefault(loop, SignIns()), _bells.setdefault(loop, {})
    bell = Flag()
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
    """Have all connections of this user to this process look at once. Those to others look when it is time.

    From any thread, once what has ended is no longer in the database.
    """
    for loop in list(_bells):
        with suppress(RuntimeError):  # It is closed by now.
            loop.call_soon_threadsafe(_ring, loop, user_id)


def _ring(loop: asyncio.AbstractEventLoop, user_id: int) -> None:
    waiting = _bells.get(loop, {}).get(user_id, ())
    if waiting:
        _sign_ins[loop].forget()
    for bell in waiting:
        bell.set()


async def _next_look(loop: asyncio.AbstractEventLoop, bell: Flag) -> None:
    # Not all of them at the same moment, whenever they came. A bare timer: every open socket has one.
    timer = loop.call_later(EVERY_SECONDS * random.uniform(0.7, 1), bell.set)  # noqa: S311
    try:
        await bell.wait()
    finally:
        timer.cancel()
    bell.clear()
