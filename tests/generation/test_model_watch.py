"""When the watch asks the model servers: repeatedly while one is away, and on request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from django.db import OperationalError

from chat.generation.model_watch import ModelWatch, Outlook, Problem
from chat.providers.base import ProviderError, ProviderUnavailable, RateLimited

AWAY = Problem("openai", ProviderUnavailable("It does not answer."), is_silent=True)
SILENT = Outlook((AWAY,), is_settled=False, is_urgent=True)
KNOWN = Outlook((AWAY,), is_urgent=True)
GUESS = Outlook((Problem("ollama", ProviderUnavailable("It does not answer."), is_silent=True),))
REFUSED = Outlook((Problem("openai", ProviderError("It lists nothing."), is_silent=False),), is_settled=False)
DEMO = Outlook(is_settled=False)
WELL = Outlook()


class Servers:
    """Scripts what a look finds, with a clock and a sleep that the test controls."""

    def __init__(self, outlook: Outlook) -> None:
        self.outlook: Outlook | Exception = outlook
        self.looks: list[bool] = []
        self.now = 100.0
        self.waits: list[float] = []
        self._woken = asyncio.Event()
        self._answered = asyncio.Event()
        self._answered.set()
        self.watch = ModelWatch(self.look, sleep=self.sleep, clock=lambda: self.now)

    async def look(self, is_doubted: bool) -> Outlook:
        self.looks.append(is_doubted)
        await self._answered.wait()
        if isinstance(self.outlook, Exception):
            raise self.outlook
        return self.outlook

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await self._woken.wait()
        self._woken.clear()
        self.now += seconds

    async def wake(self) -> None:
        """Ends the wait before the next look."""
        self._woken.set()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    def hang(self) -> None:
        self._answered.clear()

    def answer(self) -> None:
        self._answered.set()

    async def ask(self, *, after: float) -> int:
        """Ask `after` seconds later, and return how many looks that causes."""
        before = len(self.looks)
        self.now += after
        await self.watch.ask(seconds=1)
        await self.settle()
        return len(self.looks) - before


Begin = Callable[[Outlook], Awaitable[Servers]]


@pytest.fixture
async def begin() -> Begin:
    async def begun(outlook: Outlook) -> Servers:
        servers = Servers(outlook)
        await servers.watch.begin()
        await servers.settle()
        return servers

    return begun


async def test_working_servers_are_not_polled(begin: Begin) -> None:
    servers = await begin(WELL)
    assert (servers.looks, servers.waits) == ([False], [])
    assert servers.watch.is_settled


@pytest.mark.parametrize(
    ("outlook", "waits"),
    [(SILENT, [1, 2, 4, 8, 10, 10]), (REFUSED, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])],
    ids=["silent", "refused"],
)
async def test_polling_intervals_grow(begin: Begin, outlook: Outlook, waits: list[float]) -> None:
    servers = await begin(outlook)
    for _ in waits[1:]:
        await servers.wake()
    assert servers.waits == waits
    assert len(servers.looks) == len(waits)
    servers.outlook = WELL
    await servers.wake()
    await servers.wake()
    assert servers.watch.problems == ()
    assert len(servers.looks) == len(waits) + 1
    await servers.watch.close()


async def test_polling_restarts_with_short_intervals_after_a_recovery(begin: Begin) -> None:
    servers = await begin(SILENT)
    for _ in range(3):
        await servers.wake()
    servers.outlook = WELL
    await servers.wake()
    servers.outlook, servers.waits[:] = SILENT, []
    assert await servers.ask(after=60) == 1
    assert servers.waits == [1]
    await servers.watch.close()


@pytest.mark.parametrize(
    ("outlook", "soon", "late"),
    [(SILENT, 0.9, 1), (KNOWN, 0.9, 1), (REFUSED, 4.9, 5), (DEMO, 4.9, 5), (GUESS, 59, 60), (WELL, 59, 60)],
    ids=str,
)
async def test_a_request_triggers_a_look_if_the_last_one_is_too_old(
    begin: Begin, outlook: Outlook, soon: float, late: float
) -> None:
    servers = await begin(outlook)
    assert await servers.ask(after=soon) == 0
    assert await servers.ask(after=late - soon) == 1
    assert await servers.ask(after=0) == 0
    await servers.watch.close()


async def test_many_concurrent_requests_share_one_look(begin: Begin) -> None:
    servers = await begin(SILENT)
    servers.hang()
    servers.now += 1
    asking = [asyncio.create_task(servers.watch.ask(seconds=30)) for _ in range(20)]
    await servers.settle()
    await servers.wake()
    servers.outlook = WELL
    servers.answer()
    await asyncio.gather(*asking)
    assert len(servers.looks) == 2
    assert servers.watch.problems == ()


async def test_a_request_waits_no_longer_than_its_timeout(begin: Begin) -> None:
    servers = await begin(SILENT)
    servers.hang()
    servers.now += 1
    async with asyncio.timeout(20):
        await servers.watch.ask(seconds=0.01)
    assert servers.watch.problems == SILENT.problems
    await servers.watch.close()


async def test_a_cancelled_request_does_not_cancel_the_look(begin: Begin) -> None:
    servers = await begin(SILENT)
    servers.hang()
    servers.now += 1
    asking = asyncio.create_task(servers.watch.ask(seconds=30))
    await servers.settle()
    asking.cancel()
    servers.outlook = WELL
    servers.answer()
    await servers.settle()
    assert servers.watch.problems == ()


async def test_a_failed_answer_triggers_a_look(begin: Begin) -> None:
    servers = await begin(WELL)
    servers.now += 1
    servers.outlook = SILENT
    servers.watch.doubt(ProviderUnavailable("It is gone."))
    await servers.settle()
    assert (servers.looks, servers.waits) == ([False, True], [1])
    assert servers.watch.problems == SILENT.problems
    await servers.watch.close()


async def test_many_concurrent_failures_trigger_one_look(begin: Begin) -> None:
    servers = await begin(WELL)
    for _ in range(100):
        servers.watch.doubt(ProviderUnavailable("It is gone."))
    await servers.settle()
    assert len(servers.looks) == 1
    assert await servers.ask(after=1) == 1


async def test_a_rate_limited_server_counts_as_available(begin: Begin) -> None:
    servers = await begin(WELL)
    servers.now += 100
    servers.watch.doubt(RateLimited("Too many."))
    await servers.settle()
    assert len(servers.looks) == 1


@pytest.mark.parametrize("error", [OperationalError("locked"), RuntimeError("a mistake of ours")], ids=["away", "bug"])
async def test_a_failed_look_is_retried(begin: Begin, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    servers = await begin(SILENT)
    servers.outlook = error
    await servers.wake()
    assert servers.watch.problems == SILENT.problems
    servers.outlook = WELL
    await servers.wake()
    assert servers.watch.problems == ()
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


async def test_the_first_look_fails_with_the_database() -> None:
    servers = Servers(WELL)
    servers.outlook = OperationalError("away")
    with pytest.raises(OperationalError):
        await servers.watch.begin()


async def test_a_server_that_hangs_does_not_keep_the_site_from_starting() -> None:
    servers = Servers(SILENT)
    servers.hang()
    async with asyncio.timeout(20):
        await servers.watch.begin(seconds=0.01)
    assert (servers.watch.problems, servers.watch.is_settled) == ((), False)
    servers.answer()
    await servers.watch.ask(seconds=5)
    assert servers.watch.problems == SILENT.problems
    assert servers.looks == [False]
    await servers.watch.close()


async def test_no_look_happens_after_closing(begin: Begin) -> None:
    servers = await begin(SILENT)
    await servers.watch.close()
    await servers.wake()
    assert len(servers.looks) == 1
