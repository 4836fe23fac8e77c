"""The last steps of a run, whoever takes them: its owner, or the process that took it over.

Commit order: the text is complete in the log → noted there as complete → one database transaction → `done`. Whoever
reads `done` finds the message in the database; until then no message table is touched. A process that dies between
two of these steps leaves a run whose next owner knows which are left.
"""

from __future__ import annotations

import logging
from contextlib import suppress

from chat.generation.recorder import Recorder, SaveFailed
from chat.generation.run import completion_of
from chat.generation.title_generation import Naming
from chat.models import Message
from chat.models.turn import Turn
from chat.models.unanswered_question import Asked, Reason
from chat.notices import channel
from chat.notices.conversations import tell_of_the_change
from chat.protocol import events
from chat.streams.base import NoRoom, RunInfo, StreamLog

logger = logging.getLogger(__name__)


class Ending:
    """`token` is always the run's, in this process. Every method raises what the log raises."""

    def __init__(self, log: StreamLog, recorder: Recorder, naming: Naming) -> None:
        self._log = log
        self._recorder = recorder
        self._naming = naming

    async def save(self, turn: Turn, *, token: int) -> str:
        """Save a turn whose text is complete in the log, and end its run. The status, or `save_failed`."""
        await self._log.finish(turn.run_id, completion_of(turn), token=token)
        try:
            saved = await self._recorder.save(turn, waiting=lambda: self._tell_waiting(turn.run_id, token))
        except SaveFailed:
            text = "The answer is complete, but it could not be saved."
            error = events.error("save_failed", text, retryable=True)
            await self.fail(turn.run_id, error, asked=turn.asked, token=token)
            return "save_failed"
        # Before `done`: who deletes the conversation waits for that, and tells of the deletion after it.
        if saved.change is not None:
            await tell_of_the_change(turn.owner_id, saved.change)
        await self.done(saved.message, turn.run_id, token=token)
        if saved.change is not None and saved.change.is_new:
            self._naming.begin(turn)
        return saved.message.status

    async def done(self, message: Message, run_id: str, *, token: int) -> None:
        """End a run whose turn is in the database."""
        await self._log.append(run_id, [_done(message)], token=token)

    async def fail(self, run_id: str, error: events.Event, *, asked: Asked | None, token: int) -> None:
        """End a run without an answer. `asked`: its question, unless that is saved.

        The question is kept before `error`, if the database takes it in time: whoever reads `error` finds it.
        """
        if asked is not None:
            await self._recorder.keep(asked, _reason(error))
        await self._log.append(run_id, [error], token=token)

    async def tell(self, run: RunInfo, status: str) -> None:
        """Tell the owner's tabs that a run has ended. Never raises."""
        notice = {
            "kind": "run_ended",
            "run_id": run.run_id,
            "conversation_id": run.conversation_id,
            "status": status if status in {"completed", "stopped"} else "error",
        }
        await channel.publish(run.owner_id, notice)

    async def _tell_waiting(self, run_id: str, token: int) -> None:
        with suppress(NoRoom):
            await self._log.append(run_id, [events.status("Saving the answer…", "saving")], token=token)


def _reason(error: events.Event) -> Reason:
    return Reason(error.data["code"], error.data["message"], error.data["retryable"])


def _done(message: Message) -> events.Event:
    usage: events.Usage | None = None
    if message.input_tokens is not None and message.output_tokens is not None:
        usage = {"input_tokens": message.input_tokens, "output_tokens": message.output_tokens}
    return events.done(
        {
            "status": message.status,
            "message_id": str(message.pk),
            "parent_id": str(message.parent_id),
            "finish_reason": message.finish_reason,
            "characters": len(message.text),
            "ttft_ms": message.ttft_ms,
            "duration_ms": message.duration_ms or 0,
            "usage": usage,
        }
    )
