"""Takes over runs whose process has died, and does only the remaining steps.

Already in the database → `done`. Complete in the log → saved. Stop requested → saved as stopped. Otherwise generated
again, after a `reset`, unless the run has failed too often: from the last checkpoint, if there is one.
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
from chat.generation.work import Work
from chat.protocol import event_data, events
from chat.protocol.errors import ApiError
from chat.providers.base import Provider
from chat.streams.base import Claim, Fenced, LogUnavailable, Lost, NoRoom, RunNotFound, StreamLog
from chat.tools.registry import Registry

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# A run is given up after this many crashed or failed owners. Handovers do not count.
FAILURES: Final = 3
LOOK_SECONDS: Final = 1.0
# Time for a claim in progress at shutdown.
CLOSE_SECONDS: Final = 1.0
DATABASE_RETRY_SECONDS: Final = 1.0


class Takeover:
    """Looks for such runs every `look_seconds` until it is closed. The runner owns the tasks of claimed runs."""

    def __init__(
        self,
        log: StreamLog,
        runner: Runner,
        ending: Finisher,
        providers: Mapping[str, Provider],
        tools: Registry,
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._log = log
        self._runner = runner
        self._ending = ending
        self._providers = providers
        self._tools = tools
        self._look_seconds = look_seconds
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="takeover")

    async def close(self) -> None:
        """Stop claiming, and release the runs that are waiting for the database."""
        self._closing.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=CLOSE_SECONDS)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._closing.is_set():
            try:
                # A dead process leaves many runs at once: claim them all now, not one batch per interval.
                while not self._closing.is_set() and (claims := await self._log.claim_expired()):
                    for claim in claims:
                        logger.warning("run %s: owner lost, attempt %d", claim.run.run_id, claim.attempt)
                        self._runner.hold(self._take(claim), name=f"takeover {claim.run.run_id}")
            except LogUnavailable:
                logger.debug("takeover: log unavailable, nothing claimed")
            except Exception:
                logger.exception("takeover: looking for lost runs failed, retrying")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_seconds):
                    await self._closing.wait()

    async def _take(self, claim: Claim) -> None:
        run = claim.run
        try:
            status = await self._finish(claim)
        except (Fenced, Lost, RunNotFound):
            logger.warning("run %s: lost ownership, stopping", run.run_id)
        except BaseException as error:
            failed = not isinstance(error, LogUnavailable | asyncio.CancelledError)
            if failed:
                logger.exception("run %s: takeover failed", run.run_id)
            # Leave it for the next attempt, here or in another process.
            with suppress(LogUnavailable):
                await self._log.release(run.run_id, token=claim.token, failed=failed)
            if not isinstance(error, Exception):
                raise
        else:
            if status is not None:
                await self._ending.tell(run, status)

    async def _finish(self, claim: Claim) -> str | None:
        """The status of the run if it has ended; None if it is generated again. Raises the log's errors."""
        run, token = claim.run, claim.token
        saved = await self._read(answer_of, run.owner_id, run.run_id)
        if saved is not None:
            metrics.TAKEOVERS.labels("found_saved").inc()
            await self._ending.done(saved, run.run_id, token=token)
            return saved.status
        if claim.completion is not None:
            metrics.TAKEOVERS.labels("saved").inc()
            turn = turn_completed(run, claim.entries, cast(Completion, claim.completion), claim.checkpoint)
            return await self._ending.save(turn, token=token)
        if claim.stop_requested:
            metrics.TAKEOVERS.labels("stopped").inc()
            turn = turn_from_log(run, claim.entries, claim.checkpoint)
            return await self._ending.save(turn, token=token)
        if claim.failures >= FAILURES:
            return await self._give_up(claim)
        return await self._generate_again(claim)

    async def _generate_again(self, claim: Claim) -> str | None:
        run, start = claim.run, cast(event_data.Start, claim.entries[0].data)
        try:
            admitted = await self._read(
                admit_again,
                run.owner_id,
                start,
                providers=frozenset(self._providers),
                tools=self._tools,
                characters=settings.CHAT_CONTEXT_CHARACTERS,
            )
            provider = self._providers[admitted.provider]
        except (ApiError, KeyError) as error:
            logger.info("run %s: cannot be generated again: %s", run.run_id, error)
            return await self._give_up(claim)
        try:
            await self._log.append(run.run_id, [events.reset(claim.attempt, "interrupted")], token=claim.token)
        except NoRoom:
            logger.warning("run %s: log full, not generated again", run.run_id)
            return await self._give_up(claim)
        metrics.TAKEOVERS.labels("generated_again").inc()
        self._runner.start(
            Run(
                info=run,
                token=claim.token,
                start=start,
                provider=provider,
                request=admitted.request,
                attempt=claim.attempt,
                tools=admitted.tools,
                permissions=admitted.permissions,
                work=Work.from_json(claim.checkpoint) if claim.checkpoint else admitted.work,
            )
        )
        return None

    async def _give_up(self, claim: Claim) -> str:
        metrics.TAKEOVERS.labels("given_up").inc()
        error = events.error("interrupted", "The server went down while writing this answer.")
        asked = asked_of(claim.run, cast(event_data.Start, claim.entries[0].data))
        await self._ending.fail(claim.run.run_id, error, asked=asked, token=claim.token)
        return "interrupted"

    async def _read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like database.read, but retries until the database is available or this process shuts down."""
        while True:
            try:
                return await database.read(function, *args, **kwargs)
            except DatabaseError as error:
                logger.warning("takeover: database unavailable, retrying: %r", error)
                with suppress(TimeoutError):
                    async with asyncio.timeout(DATABASE_RETRY_SECONDS):
                        await self._closing.wait()
                if self._closing.is_set():
                    raise
