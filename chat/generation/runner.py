"""Executes runs from start to terminal event, whether or not anyone is reading."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from chat import metrics
from chat.generation.agent import Agent
from chat.generation.answer import Answer
from chat.generation.coalescer import Coalescer
from chat.generation.finishing import Finisher
from chat.generation.model_call import generate
from chat.generation.run import ABANDONED, CUT_OFF, STOPPED, WAITING, Outcome, Run, asked_of, turn_of
from chat.generation.run_labels import Labels, RunLabels
from chat.generation.tool_calls import Limits
from chat.protocol import events
from chat.providers.base import ProviderError
from chat.streams.base import Fenced, LogUnavailable, Lost, NoRoom, RunNotFound, StreamLog

logger = logging.getLogger(__name__)

# The status of a run that another process will finish.
HANDED_OVER: Final = "handed_over"
# At shutdown: how long runs have to end or be handed over before they are cancelled, and how long that may take.
CLOSE_SECONDS: Final = 2.5
BREAK_OFF_SECONDS: Final = 3.2


class Interrupted(ProviderError):
    """The server is shutting down."""

    code = "interrupted"

    def __init__(self) -> None:
        super().__init__("The server was restarted before the answer was complete.")


class Runner:
    """Owns the task of every run of this process. Belongs to one event loop."""

    def __init__(
        self, log: StreamLog, ending: Finisher, *, answer_bytes: int, orphan_grace: float, limits: Limits
    ) -> None:
        self._log = log
        self._ending = ending
        self._answer_bytes = answer_bytes
        self._orphan_grace = orphan_grace
        self._limits = limits
        self._tasks: set[asyncio.Task[None]] = set()
        self._live: dict[str, int] = {}
        self.labels = RunLabels(log)
        self._closing = asyncio.Event()

    @property
    def live(self) -> dict[str, int]:
        """The runs being written here: owner ids by run id."""
        return dict(self._live)

    def start(self, run: Run) -> None:
        """Start the run in its own task."""
        self.hold(self._execute(run), name=f"run {run.info.run_id}")

    def hold(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Run `work` in a task that `close` waits for.

        In a fresh context: the request's context would tie the run to the request's thread, which ends earlier.
        """
        task = asyncio.get_running_loop().create_task(work, name=name, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Return when no run is being written."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Hand every live run over to another process, or end it with `error interrupted`. Takes seconds.

        Complete answers are saved, or handed over too if the database is too slow.
        """
        self._closing.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.idle()
        for task in self._tasks:
            task.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(BREAK_OFF_SECONDS):
                await self.idle()

    async def _execute(self, run: Run) -> None:
        self._live[run.info.run_id] = run.info.owner_id
        try:
            await self._write(run)
        finally:
            del self._live[run.info.run_id]

    async def _write(self, run: Run) -> None:
        metrics.RUNS_STARTED.labels(run.provider.name).inc()
        labels = self.labels.know(run.info.run_id, run.provider.name, run.start["model"])
        # The agent itself begins with the work that is done.
        answer = Answer("" if run.work else run.request.continues)
        status = "error"
        with metrics.LIVE_RUNS.track_inprogress():
            try:
                status = await self._run_to_its_end(run, answer)
            except (Fenced, Lost):
                logger.warning("run %s: lost ownership, stopping", run.info.run_id)
                return
            except LogUnavailable:
                logger.warning("run %s: log unavailable, left for takeover", run.info.run_id)
                await self._release(run)
                return
            except asyncio.CancelledError:
                logger.warning("run %s: cancelled, the server is shutting down", run.info.run_id)
                if not await self._release(run):
                    with suppress(Fenced, Lost, RunNotFound, LogUnavailable):
                        await self._fail(run, _event(Interrupted()))
                raise
            except Exception:
                logger.exception("run %s: failed", run.info.run_id)
                with suppress(Fenced, Lost, RunNotFound, LogUnavailable):
                    await self._fail(run, events.error("provider_error", "Something went wrong.", retryable=True))
        if status != HANDED_OVER:
            _measure(labels, answer, status)
            await self._ending.tell(run.info, status)

    async def _run_to_its_end(self, run: Run, answer: Answer) -> str:
        coalescer = Coalescer(self._log, run.info.run_id, run.token)
        coalescer.add_text("token", answer.text)
        try:
            outcome = await self._generate(run, answer, coalescer)
            await coalescer.flush()
        except ProviderError as error:
            with suppress(NoRoom):
                await coalescer.flush()
            if isinstance(error, Interrupted) and await self._release(run):
                logger.info("run %s: handed over", run.info.run_id)
                return HANDED_OVER
            logger.info("run %s: ended with %s", run.info.run_id, error.code)
            await self._fail(run, _event(error))
            return error.code
        except NoRoom:
            # The answer is complete here, including what did not fit in the log: save what has arrived.
            if not answer.text:
                logger.warning("run %s: log full, ended without an answer", run.info.run_id)
                await self._fail(run, _no_room())
                return "unavailable"
            logger.warning("run %s: log full, saving the partial answer", run.info.run_id)
            outcome = _outcome(answer) if answer.finish_reason or answer.waits_for else CUT_OFF
        return await self._ending.save(turn_of(run, answer, outcome), token=run.token)

    async def _generate(self, run: Run, answer: Answer, coalescer: Coalescer) -> Outcome:
        """Stream the answer until it ends, is stopped or abandoned, or the server shuts down."""
        streaming = asyncio.create_task(self._answer(run, answer, coalescer))
        writing = asyncio.create_task(coalescer.run())
        stopped = asyncio.create_task(self._log.stop_requested(run.info.run_id))
        closing = asyncio.create_task(self._closing.wait())
        tasks: list[asyncio.Task[Any]] = [streaming, stopped, closing]
        abandoned = None
        if self._orphan_grace:
            abandoned = asyncio.create_task(self._log.abandoned(run.info.run_id, grace=self._orphan_grace))
            tasks.append(abandoned)
        try:
            await asyncio.wait([*tasks, writing], return_when=asyncio.FIRST_COMPLETED)
            if streaming.done():
                streaming.result()
                return _outcome(answer)
            if writing.done():
                writing.result()
            if stopped.done():
                stopped.result()
                return STOPPED
            if abandoned is not None and abandoned.done():
                abandoned.result()
                return ABANDONED
            raise Interrupted
        finally:
            await _cancel(tasks)
            coalescer.stop()
            await asyncio.wait([writing])
            # Raises if the log did not take everything: unshown text must not be saved as if it had been shown.
            writing.result()

    async def _answer(self, run: Run, answer: Answer, coalescer: Coalescer) -> None:
        if len(run.tools) or run.work:
            checkpoint = partial(self._log.checkpoint, run.info.run_id, token=run.token)
            agent = Agent(
                run,
                answer,
                coalescer,
                answer_bytes=self._answer_bytes,
                limits=self._limits,
                checkpoint=checkpoint if self._log.is_shared else None,
            )
            await agent.work()
            return
        await generate(
            run.provider,
            run.request,
            answer=answer,
            coalescer=coalescer,
            answer_bytes=self._answer_bytes,
            attempt=run.attempt,
        )

    async def _fail(self, run: Run, error: events.Event) -> None:
        asked = asked_of(run.info, run.start)
        await self._ending.fail(run.info.run_id, error, asked=asked, token=run.token)

    async def _release(self, run: Run) -> bool:
        try:
            return await self._log.release(run.info.run_id, token=run.token)
        except LogUnavailable:
            # The lease will expire.
            return True


def _outcome(answer: Answer) -> Outcome:
    if answer.waits_for:
        return Outcome(WAITING, answer.waits_for)
    return Outcome("completed", answer.finish_reason)


def _no_room() -> events.Event:
    return events.error("unavailable", "The site has no room for this answer. Try again in a moment.")


def _event(error: ProviderError) -> events.Event:
    return events.error(error.code, error.message, retryable=error.retryable, retry_after=error.retry_after)


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel and wait, so that the provider's connection is closed when this returns."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _measure(labels: Labels, answer: Answer, status: str) -> None:
    metrics.RUNS_ENDED.labels(labels.provider, status).inc()
    metrics.RUN_SECONDS.labels(*labels).observe(answer.duration_ms / 1000)
    if answer.ttft_ms is not None:
        metrics.TIME_TO_FIRST_TOKEN.labels(*labels).observe(answer.ttft_ms / 1000)
    if answer.tokens_per_second is not None:
        metrics.TOKENS_PER_SECOND.labels(*labels).observe(answer.tokens_per_second)
