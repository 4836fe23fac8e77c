"""Which decision on a waiting answer counts: the first one whose run has started."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import timedelta
from typing import Final

from django.db import Error as DatabaseError
from django.utils import timezone

from chat import database
from chat.generation import waiting
from chat.generation.requests import SendRequest
from chat.models import Decision, Message, ToolPermission
from chat.streams.base import RunRequest, StreamLog

logger = logging.getLogger(__name__)

# Between recording a decision and starting its run; after that, a run that is not in the log was lost.
START_SECONDS: Final = 10.0


class Decisions:
    """`record` a decision before its run starts, and `withdraw` it if the run does not start, or else `permit`."""

    def __init__(self, log: StreamLog) -> None:
        self._log = log

    async def record(self, request: RunRequest, send: SendRequest, answer: Message) -> None:
        """Raises ApiError `answered` if another decision counts, or django.db.Error."""
        decision = await database.write(_record, request, send, answer)
        if str(decision.run_id) == request.run_id:
            return
        if await self._is_lost(decision):
            decision = await database.write(_record, request, send, answer, instead_of=decision)
        if str(decision.run_id) != request.run_id:
            raise waiting.answered(str(decision.run_id), str(answer.conversation_id))

    async def permit(self, send: SendRequest, answer: Message) -> None:
        """Allow the tools that were allowed for the whole conversation. Never raises: they would only ask again."""

        def grant() -> None:
            if permitted := waiting.permitted(answer, send.replies):
                ToolPermission.objects.grant(answer.conversation_id, permitted)

        try:
            await database.write(grant)
        except DatabaseError as error:
            logger.warning("conversation %s: saving permissions failed: %r", answer.conversation_id, error)

    async def withdraw(self, run_id: str) -> None:
        """Never raises: a decision that stays counts as lost."""
        try:
            await database.write(Decision.objects.withdraw, run_id)
        except DatabaseError as error:
            logger.warning("run %s: withdrawing its decision failed: %r", run_id, error)

    async def _is_lost(self, decision: Decision) -> bool:
        """Whether its run has failed, or is gone. That nothing of it was saved was checked before."""
        run = await self._log.find(str(decision.run_id))
        if run is not None:
            return run.state == "error"
        return timezone.now() - decision.decided_at > timedelta(seconds=START_SECONDS)


def _record(
    request: RunRequest, send: SendRequest, answer: Message, *, instead_of: Decision | None = None
) -> Decision:
    decision: Decision = Decision.objects.record(
        answer,
        run_id=request.run_id,
        client_message_id=send.client_message_id,
        replies={call_id: asdict(reply) for call_id, reply in send.replies.items()},
        instead_of=instead_of.run_id if instead_of else None,
    )
    return decision
