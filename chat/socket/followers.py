"""The runs that one socket follows: one task and one cursor per run, and a shared window."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final

from chat import metrics
from chat.generation.engine import Engine
from chat.generation.replay import Archived
from chat.protocol.cursors import Cursor
from chat.protocol.errors import ApiError
from chat.protocol.events import typed
from chat.quotas.requests import Tally
from chat.socket.window import Window
from chat.streams.base import Batch, LogUnavailable, RunInfo
from chat.streams.entries import encode_json

logger = logging.getLogger(__name__)

# Small compared with the window, so that several frames can be in flight; large compared with 40 ms of an answer.
FRAME_BYTES: Final = 8 * 1024
FOLLOWED_RUNS: Final = 32
# Per user and process: thirty tabs with all the live runs a user may have, plus some. A saved run keeps its text in
# memory until it is sent.
FOLLOWED_RUNS_PER_USER: Final = 128


class Followers:
    """`write` sends the text of a frame; frames leave in the order of the calls.

    `lost` is called with a run that cannot be followed to its end, and the error.
    """

    def __init__(
        self,
        engine: Engine,
        window: Window,
        write: Callable[[str], Awaitable[None]],
        lost: Callable[[str, ApiError], None],
        *,
        user_id: int,
        tally: Tally,
    ) -> None:
        self._engine = engine
        self._window = window
        self._write = write
        self._lost = lost
        self._user_id = user_id
        self._tally = tally
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cursors: dict[str, Cursor] = {}
        self._tips: dict[str, Cursor] = {}
        # If several requests for one run are pending, the last one wins.
        self._requests: dict[str, int] = {}

    @property
    def count(self) -> int:
        return len(self._tasks)

    @property
    def run_ids(self) -> list[str]:
        return list(self._tasks)

    def follows(self, run_id: str) -> bool:
        return run_id in self._tasks

    def check_room(self, run_id: str | None = None) -> None:
        """Raises ApiError if no other run can be followed."""
        if run_id in self._tasks:
            return
        if self.count >= FOLLOWED_RUNS:
            raise ApiError("too_many_runs", f"One socket follows at most {FOLLOWED_RUNS} runs.")
        if self._tally.count(self._user_id) >= FOLLOWED_RUNS_PER_USER:
            raise ApiError("too_many_runs", f"You already follow {FOLLOWED_RUNS_PER_USER} runs.")

    def request(self, run_id: str) -> int:
        """Announce a `start`. A later `request` or `stop` for this run cancels it."""
        self._requests[run_id] = self._requests.get(run_id, 0) + 1
        return self._requests[run_id]

    def withdraw(self, run_id: str, request: int) -> None:
        """Cancel an announced `start`."""
        if self._requests.get(run_id) == request and not self.follows(run_id):
            del self._requests[run_id]

    async def start(self, run_id: str, run: RunInfo | Archived, after: Cursor | None, *, request: int) -> None:
        """Follow a run from a cursor. A run that is already followed restarts from there."""
        await self._cancel(run_id)
        if self._requests.get(run_id) != request:
            return
        task = asyncio.get_running_loop().create_task(self._follow(run_id, run, after))
        self._tasks[run_id] = task
        self._tally.add(self._user_id)
        task.add_done_callback(lambda done: self._ended(run_id, done))

    async def stop(self, run_id: str) -> None:
        self.request(run_id)
        await self._cancel(run_id)
        if not self.follows(run_id):
            self._requests.pop(run_id, None)

    async def close(self) -> None:
        """Stop following all runs. `start` must not be called any more."""
        while self._tasks:
            await self._cancel(next(iter(self._tasks)))

    def tips(self) -> dict[str, str]:
        """By run, the cursor that the client reaches with everything that was sent."""
        return {run_id: str(cursor) for run_id, cursor in self._cursors.items()}

    async def stalled(self) -> list[str]:
        """Followed live runs that have made no progress since the last call."""
        tips = {}
        try:
            for run_id in list(self._tasks):
                run = await self._engine.log.find(run_id)
                if run is not None and run.is_live:
                    tips[run_id] = run.cursor
        except LogUnavailable:
            logger.warning("followers: stalled runs unknown, log unavailable")
        before, self._tips = self._tips, tips
        return [run_id for run_id, cursor in tips.items() if before.get(run_id) == cursor]

    async def _follow(self, run_id: str, run: RunInfo | Archived, after: Cursor | None) -> None:
        async with aclosing(self._engine.follow(run, after, limit=FRAME_BYTES)) as batches:
            while True:
                if not self._window.is_open:
                    await self._count_wait(run_id)
                    await self._window.opened()
                batch = await anext(batches, None)
                if batch is None:
                    return
                await self._send(run_id, batch)

    async def _send(self, run_id: str, batch: Batch) -> None:
        body = _body(run_id, batch)
        size = len(body) + 64
        frame = self._window.take_now(size)
        if not frame:
            await self._count_wait(run_id)
            frame = await self._window.take(size)
        self._cursors[run_id] = batch.cursor
        await self._write(f'{{"type":"events","frame":{frame},{body.decode()}')
        metrics.SENT_BY_WEBSOCKET.count(size)

    async def _count_wait(self, run_id: str) -> None:
        metrics.BACKPRESSURE.labels("websocket", *await self._engine.labels.of(run_id)).inc()

    def _ended(self, run_id: str, task: asyncio.Task[None]) -> None:
        self._tally.remove(self._user_id)
        if self._tasks.get(run_id) is task:
            del self._tasks[run_id]
            self._cursors.pop(run_id, None)
            self._requests.pop(run_id, None)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, ApiError):
            self._lost(run_id, error)
        elif error is not None:
            logger.error("followers: following failed for run %s", run_id, exc_info=error)
            self._lost(run_id, ApiError("unavailable", "The rest of the answer cannot be read. Try again."))

    async def _cancel(self, run_id: str) -> None:
        task = self._tasks.pop(run_id, None)
        self._cursors.pop(run_id, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _body(run_id: str, batch: Batch) -> bytes:
    """The rest of an `events` frame, after its number, in UTF-8."""
    events: list[dict[str, Any]] = [
        {"id": f"{batch.epoch}.{entry.seq}", "event": entry.name, "data": typed(entry.name, entry.data)}
        for entry in batch.entries
    ]
    return b'"run_id":%b,"events":%b}' % (encode_json(run_id), encode_json(events))
