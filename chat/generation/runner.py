"""The runner: carries a run from its start to its terminal event, whether or not anybody is watching.

Commit order: the text is complete in the log → one database transaction → `done`. Whoever reads `done` finds the
message in the database; until then no message table is touched.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from chat import events, metrics, notices
from chat.generation.answer import Answer, generate
from chat.generation.coalescer import Coalescer
from chat.generation.recorder import Recorder, SaveFailed
from chat.generation.run import ABANDONED, STOPPED, Outcome, Run, turn_of
from chat.generation.sidebar import tell_of_a_new_conversation
from chat.models import Message
from chat.providers.base import ProviderError
from chat.streams.base import Fenced, RunNotFound, StreamLog

logger = logging.getLogger(__name__)


class Interrupted(ProviderError):
    """The server is being shut down."""

    code = "interrupted"
    retryable = True


class Runner:
    """Holds the task of every run that this process owns. Belongs to one event loop."""

    def __init__(self, log: StreamLog, recorder: Recorder, *, answer_bytes: int, orphan_grace: float) -> None:
        self._log = log
        self._recorder = recorder
        self._answer_bytes = answer_bytes
        self._orphan_grace = orphan_grace
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    def start(self, run: Run) -> None:
        """Begin the run in a task of its own.

        In a fresh context: the request's own would tie the run to the request's thread, which ends before it.
        """
        task = asyncio.get_running_loop().create_task(
            self._execute(run), name=f"run {run.info.run_id}", context=contextvars.Context()
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End every live run with `error interrupted`; return when each has written its terminal event."""
        self._closing.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _execute(self, run: Run) -> None:
        metrics.RUNS_STARTED.labels(run.provider.name).inc()
        answer = Answer()
        status = "error"
        with metrics.LIVE_RUNS.track_inprogress():
            try:
                status = await self._run_to_its_end(run, answer)
            except Fenced:
                logger.warning("Run %s belongs to another process now.", run.info.run_id)
                return
            except Exception:
                logger.exception("Run %s failed.", run.info.run_id)
                with suppress(Fenced, RunNotFound):
                    await self._fail(run, events.error("provider_error", "Something went wrong here.", retryable=True))
        _measure(run, answer, status)
        await notices.publish(run.info.owner_id, _ended(run, status))

    async def _run_to_its_end(self, run: Run, answer: Answer) -> str:
        coalescer = Coalescer(self._log, run.info.run_id, run.token)
        try:
            outcome = await self._generate(run, answer, coalescer)
        except ProviderError as error:
            await coalescer.flush()
            logger.info("Run %s ended with %s.", run.info.run_id, error.code)
            await self._fail(
                run,
                events.error(error.code, error.message, retryable=error.retryable, retry_after=error.retry_after),
            )
            return error.code
        await coalescer.flush()
        return await self._save(run, answer, outcome)

    async def _generate(self, run: Run, answer: Answer, coalescer: Coalescer) -> Outcome:
        """Stream the answer until it ends, is stopped or abandoned, or the server closes."""
        streaming = asyncio.create_task(
            generate(run.provider, run.request, answer=answer, coalescer=coalescer, answer_bytes=self._answer_bytes)
        )
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
                return Outcome("completed", answer.finish_reason)
            if writing.done():
                writing.result()
            if stopped.done():
                return STOPPED
            if abandoned is not None and abandoned.done():
                return ABANDONED
            raise Interrupted("The server was restarted before the answer was complete.")
        finally:
            await _cancel(tasks)
            coalescer.stop()
            await asyncio.wait([writing])
            # What the log did not take must not be saved as if it had been shown.
            writing.result()

    async def _save(self, run: Run, answer: Answer, outcome: Outcome) -> str:
        turn = turn_of(run, answer, outcome)
        try:
            message = await self._recorder.save(turn, waiting=lambda: self._tell_waiting(run))
        except SaveFailed:
            await self._fail(
                run,
                events.error("save_failed", "The answer is complete, but it could not be saved.", retryable=True),
            )
            return "save_failed"
        # Before `done`: who deletes the conversation waits for that, and tells of the deletion after it.
        await tell_of_a_new_conversation(turn)
        await self._log.append(run.info.run_id, [_done(message, answer)], token=run.token)
        return message.status

    async def _tell_waiting(self, run: Run) -> None:
        waiting = events.status("Saving the answer…", "saving")
        await self._log.append(run.info.run_id, [waiting], token=run.token)

    async def _fail(self, run: Run, error: events.Event) -> None:
        await self._log.append(run.info.run_id, [error], token=run.token)


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel and wait: a provider has closed its connection when this returns."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _done(message: Message, answer: Answer) -> events.Event:
    return events.done(
        {
            "status": message.status,
            "message_id": str(message.pk),
            "parent_id": str(message.parent_id),
            "finish_reason": message.finish_reason,
            "characters": len(message.text),
            "ttft_ms": message.ttft_ms,
            "duration_ms": message.duration_ms or 0,
            "usage": answer.usage,
        }
    )


def _ended(run: Run, status: str) -> dict[str, str]:
    return {
        "kind": "run_ended",
        "run_id": run.info.run_id,
        "conversation_id": run.info.conversation_id,
        "status": status if status in {"completed", "stopped"} else "error",
    }


def _measure(run: Run, answer: Answer, status: str) -> None:
    provider = run.provider.name
    metrics.RUNS_ENDED.labels(provider, status).inc()
    metrics.RUN_SECONDS.labels(provider).observe(answer.duration_ms / 1000)
    if answer.ttft_ms is not None:
        metrics.TIME_TO_FIRST_TOKEN.labels(provider).observe(answer.ttft_ms / 1000)
    if answer.tokens_per_second is not None:
        metrics.TOKENS_PER_SECOND.labels(provider).observe(answer.tokens_per_second)
