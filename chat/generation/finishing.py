"""The last steps of a run, for its first owner and for a process that took it over.

Commit order: the text is complete in the log → marked complete there → one database transaction → `done`. After
`done`, the message is in the database; before the transaction, no message table is touched. If a process dies between
two steps, the run's next owner can tell which steps are left.
"""

from __future__ import annotations

import logging
from contextlib import suppress

from chat.generation.recorder import Recorder, SaveFailed
from chat.generation.run import completion_of, done_event
from chat.generation.title_generation import TitleGenerator
from chat.models import Message
from chat.models.turn import Turn
from chat.models.unanswered_question import Asked, Reason
from chat.notices import channel
from chat.notices.conversations import tell_of_the_change
from chat.protocol import events
from chat.protocol.event_data import STATUSES
from chat.streams.base import NoRoom, RunInfo, StreamLog

logger = logging.getLogger(__name__)


class Finisher:
    """`token` is the run's fencing token. Every method raises the log's errors."""

    def __init__(self, log: StreamLog, recorder: Recorder, naming: TitleGenerator) -> None:
        self._log = log
        self._recorder = recorder
        self._naming = naming

    async def save(self, turn: Turn, *, token: int) -> str:
        """Save a turn whose text is complete in the log, and end its run. Returns the status, or `save_failed`."""
        await self._log.finish(turn.run_id, completion_of(turn), token=token)
        try:
            saved = await self._recorder.save(turn, waiting=lambda: self._tell_waiting(turn.run_id, token))
        except SaveFailed:
            text = "The answer is complete, but it could not be saved."
            error = events.error("save_failed", text)
            await self.fail(turn.run_id, error, asked=turn.asked, token=token)
            return "save_failed"
        # Before `done`: a deletion of the conversation waits for `done`, so its notice comes after this one.
        if saved.change is not None:
            await tell_of_the_change(turn.owner_id, saved.change)
        await self.done(saved.message, turn.run_id, token=token)
        if saved.change is not None and saved.change.is_new:
            self._naming.begin(turn)
        return saved.message.status

    async def done(self, message: Message, run_id: str, *, token: int) -> None:
        """End a run whose turn is saved in the database."""
        await self._log.append(run_id, [done_event(message)], token=token)

    async def fail(self, run_id: str, error: events.Event, *, asked: Asked | None, token: int) -> None:
        """End a run without an answer. `asked`: its question, or None if that is already saved.

        The question is saved before `error` is written, unless the database is too slow.
        """
        if asked is not None:
            await self._recorder.keep(asked, _reason(error))
        await self._log.append(run_id, [error], token=token)

    async def tell(self, run: RunInfo, status: str) -> None:
        """Notify the owner's tabs that a run has ended. Never raises."""
        notice = {
            "kind": "run_ended",
            "run_id": run.run_id,
            "conversation_id": run.conversation_id,
            "status": status if status in STATUSES else "error",
        }
        await channel.publish(run.owner_id, notice)

    async def _tell_waiting(self, run_id: str, token: int) -> None:
        with suppress(NoRoom):
            await self._log.append(run_id, [events.status("Saving the answer…", "saving")], token=token)


def _reason(error: events.Event) -> Reason:
    return Reason(error.data["code"], error.data["message"], error.data["retryable"])
