"""What a person sees of a tool call: its events, in the log and in the answer."""

from __future__ import annotations

import json
import time
from typing import Any

from chat.generation.answer import Answer
from chat.generation.coalescer import Coalescer
from chat.generation.replies import Reply
from chat.protocol.events import Event
from chat.protocol.parts import ToolCall
from chat.protocol.previews import SMALL_BYTES, shortened, size
from chat.protocol.untrusted_input import clean, is_deep, storable
from chat.providers.base import ToolUse
from chat.tools.base import AskPerson, Progress, Result, Tool


class Room:
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


class ShownCall:
    """One call, as the person sees it."""

    def __init__(self, use: ToolUse, answer: Answer, coalescer: Coalescer, room: Room) -> None:
        self._use = use
        self._room = room
        self._answer = answer
        self._coalescer = coalescer
        self._known: dict[str, Any] = {}
        self._began = time.monotonic()
        # One that was interrupted or has waited, and runs now, is shown already.
        shown = [part for part in answer.all_parts if isinstance(part, ToolCall) and part.call_id == use.call_id]
        self._is_started = bool(shown)
        self._tool = shown[0].tool if shown else clean(use.name)

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

    def request(self, arguments: Any, *, reason: str, expires_at: str) -> None:
        """Ask the person for permission."""
        asked = {"reason": reason, "expires_at": expires_at}
        title = self._known.get("title", "")
        self._say("approval_request", title=title, arguments=storable(dict(arguments)), **asked)

    def decide(self, reply: Reply) -> None:
        note = {"note": reply.note} if reply.note else {}
        self._say("approval", decision=reply.decision, scope=reply.scope, **note)

    def ask(self, question: AskPerson) -> None:
        choices = list(question.choices)
        self._say("question", text=clean(question.text), choices=choices, allows_text=question.allows_text)

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
