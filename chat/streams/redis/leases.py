"""The runs that this process owns: their leases, and a copy of all entries in case Redis loses them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from chat.protocol.cursors import Cursor
from chat.protocol.events import Event
from chat.streams.base import (
    CHECKPOINT_BYTES,
    KEEP_FAILED_SECONDS,
    KEEP_SAVED_SECONDS,
    Appended,
    Fenced,
    LogUnavailable,
    Lost,
    NoRoom,
    RunInfo,
    RunState,
    new_epoch,
    state_after,
)
from chat.streams.entries import encode, encode_json
from chat.streams.redis.pipeline import Pipeline
from chat.streams.redis.scripts import FENCED, LOST, NO_ROOM

logger = logging.getLogger(__name__)

# How long an abandoned run stays in Redis for another process to finish it.
LIVE_MS: Final = 900_000


@dataclass(slots=True)
class Owned:
    """A run that this process owns. `entries`: its whole log, already or soon in Redis. `end`: why ownership ended."""

    info: RunInfo
    made: str
    token: int
    attempt: int
    epoch: str
    entries: list[bytes]
    state: RunState = "live"
    completion: bytes = b""
    checkpoint: bytes = b""
    failures: int = 0
    stop: bool = False
    cuts: int = 0
    """How often entries were removed again, with all later ones, because Redis had no room for them."""
    end: Fenced | Lost | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when `stop` or `end` is set."""
    restoring: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.epoch, len(self.entries))


class Leases:
    """`patience`: how many seconds an append waits for Redis.

    `on_append(run_id, epoch, first, events)` is called, in order, when Redis has acknowledged events;
    `on_restore(run_id)` when a run has a new epoch; `on_end(run_id)` when this process loses a live run.
    """

    def __init__(
        self,
        calls: Pipeline,
        *,
        lease_seconds: float,
        renew_seconds: float,
        patience: float,
        on_append: Callable[[str, str, int, Sequence[Event]], None],
        on_restore: Callable[[str], None],
        on_end: Callable[[str], None],
    ) -> None:
        self._calls = calls
        self._lease_ms = round(lease_seconds * 1000)
        self._renew_seconds = renew_seconds
        self._patience = patience
        self._on_append = on_append
        self._on_restore = on_restore
        self._on_end = on_end
        self._runs: dict[str, Owned] = {}
        self._renewing: asyncio.Task[None] | None = None
        self._renew_now = asyncio.Event()

    def get(self, run_id: str, token: int | None = None) -> Owned | None:
        """The run if this process owns it and, if a token is given, the token matches."""
        owned = self._runs.get(run_id)
        return owned if owned is not None and token in (None, owned.token) else None

    def add(self, owned: Owned) -> None:
        """Add a run that was just created or claimed."""
        self._runs[owned.info.run_id] = owned
        if self._renewing is None:
            self._renewing = asyncio.get_running_loop().create_task(self._renew(), name="stream log leases")

    def request_stop(self, run_id: str) -> None:
        if owned := self._runs.get(run_id):
            owned.stop = True
            owned.changed.set()

    def renew_now(self) -> None:
        """Renew all leases now, to restore whatever Redis has lost during an outage."""
        self._renew_now.set()

    async def append(self, owned: Owned, events: Sequence[Event]) -> Appended:
        """Append, even if cancelled. Raises Fenced, Lost, NoRoom, LogUnavailable."""
        if any(event.is_terminal for event in events[:-1]):
            raise ValueError("No event may follow a terminal event.")
        run_id, epoch, cuts, first = owned.info.run_id, owned.epoch, owned.cuts, len(owned.entries) + 1
        encoded = [encode(event) for event in events]
        attempt = next((event.data["attempt"] for event in events if event.name == "reset"), None)
        owned.attempt = attempt or owned.attempt
        owned.entries.extend(encoded)
        owned.state = state_after(events[-1]) if events else owned.state
        try:
            code = await self._calls.call(
                "append", run_id, owned.token, first, self._lease_ms, owned.state, _keep_ms(owned.state), *encoded,
                patience=self._patience,
                on_answer=lambda code: self._appended(owned, epoch, first, events, code),
            )  # fmt: skip
            if code == NO_ROOM or (code == LOST and owned.cuts != cuts):
                # The second case: an earlier append was rejected, so Redis sees a gap before this one.
                if events[-1].is_terminal:
                    return await self.append(owned, events)
                raise NoRoom(run_id)
            if code == LOST:
                await self._restore(owned, epoch)
        except LogUnavailable:
            # It has ended here but not in Redis: the process that claims it after the lease expires must end it.
            if owned.state != "live":
                self._lose(owned, Fenced(run_id))
            raise
        if code == FENCED:
            raise self._lose(owned, Fenced(run_id))
        return Appended(Cursor(owned.epoch, first + len(events) - 1), owned.stop)

    async def finish(self, owned: Owned, completion: Mapping[str, Any]) -> None:
        """Raises Fenced, Lost, LogUnavailable."""
        owned.completion = encode_json(completion)
        epoch = owned.epoch
        arguments = (owned.info.run_id, owned.token, owned.completion)
        code = await self._calls.call("finish", *arguments, patience=self._patience)
        if code == LOST:
            await self._restore(owned, epoch)
        elif code == FENCED:
            raise self._lose(owned, Fenced(owned.info.run_id))

    async def checkpoint(self, owned: Owned, state: Mapping[str, Any]) -> None:
        """Raises Fenced, Lost, NoRoom, LogUnavailable."""
        encoded = encode_json(state)
        if len(encoded) > CHECKPOINT_BYTES:
            raise NoRoom(owned.info.run_id)
        before, owned.checkpoint = owned.checkpoint, encoded
        epoch = owned.epoch
        arguments = (owned.info.run_id, owned.token, owned.checkpoint)
        code = await self._calls.call("checkpoint", *arguments, patience=self._patience)
        if code == LOST:
            await self._restore(owned, epoch)
        elif code == NO_ROOM:
            owned.checkpoint = before
            raise NoRoom(owned.info.run_id)
        elif code == FENCED:
            raise self._lose(owned, Fenced(owned.info.run_id))

    async def release(self, owned: Owned, *, failed: bool) -> bool:
        """Give up ownership, even if this raises LogUnavailable."""
        run_id = owned.info.run_id
        self._lose(owned, Fenced(run_id))
        arguments = (run_id, owned.token, int(failed))
        return bool(await self._calls.within("release", *arguments, patience=self._renew_seconds))

    async def close(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        self._runs.clear()

    def _appended(self, owned: Owned, epoch: str, first: int, events: Sequence[Event], code: int) -> None:
        if code == NO_ROOM:
            del owned.entries[first - 1 :]
            owned.state = "live"
            owned.cuts += 1
        if code < 0 or not events:
            return
        if code:
            self.request_stop(owned.info.run_id)
        self._on_append(owned.info.run_id, epoch, first, events)
        if events[-1].is_terminal:
            self._runs.pop(owned.info.run_id, None)

    async def _renew(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._renew_seconds):
                    await self._renew_now.wait()
            self._renew_now.clear()
            await asyncio.gather(*(self._renew_one(owned) for owned in list(self._runs.values())))

    async def _renew_one(self, owned: Owned) -> None:
        run_id, epoch = owned.info.run_id, owned.epoch
        arguments = (run_id, owned.token, self._lease_ms, LIVE_MS)
        try:
            code = await self._calls.call("renew", *arguments, patience=self._renew_seconds)
            if owned.state != "live":
                return
            if code == LOST:
                await self._restore(owned, epoch)
            elif code == FENCED:
                self._lose(owned, Fenced(run_id))
            elif code:
                self.request_stop(run_id)
        except (LogUnavailable, Fenced, Lost) as error:
            logger.warning("run %s: renewing the lease failed: %s", run_id, error)

    async def _restore(self, owned: Owned, epoch: str) -> None:
        """Restore a run that Redis has lost, unless its epoch has changed since. Raises Fenced, Lost."""
        async with owned.restoring:
            if owned.end is not None:
                raise owned.end
            if owned.epoch != epoch:
                return
            renewed, info = new_epoch(), owned.info
            state = owned.state
            code = await self._calls.call(
                "restore",
                info.run_id, info.owner_id, info.conversation_id, info.client_message_id, info.fingerprint, info.title,
                state, renewed, owned.made, owned.token, owned.attempt, owned.failures, int(owned.stop),
                owned.completion, owned.checkpoint, self._lease_ms, LIVE_MS, _keep_ms(state), *owned.entries,
                patience=self._patience,
            )  # fmt: skip
            if code == LOST:
                raise self._lose(owned, Lost(info.run_id))
            if code == FENCED:
                raise self._lose(owned, Fenced(info.run_id))
            logger.warning("run %s: restored after Redis had lost it", info.run_id)
            owned.epoch = renewed
            self._on_restore(info.run_id)
            if state != "live":
                self._runs.pop(info.run_id, None)

    def _lose(self, owned: Owned, end: Fenced | Lost) -> Fenced | Lost:
        if self._runs.get(owned.info.run_id) is owned:
            del self._runs[owned.info.run_id]
            self._on_end(owned.info.run_id)
        owned.end = owned.end or end
        owned.changed.set()
        return owned.end


def _keep_ms(state: RunState) -> int:
    return round((KEEP_FAILED_SECONDS if state == "error" else KEEP_SAVED_SECONDS) * 1000)
