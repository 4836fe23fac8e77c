"""Merges a model's tokens into larger events, so that the log is written about every 30 ms, not once per token."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from chat.light_event import LightEvent
from chat.protocol.cursors import Cursor
from chat.protocol.events import ENTRY_CHARACTERS, MERGEABLE, Event
from chat.protocol.previews import capped
from chat.streams.base import StreamLog

FLUSH_SECONDS: Final = 0.03
# Backpressure: with more unwritten text than this, the model has to wait.
HELD_CHARACTERS: Final = 256 * 1024
_MERGED: Final = frozenset(("text", "agent"))


class Coalescer:
    """Appends a run's events to its log in order: the first immediately, then in batches about every 30 ms.

    Consecutive pieces of one agent's text are merged, even if other agents write in between: that changes the order of
    events, but not the parts that they fold to. Other events are shortened if they are too long for the log.

    `add` never waits; `room` waits while the log is slower than the model.
    """

    def __init__(self, log: StreamLog, run_id: str, token: int) -> None:
        self._log = log
        self._run_id = run_id
        self._token = token
        self._events: list[Event] = []
        # By agent, in the order in which they began.
        self._texts: dict[str, _Text] = {}
        self._held = 0
        self._wake = LightEvent()
        self._written = LightEvent()
        self._last_flush = 0.0
        self._stopping = False

    def add_text(self, name: str, text: str, agent: str = "") -> None:
        """Add a `token` or `reasoning` event. `agent`: empty for the answer itself."""
        if not text:
            return
        open_text = self._texts.get(agent)
        if open_text is None or open_text.name != name:
            if open_text is not None:
                self._close_texts()
            open_text = self._texts[agent] = _Text(name)
        open_text.pieces.append(text)
        self._held += len(text)
        self._wake.set()

    def add(self, event: Event) -> None:
        if event.name in MERGEABLE and event.data.keys() <= _MERGED:
            self.add_text(event.name, event.data["text"], event.data.get("agent", ""))
            return
        if event.name in MERGEABLE:
            # With a duration, which ends it. The text may be long.
            self.add_text(event.name, event.data["text"], event.data.get("agent", ""))
            event = Event(event.name, {**event.data, "text": ""})
        self._close_texts()
        self._events.append(capped(event))
        self._wake.set()

    @property
    def is_full(self) -> bool:
        return self._held >= HELD_CHARACTERS

    async def room(self) -> None:
        """Wait until there is room in the buffer."""
        while self.is_full:
            self._written.clear()
            await self._written.wait()

    async def run(self) -> None:
        """Flush until `stop`. Raises the log's errors. Do not cancel it: an append in progress would be lost."""
        loop = asyncio.get_running_loop()
        while not self._stopping:
            await self._wake.wait()
            wait = self._last_flush + FLUSH_SECONDS - loop.time()
            if wait > 0 and not self._stopping:
                await asyncio.sleep(wait)
            await self.flush()

    def stop(self) -> None:
        """Make `run` return after one last flush."""
        self._stopping = True
        self._wake.set()

    async def flush(self) -> Cursor | None:
        """Write everything that has been added and return the cursor after it; None if there was nothing."""
        self._close_texts()
        events, self._events = self._events, []
        self._wake.clear()
        if not events:
            return None
        if any(event.name in MERGEABLE for event in events):
            # Only text counts for the interval: a status event just before must not delay the first token.
            self._last_flush = asyncio.get_running_loop().time()
        appended = await self._log.append(self._run_id, events, token=self._token)
        self._held = sum(len(piece) for text in self._texts.values() for piece in text.pieces)
        self._written.set()
        return appended.cursor

    def _close_texts(self) -> None:
        """All of them, so that they keep the order in which they began."""
        if not self._texts:
            return
        for agent, held in self._texts.items():
            text = "".join(held.pieces)
            own = {"agent": agent} if agent else {}
            for begin in range(0, len(text), ENTRY_CHARACTERS):
                self._events.append(Event(held.name, {"text": text[begin : begin + ENTRY_CHARACTERS], **own}))
        self._texts.clear()


@dataclass(slots=True)
class _Text:
    name: str
    pieces: list[str] = field(default_factory=list)
