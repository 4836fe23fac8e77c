"""Guards calls of tools with side effects: each is recorded before it runs, and never runs twice."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from django.db import Error as DatabaseError

from chat import database
from chat.models import SideEffect
from chat.streams.base import RunInfo
from chat.tools.base import ToolFailed

logger = logging.getLogger(__name__)

_NOT_RECORDED: Final = "This call could not be recorded, so it was not made. Try again later."
_UNKNOWN: Final = "This call was interrupted. It may have taken effect: check before you call it again."


class SideEffectGuard:
    """Of one run."""

    def __init__(self, run: RunInfo) -> None:
        self._run = run

    @property
    def run_id(self) -> str:
        return self._run.run_id

    async def begin(
        self, call_id: str, tool: str, arguments: Mapping[str, Any], *, called_in: str | None = None
    ) -> None:
        """Record the call. Raises ToolFailed if it must not be made: `unknown_outcome` if it was begun before.

        `called_in`: the run in which the model called it, if that was an earlier one, which asked for permission.
        """
        try:
            is_new = await database.write(
                partial(
                    SideEffect.objects.begin,
                    owner_id=self._run.owner_id,
                    client_message_id=self._run.client_message_id,
                    run_id=called_in or self._run.run_id,
                    call_id=call_id,
                    tool=tool,
                    arguments=arguments,
                )
            )
        except DatabaseError as error:
            logger.warning("run %s: recording a call of %s failed: %r", self._run.run_id, tool, error)
            raise ToolFailed("failed", _NOT_RECORDED) from error
        if not is_new:
            raise ToolFailed("unknown_outcome", _UNKNOWN)

    def end(self, call_id: str, state: SideEffect.State, *, called_in: str | None = None) -> None:
        """Record how it ended, in the background. Only the audit trail needs it."""
        run_id = called_in or self._run.run_id
        ended = partial(SideEffect.objects.end, run_id=run_id, call_id=call_id, state=state)
        database.write_later(f"side effect {self._run.run_id} {call_id}", ended)
