"""A run as one client has received it, event by event. Raises if the server violates the protocol.

It checks the invariants I1 (no gap, no repeat), I3 (one terminal event, at the end) and I4 (ascending seqs). I1's
other half and I2, about the database, are in `invariants.py`.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any, Final

TERMINAL: Final = frozenset({"done", "error"})
MERGEABLE: Final = frozenset({"token", "reasoning"})
CURSOR: Final = re.compile(r"([A-Za-z0-9]{8})\.(0|[1-9][0-9]*)")


class Violation(AssertionError):
    """The server has violated the protocol."""


class Reading:
    """`cursor`: where to resume; None before the first event."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.epoch = ""
        self.seq = 0
        self.names: list[str] = []
        # When each of them arrived, by time.monotonic().
        self.times: list[float] = []
        self.start: dict[str, Any] = {}
        self.end: dict[str, Any] = {}
        self.outcome = ""
        # How its connection ended; empty while there is one.
        self.lost = ""
        # Characters of the answer so far.
        self.size = 0
        # When each piece of it arrived, and its length.
        self.arrivals: list[tuple[float, int]] = []
        self._parts: list[str] = []
        self._changed = asyncio.Event()

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def cursor(self) -> str | None:
        return f"{self.epoch}.{self.seq}" if self.epoch else None

    def apply(self, identifier: str, name: str, data: dict[str, Any]) -> None:
        """Apply the next event. Raises Violation."""
        match = CURSOR.fullmatch(identifier)
        if match is None:
            raise Violation(f"{identifier!r} is no cursor")
        if self.outcome:
            raise Violation(f"{name} {identifier} comes after {self.outcome}")
        self._place(match[1], int(match[2]), name)
        self.lost = ""
        self.names.append(name)
        self.times.append(time.monotonic())
        self._read(name, data)
        self._changed.set()

    async def until(self, condition: Callable[[Reading], bool], *, seconds: float = 60.0) -> None:
        """Wait until the condition holds. Raises TimeoutError."""
        try:
            async with asyncio.timeout(seconds):
                while not condition(self):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            why = f"; {self.lost}" if self.lost else ""
            raise TimeoutError(f"run {self.run_id} stays at {self.cursor}: {self.names[-3:]}{why}") from None

    async def ended(self, *, seconds: float = 60.0) -> None:
        await self.until(lambda reading: bool(reading.outcome), seconds=seconds)

    async def has(self, characters: int, *, seconds: float = 60.0) -> None:
        """Wait for this much of the answer."""
        await self.until(lambda reading: reading.size >= characters, seconds=seconds)

    def _place(self, epoch: str, seq: int, name: str) -> None:
        """A merged event may skip the seqs of the parts merged into it; any other event must have the next seq."""
        if name == "reset" and seq == 0:
            self.epoch, self.seq = epoch, 0
            return
        if self.epoch and epoch != self.epoch:
            raise Violation(f"the epoch changes from {self.epoch} to {epoch} without a reset")
        if seq <= self.seq:
            raise Violation(f"{name} {seq} repeats: the reader is at {self.seq}")
        if seq > self.seq + 1 and name not in MERGEABLE:
            raise Violation(f"{name} {seq} leaves a hole after {self.seq}")
        self.epoch, self.seq = epoch, seq

    def _read(self, name: str, data: dict[str, Any]) -> None:
        if name != "reset" and not self.start and name != "start":
            raise Violation(f"{name} comes before start")
        if name == "start":
            if data["run_id"] != self.run_id:
                raise Violation(f"the start of {data['run_id']} in {self.run_id}")
            self.start = data
        elif name == "reset":
            self._parts.clear()
            self.size = 0
            self.start = {} if self.seq == 0 else self.start
        elif name == "token":
            self._parts.append(data["text"])
            self.size += len(data["text"])
            self.arrivals.append((time.monotonic(), len(data["text"])))
        elif name in TERMINAL:
            self.outcome, self.end = name, data
        if name == "done" and data["characters"] != self.size:
            raise Violation(f"done says {data['characters']} characters, {self.size} have come")
