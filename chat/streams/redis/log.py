"""The stream log in Redis, for several processes on several machines.

A run is owned by the process that created or claimed it, for as long as it renews its lease. Appends are atomic and
fenced: a process that was presumed dead and comes back cannot change anything. Followers read from Redis and learn of
new entries through pub/sub.

Redis may restart with all, some or none of its data. A run's owner notices at its next append or renewal and restores
what is missing under a new epoch; readers get `reset` and then the whole log. If the owner is gone too, the run is
lost and `follow` raises Lost.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, ClassVar, Final

from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from chat.protocol.cursors import Cursor
from chat.protocol.events import Entry, Event
from chat.streams.base import (
    KEEP_FAILED_SECONDS,
    MINUTE_SECONDS,
    ROOM_BYTES,
    Appended,
    Batch,
    Budget,
    Busy,
    Claim,
    Created,
    Duplicate,
    Fenced,
    Full,
    LogUnavailable,
    RunInfo,
    RunNotFound,
    RunRequest,
    TooFast,
    TooMany,
    new_epoch,
)
from chat.streams.entries import MADE, decode_json, encode, run_info
from chat.streams.redis import keys
from chat.streams.redis.following import Following, place_of
from chat.streams.redis.leases import LIVE_MS, Leases, Owned
from chat.streams.redis.pipeline import Argument, Pipeline
from chat.streams.redis.scripts import LOST

logger = logging.getLogger(__name__)

LEASE_SECONDS: Final = 12.0
RENEW_SECONDS: Final = 3.0
CHECK_SECONDS: Final = 5.0
CALL_SECONDS: Final = 5.0
APPEND_SECONDS: Final = 120.0
READY_SECONDS: Final = 2.0
# TTL of the test write.
READY_MS: Final = 10_000
# Overhead in Redis of an entry besides its text, and of a run besides its log: measured, rounded up.
ENTRY_BYTES: Final = 32
RUN_BYTES: Final = 2500
CLAIMS: Final = 16
NO_LIMIT: Final = 2**31
# A claim request is valid for 1/4 of a lease. A Redis that stalls for longer ignores it.
CLAIM_IN_TIME: Final = 4
# How many times a run without followers is checked within the grace period, and the shortest interval.
ABANDONED_LOOKS: Final = 4
SOONEST_LOOK_SECONDS: Final = 0.05
FIND_AGAIN_SECONDS: Final = 0.1


class RedisLog:
    """Belongs to one event loop. `url`: redis://, rediss:// or unix://.

    Every call times out after `call_seconds` (LogUnavailable), an append after `append_seconds`, so that an answer
    survives a longer outage. Followers wait without a limit.
    """

    is_shared: ClassVar[bool] = True

    def __init__(
        self,
        url: str,
        *,
        prefix: str = keys.PREFIX,
        budget: Budget | None = None,
        lease_seconds: float = LEASE_SECONDS,
        renew_seconds: float = RENEW_SECONDS,
        check_seconds: float = CHECK_SECONDS,
        call_seconds: float = CALL_SECONDS,
        append_seconds: float = APPEND_SECONDS,
    ) -> None:
        # Pipeline retries all calls together. A read timeout would close idle subscriptions.
        self._pool = ConnectionPool.from_url(
            url, retry=Retry(NoBackoff(), 0), socket_timeout=None, socket_connect_timeout=call_seconds
        )
        self._process = uuid.uuid4().hex
        self._lease_ms = round(lease_seconds * 1000)
        self._redis_ahead_ms: int | None = None
        self._check_seconds = check_seconds
        self._call_seconds = call_seconds
        self._refuses_writes = ""
        self._calls = Pipeline(
            self._pool,
            prefix=prefix,
            constants=_constants(budget or Budget()),
            seconds=call_seconds,
            on_return=self._returned,
        )
        self._following = Following(
            self._pool,
            self._calls,
            prefix=prefix,
            process=self._process,
            check_seconds=check_seconds,
            lost_after=lease_seconds,
            is_owned=lambda run_id: self._ownership.get(run_id) is not None,
            on_stop=lambda run_id: self._ownership.request_stop(run_id),
            on_connect=lambda: self._ownership.renew_now(),
        )
        self._ownership = Leases(
            self._calls,
            lease_seconds=lease_seconds,
            renew_seconds=renew_seconds,
            patience=append_seconds,
            on_append=self._following.offer,
            on_restore=self._following.doubt,
            on_end=self._following.disowned,
        )

    async def create(
        self,
        request: RunRequest,
        *,
        live_limit: int,
        per_minute: int | None = None,
        live_limit_of_all: int | None = None,
        per_minute_of_all: int | None = None,
    ) -> Created | Duplicate | Busy | TooMany | TooFast | Full:
        start = encode(request.start)
        outcome, token, found = await self._call(
            "create",
            request.run_id, request.owner_id, request.conversation_id, request.client_message_id, request.fingerprint,
            request.title, new_epoch(), live_limit, self._lease_ms, LIVE_MS,
            NO_LIMIT if per_minute is None else per_minute, round(MINUTE_SECONDS * 1000),
            NO_LIMIT if live_limit_of_all is None else live_limit_of_all,
            NO_LIMIT if per_minute_of_all is None else per_minute_of_all,
            start,
        )  # fmt: skip
        of_all = outcome.endswith(b"_of_all")
        match outcome.removesuffix(b"_of_all"):
            case b"too_many":
                return TooMany(int(token), of_all)
            case b"too_fast":
                return TooFast(int(token) / 1000, of_all)
            case b"no_room":
                return Full(of_all=token == b"all")
        info = run_info(found)
        if outcome == b"duplicate":
            return Duplicate(info)
        if outcome == b"busy":
            return Busy(info)
        self._own(Owned(info, token.decode(), int(token), 1, info.cursor.epoch, [start]))
        return Created(info, int(token))

    async def append(self, run_id: str, events: Sequence[Event], *, token: int) -> Appended:
        return await self._ownership.append(await self._owned(run_id, token), events)

    def follow(self, run_id: str, after: Cursor | None, *, limit: int) -> AsyncGenerator[Batch, None]:
        return self._following.follow(run_id, after, limit=limit)

    async def find(self, run_id: str) -> RunInfo | None:
        """Shortly after an outage, waits for owners to restore runs that Redis has lost."""
        while (found := await self._call("find", run_id)) is None:
            if not self._calls.returned_within(self._call_seconds):
                return None
            await asyncio.sleep(FIND_AGAIN_SECONDS)
        return run_info(found)

    async def find_sent(self, owner_id: int, client_message_id: str) -> RunInfo | None:
        found = await self._call("find_sent", owner_id, client_message_id)
        return run_info(found) if found else None

    async def runs_of(self, owner_id: int) -> list[RunInfo]:
        return [run_info(found) for found in await self._call("runs_of", owner_id)]

    async def entries(self, run_id: str) -> Sequence[Entry]:
        reply = await self._call("read", run_id, "", 0, 2**53, "", 0)
        if reply is None:
            raise RunNotFound(run_id)
        return place_of(reply, 0).entries

    async def request_stop(self, run_id: str) -> bool:
        reply = await self._call("stop", run_id)
        if reply == LOST:
            raise RunNotFound(run_id)
        if reply:
            self._ownership.request_stop(run_id)
        return bool(reply)

    async def stop_requested(self, run_id: str) -> None:
        owned = self._ownership.get(run_id)
        if owned is None:
            raise RunNotFound(run_id)
        await owned.changed.wait()
        if owned.end is not None:
            raise owned.end

    async def finish(self, run_id: str, completion: Mapping[str, Any], *, token: int) -> None:
        await self._ownership.finish(await self._owned(run_id, token), completion)

    async def checkpoint(self, run_id: str, state: Mapping[str, Any], *, token: int) -> None:
        await self._ownership.checkpoint(await self._owned(run_id, token), state)

    async def release(self, run_id: str, *, token: int, failed: bool = False) -> bool:
        owned = self._ownership.get(run_id, token)
        return owned is not None and owned.state == "live" and await self._ownership.release(owned, failed=failed)

    async def claim_expired(self) -> list[Claim]:
        """Claim released runs immediately. After an outage, expired leases can be claimed only one lease time later.

        By then the owners that are alive have renewed theirs.
        """
        if self._redis_ahead_ms is None:
            await self._ask_for_claims(0, not_after=0)
        claimed = await self._ask_for_claims(CLAIMS, not_after=self._redis_ms() + self._lease_ms // CLAIM_IN_TIME)
        claims = []
        for each in claimed:
            try:
                claims.append(await self._claim(*each))
            except (RunNotFound, LogUnavailable):
                logger.warning("redis log: reading a claimed run failed, left for the next claim")
            except Exception:
                # Only this one: the others of the batch are claimed, too.
                logger.exception("redis log: reading a claimed run failed, left for the next claim")
        return claims

    async def abandoned(self, run_id: str, *, grace: float) -> None:
        look = min(self._check_seconds, max(grace / ABANDONED_LOOKS, SOONEST_LOOK_SECONDS))
        since = None
        while since is None or time.monotonic() - since < grace:
            followed = self._following.follows(run_id) or await self._is_followed(run_id)
            since = None if followed else since or time.monotonic()
            await asyncio.sleep(look)

    async def forget(self, run_id: str) -> None:
        await self._call("forget", run_id)

    async def is_ready(self) -> bool:
        """Checks with a write: Redis may respond but reject writes, out of memory or disk, or as a replica."""
        try:
            refused = await self._calls.within("ready", self._process, READY_MS, patience=READY_SECONDS)
        except LogUnavailable:
            return False
        said = (refused or b"").decode(errors="replace")
        if said and not self._refuses_writes:
            logger.error("redis log: Redis rejects writes: %s", said)
        if self._refuses_writes and not said:
            logger.info("redis log: Redis accepts writes again")
        self._refuses_writes = said
        return not said

    async def close(self) -> None:
        """Close all connections. Other processes can claim the runs still owned here once their leases expire."""
        await self._ownership.close()
        await self._following.close()
        await self._calls.close()

    async def _call(self, script: str, *arguments: Argument) -> Any:
        return await self._calls.within(script, *arguments, patience=self._call_seconds)

    async def _owned(self, run_id: str, token: int) -> Owned:
        """The run, if this process owns it with this token. Raises Fenced, RunNotFound."""
        owned = self._ownership.get(run_id, token)
        if owned is not None:
            return owned
        if await self.find(run_id) is None:
            raise RunNotFound(run_id)
        raise Fenced(run_id)

    def _own(self, owned: Owned) -> None:
        self._ownership.add(owned)
        self._following.listen()

    async def _claim(
        self,
        token: bytes,
        attempt: bytes,
        failures: bytes,
        stop: bytes,
        completion: bytes,
        found: list[bytes],
        checkpoint: bytes | None = None,
    ) -> Claim:
        info = run_info(found)
        entries = await self.entries(info.run_id)
        # Before it is owned: a run that nobody works on must not be held.
        finished, resumed = decode_json(completion), _checkpoint_of(info.run_id, checkpoint)
        owned = Owned(
            info,
            found[MADE].decode(),
            int(token),
            int(attempt),
            info.cursor.epoch,
            [encode(Event(entry.name, entry.data)) for entry in entries],
            completion=completion,
            checkpoint=checkpoint if checkpoint and resumed else b"",
            failures=int(failures),
            stop=stop == b"1",
        )
        if owned.stop:
            owned.changed.set()
        self._own(owned)
        return Claim(
            info,
            owned.token,
            owned.attempt,
            owned.failures,
            owned.stop,
            finished,
            entries,
            resumed,
        )

    async def _ask_for_claims(self, count: int, *, not_after: int) -> list[Any]:
        expired = self._calls.answers_since(self._lease_ms / 1000)
        now, claimed = await self._call("claim", int(expired), count, self._lease_ms, LIVE_MS, not_after)
        self._redis_ahead_ms = int(now) - _monotonic_ms()
        return list(claimed)

    def _redis_ms(self) -> int:
        """The approximate time by Redis's clock."""
        return _monotonic_ms() + (self._redis_ahead_ms or 0)

    async def _is_followed(self, run_id: str) -> bool:
        """True if Redis is unavailable, so that no run is abandoned by mistake."""
        try:
            followers = await self._call("followers", run_id, "")
        except LogUnavailable:
            return True
        if followers == LOST:
            raise RunNotFound(run_id)
        return bool(followers)

    def _returned(self) -> None:
        self._ownership.renew_now()
        self._following.look()


def _checkpoint_of(run_id: str, checkpoint: bytes | None) -> Mapping[str, Any] | None:
    """None if it cannot be read: the run then begins anew."""
    try:
        return decode_json(checkpoint or b"")
    except ValueError as error:
        logger.error("run %s: checkpoint unreadable, not used: %s", run_id, error)
        return None


def _constants(budget: Budget) -> dict[str, int]:
    """The constants that the scripts use."""
    return {
        "TOTAL_BYTES": budget.total,
        "OWNER_BYTES": budget.per_owner,
        "ROOM_BYTES": ROOM_BYTES,
        "ENTRY_BYTES": ENTRY_BYTES,
        "RUN_BYTES": RUN_BYTES,
        # Twice as long: these keys are shared by several runs.
        "KEPT_MS": round(2 * KEEP_FAILED_SECONDS * 1000),
    }


def _monotonic_ms() -> int:
    return round(time.monotonic() * 1000)
