"""Runs the tool calls of one step, several at once, and tells the person and the model what came of each."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from chat.generation.answer import Answer
from chat.generation.coalescer import Coalescer
from chat.generation.side_effect_guard import SideEffectGuard
from chat.generation.work import REPEATED_CALLS, SHOWN_BYTES, TOLD_BYTES, Work
from chat.models import SideEffect
from chat.protocol.events import Event
from chat.protocol.parts import ToolCall
from chat.protocol.previews import SMALL_BYTES, shortened, size
from chat.protocol.untrusted_input import clean, is_deep, storable
from chat.providers.base import ToolUse
from chat.tools.arguments import read_arguments
from chat.tools.base import Arguments, AskPerson, Context, Progress, Result, Tool, ToolFailed
from chat.tools.execution import run as run_tool
from chat.tools.registry import Registry

CANCELLED: Final = "This call was stopped before it had a result."
_TOO_LONG: Final = "The arguments are too long, and were dropped. Call the tool with less at a time."
_TOO_MANY: Final = "You may call at most {calls} tools at a time. Wait for these results, then call this one again."
_REPEATED: Final = "You have made exactly this call before, and it would return the same. Use that result."
_NOT_STORED: Final = "There is no room to record this call safely, so it was not made. Answer without it."
_NO_ROOM: Final = "The results of this answer have used up their room. Answer with what you know now."
# The endings of a call after which nobody knows whether it has taken effect.
_MAY_HAVE_RUN: Final = frozenset({"timeout", "unknown_outcome"})


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
        saved: Callable[[], Awaitable[bool]],
    ) -> None:
        self._tools = tools
        self._work = work
        self._answer = answer
        self._coalescer = coalescer
        self._context = context
        self._limits = limits
        self._side_effects = side_effects
        self._saved = saved
        self._places = asyncio.Semaphore(limits.at_once)
        self._shown = _Room(SHOWN_BYTES)

    async def run(self, uses: Sequence[ToolUse]) -> None:
        """Run them all and record their results in the order in which they end. Raises the log's errors only.

        Cancelling it cancels the calls and records that; it returns control when all tools have ended.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for number, use in enumerate(uses):
                    group.create_task(self._call(use, is_one_too_many=number >= self._limits.calls))
        except BaseExceptionGroup as failed:
            # The log's error, or a bug: each of them ends the run.
            raise failed.exceptions[0] from None

    async def _call(self, use: ToolUse, *, is_one_too_many: bool) -> None:
        call = _Shown(use, self._answer, self._coalescer, self._shown)
        try:
            tool = self._tools.called(use.name)
            call.name(tool)
            if use.is_too_long:
                raise ToolFailed("too_large", _TOO_LONG)
            arguments = read_arguments(tool, use.arguments)
            call.start(arguments.given)
            self._check(use, is_one_too_many=is_one_too_many)
            if tool.side_effects:
                result = await self._side_effect(tool, arguments, call, use)
            else:
                result = await self._result(tool, arguments, call)
        except ToolFailed as failure:
            call.fail(failure.code, failure.message)
            self._work.record(use.call_id, clean(failure.message), is_error=True)
        except asyncio.CancelledError:
            call.fail("cancelled", CANCELLED)
            self._work.record(use.call_id, CANCELLED, is_error=True)
            raise
        else:
            call.end(result)
            self._work.record(use.call_id, self._told(result))
        await self._saved()

    async def _side_effect(self, tool: Tool, arguments: Arguments, call: _Shown, use: ToolUse) -> Result:
        """Like `_result`, at most once: what a takeover needs to know of it is stored before it begins."""
        if not await self._saved():
            raise ToolFailed("failed", _NOT_STORED)
        await self._side_effects.begin(use.call_id, tool.key, arguments.given)
        state = SideEffect.State.UNKNOWN
        try:
            result = await self._result(tool, arguments, call)
            state = SideEffect.State.DONE
        except ToolFailed as failure:
            state = SideEffect.State.UNKNOWN if failure.code in _MAY_HAVE_RUN else SideEffect.State.FAILED
            raise
        finally:
            self._side_effects.end(use.call_id, state)
        return result

    def _check(self, use: ToolUse, *, is_one_too_many: bool) -> None:
        """Raises ToolFailed for a call that must not run."""
        if is_one_too_many:
            raise ToolFailed("failed", _TOO_MANY.format(calls=self._limits.calls))
        if self._work.times_called(use) >= REPEATED_CALLS:
            raise ToolFailed("failed", _REPEATED)
        if self._work.told_bytes >= TOLD_BYTES:
            raise ToolFailed("too_large", _NO_ROOM)

    async def _result(self, tool: Tool, arguments: Arguments, call: _Shown) -> Result:
        async with self._places, aclosing(run_tool(tool, arguments, self._context)) as outputs:
            async for output in outputs:
                if isinstance(output, Result):
                    return output
                if isinstance(output, Progress):
                    call.progress(output)
                elif isinstance(output, AskPerson):
                    raise ToolFailed("failed", "Questions cannot be asked here. Answer with what you know.")
        raise AssertionError("A tool ends with a result.")

    def _told(self, result: Result) -> str:
        room = max(TOLD_BYTES - self._work.told_bytes, 0)
        text = clean(result.text)
        return text if len(text.encode()) <= room else _NO_ROOM


class _Room:
    """What may still be shown of the results of an answer, in bytes of JSON."""

    def __init__(self, room: int) -> None:
        self._left = room

    def fitting(self, value: Any) -> Any:
        """The value, or as much of it as fits."""
        kept = shortened(value, max(self._left, SMALL_BYTES))
        self._left = max(self._left - size(kept), 0)
        return kept

    @property
    def is_used_up(self) -> bool:
        return not self._left


class _Shown:
    """One call, as the person sees it."""

    def __init__(self, use: ToolUse, answer: Answer, coalescer: Coalescer, room: _Room) -> None:
        self._use = use
        self._room = room
        self._answer = answer
        self._coalescer = coalescer
        self._tool = clean(use.name)
        self._known: dict[str, Any] = {}
        self._began = time.monotonic()
        # One that was interrupted and runs again is shown already.
        self._is_started = any(
            isinstance(part, ToolCall) and part.call_id == use.call_id for part in self._answer.all_parts
        )

    def name(self, tool: Tool) -> None:
        self._tool = tool.key
        self._known = {"title": tool.title, **({"side_effects": True} if tool.side_effects else {})}

    def start(self, arguments: Any) -> None:
        if not self._is_started:
            self._is_started = True
            self._say("tool_start", arguments=storable(dict(arguments)), **self._known)

    def progress(self, progress: Progress) -> None:
        if not self._room.is_used_up:
            self._say("tool_progress", item=self._room.fitting(progress.item))

    def end(self, result: Result) -> None:
        shown = result.saved if result.value is None else result.value
        self._say("tool_result", result=self._room.fitting(shown), duration_ms=self._duration_ms)

    def fail(self, code: str, message: str) -> None:
        """Also of a call that could not start."""
        self.start(_object(self._use.arguments))
        self._say("tool_error", message=clean(message), code=code, duration_ms=self._duration_ms)

    @property
    def _duration_ms(self) -> int:
        return round((time.monotonic() - self._began) * 1000)

    def _say(self, name: str, **data: Any) -> None:
        event = Event(name, {"call_id": self._use.call_id, "tool": self._tool, **data})
        self._answer.hear(event)
        self._coalescer.add(event)


def _object(arguments: str) -> Any:
    """The arguments, as far as they are an object."""
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) and not is_deep(value) else {}
