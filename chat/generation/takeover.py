"""Runs whose processes are gone: finished here, by as little as is left to do.

In the database already → `done`. Complete in the log → saved. Asked to stop → saved as stopped. Otherwise generated
again, after a `reset`, unless it has brought down as many processes as it may.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, ParamSpec, TypeVar, cast

from django.conf import settings
from django.db import Error as DatabaseError

from chat import database, metrics
from chat.generation.admission import admit_again
from chat.generation.finishing import Finisher
from chat.generation.replay import answer_of
from chat.generation.run import Completion, Run, asked_of, turn_completed, turn_from_log
from chat.generation.runner import Runner
from chat.protocol import events
from chat.protocol.errors import ApiError
from chat.providers.base import Provider
from chat.streams.base import Claim, Fenced, LogUnavailable, Lost, NoRoom, RunNotFound, StreamLog

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# So many processes may be lost with a run, or fail at it. Any number may hand it over.
FAILURES: Final = 3
LOOK_SECONDS: Final = 1.0
# Of a claim that is under way when the server ends.
CLOSE_SECONDS: Final = 1.0
DATABASE_RETRY_SECONDS: Final = 1.0


class Takeover:
    """Looks for such runs every `look_seconds`, until it is closed. What it claims, the runner holds."""

    def __init__(
        self,
        log: StreamLog,
        runner: Runner,
        ending: Finisher,
        providers: Mapping[str, Provider],
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._log = log
        self._runner = runner
        self._ending = ending
        self._providers = providers
        self._look_seconds = look_seconds
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="takeover")

    async def close(self) -> None:
        """Claim nothing any more, and give back what waits for the database."""
        self._closing.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=CLOSE_SECONDS)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._closing.is_set():
            try:
                # A server that is lost leaves all of its runs: they do not wait for one look after the other.
                while not self._closing.is_set() and (claims := await self._log.claim_expired()):
                    for claim in claims:
                        logger.warning("Run %s has lost its process; attempt %d.", claim.run.run_id, claim.attempt)
                        self._runner.hold(self._take(claim), name=f"takeover {claim.run.run_id}")
            except LogUnavailable:
                logger.debug("Nothing can be claimed while the log is away.")
            except Exception:
                logger.exception("Looking for lost runs failed; trying again.")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_seconds):
                    await self._closing.wait()

    async def _take(self, claim: Claim) -> None:
        run = claim.run
        try:
            status = await self._finish(claim)
        except (Fenced, Lost, RunNotFound):
            logger.warning("Run %s belongs to another process now.", run.run_id)
        except BaseException as error:
            failed = not isinstance(error, LogUnavailable | asyncio.CancelledError)
            if failed:
                logger.exception("Run %s could not be taken over.", run.run_id)
            # For the next attempt, here or elsewhere.
            with suppress(LogUnavailable):
                await self._log.release(run.run_id, token=claim.token, failed=failed)
            if not isinstance(error, Exception):
                raise
        else:
            if status is not None:
                await self._ending.tell(run, status)

    async def _finish(self, claim: Claim) -> str | None:
        """The status of a run that has ended; None if it goes on. Raises what the log raises."""
        run, token = claim.run, claim.token
        saved = await self._read(answer_of, run.owner_id, run.run_id)
        if saved is not None:
            metrics.TAKEOVERS.labels("found_saved").inc()
            await self._ending.done(saved, run.run_id, token=token)
            return saved.status
        if claim.completion is not None:
            metrics.TAKEOVERS.labels("saved").inc()
            turn = turn_completed(run, claim.entries, cast(Completion, claim.completion))
            return await self._ending.save(turn, token=token)
        if claim.stop_requested:
            metrics.TAKEOVERS.labels("stopped").inc()
            return await self._ending.save(turn_from_log(run, claim.entries), token=token)
        if claim.failures >= FAILURES:
            return await self._give_up(claim)
        return await self._generate_again(claim)

    async def _generate_again(self, claim: Claim) -> str | None:
        run, start = claim.run, cast(events.Start, claim.entries[0].data)
        try:
            name, request = await self._read(
                admit_again,
                run.owner_id,
                start,
                providers=frozenset(self._providers),
                characters=settings.CHAT_CONTEXT_CHARACTERS,
            )
        except ApiError as refusal:
            logger.info("Run %s cannot be generated again: %s", run.run_id, refusal)
            return await self._give_up(claim)
        try:
            await self._log.append(run.run_id, [events.reset(claim.attempt, "interrupted")], token=claim.token)
        except NoRoom:
            logger.warning("run %s: no room in the log to answer again", run.run_id)
            return await self._give_up(claim)
        metrics.TAKEOVERS.labels("generated_again").inc()
        self._runner.start(
            Run(
                info=run,
                token=claim.token,
                start=start,
                provider=self._providers[name],
                request=request,
                attempt=claim.attempt,
            )
        )
        return None

    async def _give_up(self, claim: Claim) -> str:
        metrics.TAKEOVERS.labels("given_up").inc()
        error = events.error("interrupted", "The server went down while writing this answer.", retryable=True)
        asked = asked_of(claim.run, cast(events.Start, claim.entries[0].data))
        await self._ending.fail(claim.run.run_id, error, asked=asked, token=claim.token)
        return "interrupted"

    async def _read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As database.read; waits for a database that is away, for as long as this process runs."""
        while True:
            try:
                return await database.read(function, *args, **kwargs)
            except DatabaseError as error:
                logger.warning("A lost run waits for the database: %r", error)
                with suppress(TimeoutError):
                    async with asyncio.timeout(DATABASE_RETRY_SECONDS):
                        await self._closing.wait()
                if self._closing.is_set():
                    raise
