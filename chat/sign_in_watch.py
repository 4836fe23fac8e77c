"""Whether whoever reads a stream, or has a socket open, is still signed in."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

from django.db import Error as DatabaseError

from chat import database, sign_ins
from chat.auth import credential_of_scope, user_of_scope

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
    sign_ins.note_scope(scope)
    return user.pk


_sign_ins: WeakKeyDictionary[asyncio.AbstractEventLoop, SignIns] = WeakKeyDictionary()


async def signed_out(scope: Mapping[str, Any], user_id: int) -> None:
    """Return when the session of this scope has ended, its token was revoked, or its account disabled."""
    sign_ins = _sign_ins.setdefault(asyncio.get_running_loop(), SignIns())
    while True:
        # Not all of them at the same moment, whenever they came.
        await asyncio.sleep(EVERY_SECONDS * random.uniform(0.7, 1))  # noqa: S311
        try:
            if await sign_ins.user_id(scope, age=AGE_SECONDS) != user_id:
                return
        except DatabaseError:
            continue
