"""Runs one call of a tool within its limits."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

import msgspec

from chat.protocol.untrusted_input import clean, storable
from chat.tools.base import (
    ITEM_BYTES,
    LONGEST_SECONDS,
    PROGRESS_ITEMS,
    Arguments,
    AskPerson,
    Context,
    Output,
    Progress,
    Tool,
    ToolFailed,
)
from chat.tools.results import cut, result_of

logger = logging.getLogger(__name__)

# How long a tool may take to end after it was cancelled.
GRACE_SECONDS: Final = 5.0
# Of the sentence with which a tool fails.
MESSAGE_BYTES: Final = 4 * 1024

# Tools that did not end even then. Held here, because the event loop keeps only weak references.
_abandoned: Final[set[asyncio.Task[None]]] = set()


class Deadline:
    """`timeout` seconds from now; each sign of life starts them anew, but never beyond `latest`."""

    def __init__(self, timeout: float, *, latest: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._timeout = timeout
        self._latest = latest
        self._clock = clock
        self.extend()

    def extend(self) -> None:
        self.at = min(self._clock() + self._timeout, self._latest)

    @property
    def left(self) -> float:
        return max(self.at - self._clock(), 0.0)


async def run(tool: Tool, arguments: Arguments, context: Context) -> AsyncGenerator[Output, None]:
    """Yields Progress as it comes, and last a Result or AskPerson. Raises only ToolFailed.

    Whoever stops early closes the iterator (`aclosing`) or cancels its own task; either way the tool is cancelled, and
    has ended before control returns, unless it ignores that for GRACE_SECONDS.
    """
    call = _Call(tool, arguments, context)
    try:
        while isinstance(output := await call.output(), Progress):
            yield output
        yield output
    finally:
        await call.end()


class _Call:
    """The tool runs in a task of its own, so that its progress arrives while it waits for something else."""

    def __init__(self, tool: Tool, arguments: Arguments, context: Context) -> None:
        self._tool = tool
        latest = min(time.monotonic() + LONGEST_SECONDS, context.deadline)
        self._deadline = Deadline(tool.timeout, latest=latest)
        self._outputs: asyncio.Queue[Output | ToolFailed] = asyncio.Queue()
        self._items = 0
        self._task = asyncio.create_task(self._run(arguments, replace(context, send=self._progress)))
        self._task.add_done_callback(self._ended)

    async def output(self) -> Output:
        """The next one. Raises ToolFailed."""
        output = await self._next()
        if isinstance(output, ToolFailed):
            raise output
        return output

    async def end(self) -> bool:
        """Cancel the tool and wait for its end, at most GRACE_SECONDS. Returns whether it has ended."""
        if not self._task.done():
            self._task.cancel()
            try:
                await asyncio.wait({self._task}, timeout=GRACE_SECONDS)
            finally:
                if not self._task.done():
                    _abandoned.add(self._task)
                    self._task.add_done_callback(_abandoned.discard)
                    logger.error("tool %s: still running after it was cancelled", self._tool.key)
        return self._task.done()

    async def _next(self) -> Output | ToolFailed:
        while self._outputs.empty() and self._deadline.left:
            try:
                # The deadline may move while this waits.
                async with asyncio.timeout(self._deadline.left):
                    return await self._outputs.get()
            except TimeoutError:
                continue
        return self._outputs.get_nowait() if not self._outputs.empty() else await self._timed_out()

    async def _timed_out(self) -> ToolFailed:
        has_ended = await self.end()
        if self._tool.side_effects:
            message = "The tool did not finish in time. It may have taken effect: check before you call it again."
            return ToolFailed("timeout" if has_ended else "unknown_outcome", message)
        return ToolFailed("timeout", "The tool did not finish in time. Ask it for less, or answer without it.")

    async def _run(self, arguments: Arguments, context: Context) -> None:
        self._outputs.put_nowait(await self._outcome(arguments, context))

    async def _outcome(self, arguments: Arguments, context: Context) -> Output | ToolFailed:
        try:
            async with aclosing(_closable(self._tool.start(arguments, context))) as outputs:
                async for output in outputs:
                    if not isinstance(output, Progress):
                        return output if isinstance(output, AskPerson) else result_of(output)
                    self._progress(output)
            return result_of(None)
        except ToolFailed as failure:
            return ToolFailed(failure.code, cut(clean(failure.message), MESSAGE_BYTES))
        except (Exception, SystemExit) as error:  # noqa: BLE001  (a tool may raise anything)
            logger.warning("tool %s: failed: %s", self._tool.key, _place(error))
            return self._failed()

    def _progress(self, progress: Progress) -> None:
        self._deadline.extend()
        if self._items >= PROGRESS_ITEMS or self._task.done():
            return
        item = _plain(progress.item)
        if item is None:
            logger.warning("tool %s: dropped progress that is no JSON or over %s bytes", self._tool.key, ITEM_BYTES)
            return
        self._items += 1
        self._outputs.put_nowait(Progress(item))

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A tool that cancels itself has failed; so has one that raises what is not an Exception."""
        if task.cancelled() or task.exception():
            self._outputs.put_nowait(self._failed())

    def _failed(self) -> ToolFailed:
        message = "The tool failed because of an error in it. The same call may fail again: try another way."
        return ToolFailed("failed", message)


def _plain(item: Any) -> Any:
    """A copy in JSON's types; None if that is not possible, or too large."""
    try:
        encoded = msgspec.json.encode(item)
        decoded = msgspec.json.decode(encoded)
    except (TypeError, ValueError, RecursionError):
        return None
    return storable(decoded) if len(encoded) <= ITEM_BYTES and isinstance(decoded, dict) else None


def _closable(iterator: Any) -> AsyncGenerator[Any, None]:
    """An iterator without `aclose` is closed by cancelling its task."""
    return iterator if hasattr(iterator, "aclose") else _iterated(iterator)


async def _iterated(iterator: Any) -> AsyncGenerator[Any, None]:
    async for each in iterator:
        yield each


def _place(error: BaseException) -> str:
    """The error's class, and the module and line that raised it. Its message may contain what a person wrote."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" in {trace.tb_frame.f_globals.get('__name__')}, line {trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{where}"
