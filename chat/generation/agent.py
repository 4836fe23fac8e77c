"""Answers with tools: calls the model and runs the tools that it calls, until it has answered.

Text may come before, between and after the calls. On the last turn the model may call no tools, so that it answers
with what it has; the answer's finish reason is then `tool_limit`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from chat.generation import context
from chat.generation.answer import Answer
from chat.generation.coalescer import Coalescer
from chat.generation.model_call import ModelCall, generate, total_usage
from chat.generation.run import Run
from chat.generation.side_effect_guard import SideEffectGuard
from chat.generation.tool_calls import Limits, ToolCalls
from chat.generation.work import TOLD_BYTES, Work
from chat.models.step import StepRecord
from chat.protocol.untrusted_input import storable
from chat.providers.base import EmptyAnswer, Message, UsageDelta
from chat.streams.base import NoRoom
from chat.tools.base import Context

logger = logging.getLogger(__name__)

TOOL_LIMIT: Final = "tool_limit"
# The endings after which an answer counts as cut short by the limit, if it was reached.
_OWN_ENDS: Final = frozenset({"stop", "tool_calls"})

Checkpoint = Callable[[Mapping[str, Any]], Awaitable[None]]


class Agent:
    """The work on one answer. `checkpoint` stores its state for a takeover; None if nobody could take it over.

    `work` raises ProviderError and the log's errors. What had arrived by then is in the answer. If it is cancelled,
    the tools have ended when control returns, and every call has a result.
    """

    def __init__(
        self,
        run: Run,
        answer: Answer,
        coalescer: Coalescer,
        *,
        answer_bytes: int,
        limits: Limits,
        checkpoint: Checkpoint | None,
    ) -> None:
        self._run = run
        self._answer = answer
        self._coalescer = coalescer
        self._answer_bytes = answer_bytes
        self._limits = limits
        self._checkpoint = checkpoint
        self._work = run.work or Work()
        self._history = run.request.messages
        self._is_tight = False
        self._deadline = time.monotonic() + limits.seconds
        self._calls = ToolCalls(
            run.tools,
            self._work,
            answer,
            coalescer,
            context=Context(run.info.owner_id, run.start.get("time_zone", ""), deadline=self._deadline),
            limits=limits,
            side_effects=SideEffectGuard(run.info),
            permissions=run.permissions,
            saved=self._save,
        )

    async def work(self) -> None:
        try:
            await self._work_on()
        finally:
            self._answer.steps = self._work.closed_steps(keeps_waiting=bool(self._answer.waits_for))

    async def _work_on(self) -> None:
        if self._run.work:
            self._resume()
        if pending := self._work.pending:
            await self._calls.run(pending)
        while not self._work.waits_for:
            is_last = self._is_last_turn
            call = await self._ask(tools_are_off=is_last)
            if is_last or not call.uses:
                self._end(call, is_last=is_last)
                return
            self._work.add(self._step(call), call.uses)
            await self._save()
            await self._calls.run(call.uses)
        self._answer.waits_for = self._work.waits_for

    def _end(self, call: ModelCall, *, is_last: bool) -> None:
        if is_last and call.finish_reason in _OWN_ENDS:
            self._answer.finish_reason = TOOL_LIMIT
        if not self._answer.text_of_call.strip():
            raise EmptyAnswer("The model used its tools as often as it may, and did not write an answer.")

    def _resume(self) -> None:
        """Go on from what an earlier owner had done, or from the answer that this one continues."""
        for event in self._answer.resume(self._work.parts):
            self._coalescer.add(event)
        for step in self._work.steps:
            if step.usage:
                self._answer.usage = total_usage(self._answer.usage, UsageDelta(**step.usage))

    @property
    def _is_last_turn(self) -> bool:
        if not len(self._run.tools):
            return False
        is_late = time.monotonic() >= self._deadline
        return is_late or len(self._work.steps) + 1 >= self._limits.turns or self._work.told_bytes >= TOLD_BYTES

    async def _ask(self, *, tools_are_off: bool) -> ModelCall:
        run = self._run
        done: Sequence[Message] = self._work.messages(provider=run.provider.name, model=run.request.model)
        if self._is_tight:
            done = context.without_old_results(done)
        request = replace(run.request, messages=(*self._history, *done), tools_are_off=tools_are_off)
        call = await generate(
            run.provider,
            request,
            answer=self._answer,
            coalescer=self._coalescer,
            answer_bytes=self._answer_bytes,
            attempt=run.attempt,
        )
        if call.messages != request.messages:
            # What the model refused for its length is not sent again.
            self._is_tight = True
            self._history = call.messages[: len(call.messages) - len(done)]
        return call

    def _step(self, call: ModelCall) -> StepRecord:
        usage = call.usage
        return StepRecord(
            number=len(self._work.steps),
            provider=self._run.provider.name,
            model=self._run.request.model,
            text=self._answer.text_of_call,
            finish_reason=call.finish_reason,
            items=tuple(storable(list(call.items))),
            usage=asdict(usage) if usage else {},
        )

    async def _save(self) -> bool:
        """Store a checkpoint, after what it describes. Returns False if it does not fit: the one before stays."""
        await self._coalescer.flush()
        if self._checkpoint is None:
            return True
        self._work.parts = self._answer.all_parts
        try:
            await self._checkpoint(self._work.to_json())
        except NoRoom:
            logger.warning("run %s: no room for a checkpoint", self._run.info.run_id)
            return False
        return True
