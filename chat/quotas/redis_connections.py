"""Counts each user's connections over all processes that share a Redis.

Each process writes its number of connections per user with a lease. So the connections of a killed process stop
counting when its leases expire, a renewal repairs whatever Redis has lost, and renewals cost one write per user, not
per connection. All calls of one event-loop tick share one pipeline.

While Redis is unavailable, each process counts only its own connections, which allows too many rather than too few.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from chat.quotas.connections import Full, Key, Kind, Slot

logger = logging.getLogger(__name__)

PREFIX: Final = "chat:open:"
LEASE_SECONDS: Final = 30.0
RENEW_SECONDS: Final = 8.0
# Every new connection waits for this call before anything else.
CALL_SECONDS: Final = 1.0
# After a failure, new connections do not wait for Redis for this long.
PAUSE_SECONDS: Final = 5.0
TOLD_AT_ONCE: Final = 500
FAILURES: Final = (RedisError, OSError, TimeoutError)

# Each key is a hash, by kind and user: from each process to "<count> <end of its lease in milliseconds>".
_OPEN: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local process, count, limit, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local total = count
local known = redis.call('HGETALL', KEYS[1])
for i = 1, #known, 2 do
  if known[i] ~= process then
    local theirs, ends = string.match(known[i + 1], '^(%d+) (%d+)$')
    if tonumber(ends) > now then
      total = total + tonumber(theirs)
    else
      redis.call('HDEL', KEYS[1], known[i])
    end
  end
end
if total > limit then return 0 end
redis.call('HSET', KEYS[1], process, string.format('%d %.0f', count, now + lease))
redis.call('PEXPIRE', KEYS[1], lease)
return 1
"""
_TELL: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local process, lease = ARGV[1], tonumber(ARGV[2])
for i, key in ipairs(KEYS) do
  local count = tonumber(ARGV[i + 2])
  if count > 0 then
    redis.call('HSET', key, process, string.format('%d %.0f', count, now + lease))
    redis.call('PEXPIRE', key, lease)
  else
    redis.call('HDEL', key, process)
  end
end
"""


@dataclass(slots=True, eq=False)
class _Opening:
    """A connection waiting to be counted."""

    key: Key
    limit: int
    answer: asyncio.Future[bool]

    @property
    def is_let_in(self) -> bool:
        return self.answer.done() and not self.answer.cancelled() and self.answer.result()


class RedisConnections:
    """`url`: redis://, rediss:// or unix://. Keeps one connection to Redis while there is anything to count."""

    def __init__(
        self,
        url: str,
        *,
        prefix: str = PREFIX,
        lease_seconds: float = LEASE_SECONDS,
        renew_seconds: float = RENEW_SECONDS,
        call_seconds: float = CALL_SECONDS,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        self._url = url
        self._prefix = prefix
        self._process = uuid.uuid4().hex
        self._lease_ms = round(lease_seconds * 1000)
        self._renew_seconds = renew_seconds
        self._call_seconds = call_seconds
        self._pause_seconds = pause_seconds
        self._client: Redis | None = None
        self._open: Counter[Key] = Counter()
        self._waiting: list[_Opening] = []
        self._asking: Counter[Key] = Counter()
        # Keys whose current number is not in Redis yet.
        self._untold: set[Key] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._asked_again_at = 0.0
        self._is_away = False

    async def open(self, kind: Kind, user_id: int, *, limit: int) -> Slot:
        key: Key = (kind, user_id)
        if self._open[key] + self._asking[key] >= limit or not await self._may_open(key, limit):
            raise Full
        return Slot(key, self._left)

    async def close(self) -> None:
        """Remove this process's counts from Redis, if it is available."""
        self._untold.update(self._open)
        self._open.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._untold and not self._is_away:
            with suppress(*FAILURES):
                await self._ask([])
        await self._disconnect()

    async def _may_open(self, key: Key, limit: int) -> bool:
        """Count another connection if the user has fewer than `limit`. Returns whether it was counted."""
        loop = asyncio.get_running_loop()
        if self._is_away and loop.time() < self._asked_again_at:
            return self._may_open_alone(key, limit)
        opening = _Opening(key, limit, loop.create_future())
        self._waiting.append(opening)
        self._asking[key] += 1
        self._work()
        try:
            # Twice, because another pipeline may already be in progress.
            async with asyncio.timeout(2 * self._call_seconds):
                return await opening.answer
        except TimeoutError:
            return opening.is_let_in or self._may_open_alone(key, limit)
        except asyncio.CancelledError:
            if opening.is_let_in:
                self._left(key)
            raise
        finally:
            _less(self._asking, key)

    def _may_open_alone(self, key: Key, limit: int) -> bool:
        """Like `_may_open`, with the counts of this process only."""
        if self._open[key] >= limit:
            return False
        self._open[key] += 1
        self._untold.add(key)
        self._work()
        return True

    def _left(self, key: Key) -> None:
        _less(self._open, key)
        self._untold.add(key)
        self._work()

    def _work(self) -> None:
        self._wake.set()
        if self._task is None or self._task.done():
            # In a fresh context, because it outlives the connection that starts it.
            self._task = asyncio.get_running_loop().create_task(self._run(), context=contextvars.Context())

    async def _run(self) -> None:
        """Send counts and requests as they come, and renew the leases in time. Returns when nothing is left to do."""
        loop = asyncio.get_running_loop()
        renew_at = loop.time() + self._renew_seconds
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(renew_at):
                    await self._wake.wait()
            self._wake.clear()
            if loop.time() >= renew_at:
                if not (self._open or self._waiting):
                    break
                self._untold.update(self._open)
                renew_at = loop.time() + self._renew_seconds
            elif self._is_away and loop.time() < self._asked_again_at and not self._waiting:
                continue
            await self._try()
        self._untold.clear()
        await self._disconnect()

    async def _try(self) -> None:
        openings = [each for each in self._waiting if not each.answer.done()]
        self._waiting = []
        try:
            answers = await self._ask(openings)
        except Exception as error:  # noqa: BLE001  (new connections must not wait, whatever the error)
            await self._failed(openings, error)
            return
        if self._is_away:
            self._is_away = False
            logger.info("quotas: Redis is back")
        for opening, may_open in zip(openings, answers, strict=True):
            if opening.answer.done():
                # The caller no longer waits, so the number in Redis may be wrong now.
                self._untold.add(opening.key)
                self._wake.set()
            else:
                if may_open:
                    self._open[opening.key] += 1
                opening.answer.set_result(may_open)

    async def _failed(self, openings: Sequence[_Opening], error: Exception) -> None:
        if not self._is_away:
            logger.warning("quotas: Redis is not responding, counting only this process's connections: %r", error)
        self._is_away = True
        self._asked_again_at = asyncio.get_running_loop().time() + self._pause_seconds
        for opening in openings:
            if not opening.answer.done():
                opening.answer.set_result(self._may_open_alone(opening.key, opening.limit))
        await self._disconnect()

    async def _ask(self, openings: Sequence[_Opening]) -> list[bool]:
        """Send the changed counts to Redis, and ask for each waiting connection whether it may open."""
        untold, self._untold = list(self._untold), set()
        opened: Counter[Key] = Counter()
        try:
            async with asyncio.timeout(self._call_seconds):
                if self._client is None:
                    self._client = self._connect()
                async with self._client.pipeline(transaction=False) as together:
                    for first in range(0, len(untold), TOLD_AT_ONCE):
                        some = untold[first : first + TOLD_AT_ONCE]
                        names, counts = [self._name(key) for key in some], [self._open[key] for key in some]
                        together.eval(_TELL, len(some), *names, self._process, self._lease_ms, *counts)
                    for opening in openings:
                        # Each assumes that those before it are allowed: if one is refused, so are the following ones.
                        opened[opening.key] += 1
                        count = self._open[opening.key] + opened[opening.key]
                        name = self._name(opening.key)
                        together.eval(_OPEN, 1, name, self._process, count, opening.limit, self._lease_ms)
                    answers = await together.execute()
        except BaseException:
            self._untold.update(untold)
            raise
        return [bool(answer) for answer in answers[len(answers) - len(openings) :]]

    def _connect(self) -> Redis:
        # No read timeout and no retries in the client: both are handled here.
        return Redis.from_url(
            self._url, retry=Retry(NoBackoff(), 0), socket_timeout=None, socket_connect_timeout=self._call_seconds
        )

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(*FAILURES):
                await client.aclose()

    def _name(self, key: Key) -> str:
        kind, user_id = key
        return f"{self._prefix}{kind}:{user_id}"


def _less(counts: Counter[Key], key: Key) -> None:
    counts[key] -= 1
    if counts[key] <= 0:
        del counts[key]
