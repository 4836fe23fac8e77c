"""Runs the tool calls of one step, several at once, and tells the person and the model what came of each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.utils import timezone

from chat.generation.answer import Answer
from chat.generation.coalescer import Coalescer
from chat.generation.permissions import Permissions
from chat.generation.replies import Reply
from chat.generation.shown_call import Room, ShownCall
from chat.generation.side_effect_guard import SideEffectGuard
from chat.generation.waiting import APPROVAL, QUESTION
from chat.generation.work import REPEATED_CALLS, SHOWN_BYTES, TOLD_BYTES, Work
from chat.models import SideEffect
from chat.models.serializers import time_text
from chat.protocol.untrusted_input import clean
from chat.providers.base import ToolUse
from chat.tools.arguments import read_arguments
from chat.tools.base import Arguments, AskPerson, Context, Progress, Result, Tool, ToolFailed
from chat.tools.execution import run as run_tool
from chat.tools.registry import Registry
from chat.tools.results import result_of

CANCELLED: Final = "This call was stopped before it had a result."
_TOO_LONG: Final = "The arguments are too long, and were dropped. Call the tool with less at a time."
_TOO_MANY: Final = "You may call at most {calls} tools at a time. Wait for these results, then call this one again."
_REPEATED: Final = "You have made exactly this call before, and it would return the same. Use that result."
_NOT_STORED: Final = "There is no room to record this call safely, so it was not made. Answer without it."
_DENIED: Final = "The person did not allow this call."
_CHANGED: Final = "The tool has changed since the person was asked, so it was not called. You may call it again."
_NO_ROOM: Final = "The results of this answer have used up their room. Answer with what you know now."
# The endings of a call after which nobody knows whether it has taken effect.
_MAY_HAVE_RUN: Final = frozenset({"timeout", "too_large", "unknown_outcome"})


@dataclass(frozen=True, slots=True)
class Limits:
    """`turns`: calls of the model in an answer. `seconds`: for all of it. `calls`: tool calls in one turn."""

    turns: int = 20
    seconds: float = 600.0
    calls: int = 8
    at_once: int = 4


class ToolCalls:
    """The calls of one answer. `saved` stores the checkpoint: after each result, and before each side effect.

    It returns whether it is stored, as far as anybody could take the run over.
    """

    def __init__(
        self,
        tools: Registry,
        work: Work,
        answer: Answer,
        coalescer: Coalescer,
        *,
        context: Context,
        limits: Limits,
        side_effects: SideEffectGuard,
        permissions: Permissions,
        saved: Callable[[], Awaitable[bool]],
    ) -> None:
        self._tools = tools
        self._work = work
        self._answer = answer
        self._coalescer = coalescer
        self._context = context
        self._limits = limits
        self._side_effects = side_effects
        self._permissions = permissions
        self._saved = saved
        self._places = asyncio.Semaphore(limits.at_once)
        self._shown = Room(SHOWN_BYTES)

    async def run(self, uses: Sequence[ToolUse]) -> None:
        """Run them all and record their results in the order in which they end. Raises the log's errors only.

        A call that needs a person's permission or answer has no result then: it waits. Cancelling it cancels the calls
        and records that; it returns control when all tools have ended.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for number, use in enumerate(uses):
                    group.create_task(self._call(use, is_one_too_many=number >= self._limits.calls))
        except BaseExceptionGroup as failed:
            # The log's error, or a bug: each of them ends the run.
            raise failed.exceptions[0] from None
        except asyncio.CancelledError:
            for use in uses:
                if self._work.is_waiting(use.call_id):
                    self._cancel(use, ShownCall(use, self._answer, self._coalescer, self._shown))
            raise

    def _cancel(self, use: ToolUse, call: ShownCall) -> None:
        call.fail("cancelled", CANCELLED)
        self._work.record(use.call_id, CANCELLED, is_error=True)

    async def _call(self, use: ToolUse, *, is_one_too_many: bool) -> None:
        call = ShownCall(use, self._answer, self._coalescer, self._shown)
        reply = self._permissions.replies.get(use.call_id)
        if reply is not None and reply.answer:
            # Whatever has become of the tool that asked, and of the room for results: somebody has written it.
            call.end(result_of(reply.answer))
            self._work.record(use.call_id, reply.answer)
            await self._saved()
            return
        try:
            if reply is not None and reply.is_decision:
                call.decide(reply)
            tool = self._tools.called(use.name)
            call.name(tool)
            if use.is_too_long:
                raise ToolFailed("too_large", _TOO_LONG)
            arguments = read_arguments(tool, use.arguments)
            call.start(arguments.given)
            self._check(use, is_one_too_many=is_one_too_many)
            result = await self._permitted(tool, arguments, call, use, reply)
        except ToolFailed as failure:
            call.fail(failure.code, failure.message)
            self._work.record(use.call_id, clean(failure.message), is_error=True)
        except asyncio.CancelledError:
            self._cancel(use, call)
            raise
        else:
            self._end(use, call, result)
        await self._saved()

    def _end(self, use: ToolUse, call: ShownCall, result: Result | AskPerson | None) -> None:
        """`result`: None if the call waits for permission."""
        if isinstance(result, Result):
            call.end(result)
            self._work.record(use.call_id, self._told(result))
        elif result is not None:
            call.ask(result)
            self._work.wait(use.call_id, QUESTION)

    async def _permitted(
        self, tool: Tool, arguments: Arguments, call: ShownCall, use: ToolUse, reply: Reply | None
    ) -> Result | AskPerson | None:
        """Make the call if it may be made. Returns None if it waits. Raises ToolFailed."""
        if reply is None and self._must_wait(tool, arguments, call, use):
            return None
        if reply is not None:
            self._check_decision(tool, reply, use)
        if not tool.side_effects:
            return await self._result(tool, arguments, call)
        called_in = self._work.call(use.call_id).get("called_in") if reply else None
        return await self._side_effect(tool, arguments, call, use, called_in=called_in)

    def _must_wait(self, tool: Tool, arguments: Arguments, call: ShownCall, use: ToolUse) -> bool:
        """Whether the call waits for a person, who is asked now unless that was done before."""
        if self._work.is_waiting(use.call_id):
            return True
        if not self._permissions.asks(tool):
            return False
        expires_at = time_text(timezone.now() + timedelta(days=settings.CHAT_APPROVAL_DAYS))
        call.request(arguments.given, reason="side_effects" if tool.side_effects else "policy", expires_at=expires_at)
        asked = {"tool": tool.key, "definition": tool.definition_hash, "called_in": self._side_effects.run_id}
        self._work.wait(use.call_id, APPROVAL, expires_at=expires_at, **asked)
        return True

    def _check_decision(self, tool: Tool, reply: Reply, use: ToolUse) -> None:
        """Raises ToolFailed `denied`."""
        if not reply.allows:
            raise ToolFailed("denied", f"{_DENIED} They say: {reply.note}" if reply.note else _DENIED)
        if self._work.call(use.call_id).get("definition") != tool.definition_hash:
            raise ToolFailed("denied", _CHANGED)

    async def _side_effect(
        self, tool: Tool, arguments: Arguments, call: ShownCall, use: ToolUse, *, called_in: str | None
    ) -> Result | AskPerson:
        """Like `_result`, at most once: what a takeover needs to know of it is stored before it begins."""
        if not await self._saved():
            raise ToolFailed("failed", _NOT_STORED)
        await self._side_effects.begin(use.call_id, tool.key, arguments.given, called_in=called_in)
        state = SideEffect.State.UNKNOWN
        try:
            result = await self._result(tool, arguments, call)
            state = SideEffect.State.DONE
        except ToolFailed as failure:
            state = SideEffect.State.UNKNOWN if failure.code in _MAY_HAVE_RUN else SideEffect.State.FAILED
            raise
        finally:
            self._side_effects.end(use.call_id, state, called_in=called_in)
        return result

    def _check(self, use: ToolUse, *, is_one_too_many: bool) -> None:
        """Raises ToolFailed for a call that must not run."""
        if is_one_too_many:
            raise ToolFailed("failed", _TOO_MANY.format(calls=self._limits.calls))
        if self._work.times_called(use) >= REPEATED_CALLS:
            raise ToolFailed("failed", _REPEATED)
        if self._work.told_bytes >= TOLD_BYTES:
            raise ToolFailed("too_large", _NO_ROOM)

    async def _result(self, tool: Tool, arguments: Arguments, call: ShownCall) -> Result | AskPerson:
        async with self._places, aclosing(run_tool(tool, arguments, self._context)) as outputs:
            async for output in outputs:
                if not isinstance(output, Progress):
                    return output
                call.progress(output)
        raise AssertionError("A tool ends with a result.")

    def _told(self, result: Result) -> str:
        room = max(TOLD_BYTES - self._work.told_bytes, 0)
        text = clean(result.text)
        return text if len(text.encode()) <= room else _NO_ROOM
