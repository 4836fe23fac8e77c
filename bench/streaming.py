"""Many answers at once: the server's CPU per token, and what it adds to the way of a token."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bench import machine, stamps
from bench.processes import Server
from bench.readers import Reader, ReaderFailed, Tally
from bench.stage import Stage
from bench.ways import PATIENCE_SECONDS, Way

# Of streams that are being started at once. A crowd, but not all of them.
STARTING: Final = 40
# Outlasts the measurement; ended with the server.
ENDLESS: Final = 1_000_000
PROBE_EVERY_SECONDS: Final = 0.1
# While others had the server's core for more than this share of a window, it is not the server that was measured.
DISTURBED: Final = 0.15
WINDOWS: Final = 3


@dataclass(frozen=True)
class Load:
    """How to measure: so many streams at `rate` tokens per second, each window so many seconds long.

    `keeps_up`: the share of the tokens below which a server falls behind.
    """

    streams: Sequence[int]
    rate: int
    settle_seconds: float
    window_seconds: float
    probes: int
    keeps_up: float


@dataclass
class Window:
    """One trial at one load. Times in ms; `first*` has a value per probe, or none where it falls behind."""

    cpu_us: float
    delivered: float
    p50: float
    p99: float
    bytes_per_token: float
    tokens_per_piece: float
    # The pace of the server's core (bench.speed), how long it was taken
    # by others (share of the time), and the model's own lateness in ms (p99).
    speed_ns: float
    waited: float
    late: float
    first: list[float] = field(default_factory=list)
    first_asked: list[float] = field(default_factory=list)


@dataclass
class Trial:
    """A window for each load that the server could carry; `failure` says why it is not all of them."""

    windows: dict[int, Window] = field(default_factory=dict)
    failure: str = ""


async def measure(stage: Stage, way: Way, load: Load) -> Trial:
    """One trial of every load. The streams of the smaller one go on in the larger one, while the server keeps up."""
    trial = Trial()
    crowd = None
    streams = 0
    try:
        for streams in load.streams:
            if crowd is None:
                crowd = _Crowd(stage, way, await asyncio.to_thread(way.start, stage), load.rate)
            await crowd.grow(streams)
            await asyncio.sleep(load.settle_seconds)
            trial.windows[streams] = window = await crowd.least_disturbed(load.window_seconds)
            if window.delivered < load.keeps_up:
                # It falls behind: a message more would wait for ever, and what it still has to do would count against
                # it in the next window.
                crowd.close()
                crowd = None
            else:
                window.first, window.first_asked = await crowd.probe(load.probes)
    except* (ReaderFailed, TimeoutError) as failures:
        trial.failure = f"{streams} streams: {_first(failures)!r}"
    finally:
        if crowd is not None:
            crowd.close()
    return trial


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    error = failures.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


class _Crowd:
    """Readers of answers without an end, each a person of their own."""

    def __init__(self, stage: Stage, way: Way, server: Server, rate: int) -> None:
        self._stage = stage
        self._way = way
        self._server = server
        self._rate = rate
        self._tally = Tally()
        self._readers: list[Reader] = []
        self._people = itertools.cycle(stage.people)

    async def grow(self, streams: int) -> None:
        """Start streams until there are so many; each has had its first token by then."""
        turn = asyncio.Semaphore(STARTING)
        await asyncio.to_thread(self._stage.hold)
        async with asyncio.TaskGroup() as group:
            for _ in range(streams - len(self._readers)):
                group.create_task(self._join(turn))
        await asyncio.to_thread(self._stage.go)

    async def _join(self, turn: asyncio.Semaphore) -> None:
        async with turn:
            reader, _ = await self._open(self._tally, ENDLESS)
            self._readers.append(reader)

    async def _open(self, tally: Tally, count: int) -> tuple[Reader, int]:
        prompt = f"count={count} rate={self._rate}"
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, sent = await self._way.open(self._server, tally, prompt, next(self._people))
            await reader.begun
        return reader, sent

    async def least_disturbed(self, seconds: float) -> Window:
        """A window in which the server had its core, or the best of a few if something else keeps taking it."""
        windows = []
        for _ in range(WINDOWS):
            windows.append(await self._record(seconds))
            if windows[-1].waited < DISTURBED:
                break
        return min(windows, key=lambda window: window.waited)

    async def _record(self, seconds: float) -> Window:
        pid, tally = self._server.pid, self._tally
        await asyncio.to_thread(self._stage.late_ms, 1.0)
        self._stage.speed.read()
        tally.clear()
        tally.is_open = True
        began, cpu, waited = time.monotonic(), machine.cpu_seconds(pid), machine.waited_seconds(pid)
        await asyncio.sleep(seconds)
        while not tally.tokens:  # noqa: ASYNC110
            # The machine stood still all the time: there is nothing to divide by.
            await asyncio.sleep(seconds)
        speed_ns = await self._stage.speed.read_some()
        tally.is_open = False
        took = time.monotonic() - began
        cpu, waited = machine.cpu_seconds(pid) - cpu, machine.waited_seconds(pid) - waited
        late = await asyncio.to_thread(self._stage.late_ms, 0.99)
        self._check()
        tally.delays.sort()
        return Window(
            cpu_us=cpu / tally.tokens * 1e6,
            delivered=tally.tokens / (len(self._readers) * self._rate * took),
            p50=percentile(tally.delays, 0.5) / stamps.TICKS_PER_MS,
            p99=percentile(tally.delays, 0.99) / stamps.TICKS_PER_MS,
            bytes_per_token=tally.bytes / tally.tokens,
            tokens_per_piece=tally.tokens / tally.pieces,
            speed_ns=speed_ns,
            waited=waited / took,
            late=late,
        )

    async def probe(self, count: int) -> tuple[list[float], list[float]]:
        """Further messages, one every tenth of a second: what is added to their first tokens.

        Two lists of ms: from the model's writing of it to the reader, and from the message to the model's writing.
        """
        async with asyncio.TaskGroup() as group:
            probes = []
            for number in range(count):
                # Never two at the same phase of anything.
                await asyncio.sleep(PROBE_EVERY_SECONDS * (1 + 0.2 * (number % 7 - 3) / 7))
                probes.append(group.create_task(self._probe()))
        arrived, asked = zip(*(probe.result() for probe in probes), strict=True)
        return list(arrived), list(asked)

    async def _probe(self) -> tuple[float, float]:
        reader, sent = await self._open(Tally(), 1)
        begun = reader.begun.result()
        reader.close()
        return (begun - reader.asked) / stamps.TICKS_PER_MS, (reader.asked - sent) / stamps.TICKS_PER_MS

    def _check(self) -> None:
        for reader in self._readers:
            if reader.ended.done():
                reader.ended.result()
                raise ReaderFailed("an answer ended before it should")

    def close(self) -> None:
        for reader in self._readers:
            reader.close()
        self._server.kill()


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest rank."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
