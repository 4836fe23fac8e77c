"""The stream log: the events of a run, in order, each exactly once.

The runner only appends, the transports only follow, and neither knows the other. A reader is a cursor, not a queue:
one that is slow gets fewer and larger batches, and costs the log nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from chat.events import Cursor, Entry, Event

RunState = Literal["live", "completed", "stopped", "error"]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Everything the log must know of a run to hand out its place. All ids are UUID text.

    `fingerprint` tells two sends of one client_message_id apart: equal means repeated, different means conflict.
    """

    run_id: str
    owner_id: int
    conversation_id: str
    client_message_id: str
    fingerprint: str
    title: str
    start: Event


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run as the log knows it at this moment."""

    run_id: str
    owner_id: int
    conversation_id: str
    client_message_id: str
    fingerprint: str
    title: str
    state: RunState
    cursor: Cursor

    @property
    def is_live(self) -> bool:
        return self.state == "live"


@dataclass(frozen=True, slots=True)
class Created:
    """The run is in the log and nobody else has it. `token` is asked for by every append."""

    run: RunInfo
    token: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """This owner has sent this client_message_id before: the run that it made."""

    run: RunInfo


@dataclass(frozen=True, slots=True)
class Busy:
    """The conversation has a live run already."""

    run: RunInfo


@dataclass(frozen=True, slots=True)
class TooMany:
    """The owner has as many live runs as are allowed."""

    live: int


@dataclass(frozen=True, slots=True)
class Appended:
    cursor: Cursor
    stop_requested: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """Merged entries after a reader's cursor. `epoch` and an entry's seq make its cursor."""

    epoch: str
    entries: Sequence[Entry]

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.epoch, self.entries[-1].seq)


class RunNotFound(LookupError):
    """The log does not hold this run, or not any more."""


class Fenced(Exception):
    """Another process owns this run now. Whoever gets this stops at once and writes nothing."""


class StreamLog(Protocol):
    """Seqs start at 1 without holes. Nothing can be appended after a terminal event."""

    async def create(self, request: RunRequest, *, live_limit: int) -> Created | Duplicate | Busy | TooMany:
        """Atomically: the idempotency key, the conversation's slot, the owner's limit, and the start event."""

    async def append(self, run_id: str, events: Sequence[Event], *, token: int) -> Appended:
        """Append all of the events or none. Raises Fenced, RunNotFound."""

    def follow(self, run_id: str, after: Cursor | None, *, limit: int) -> AsyncGenerator[Batch, None]:
        """Yield what lies after the cursor, wait for more, and end after the terminal event.

        A batch holds at most about `limit` bytes of text (but at least one entry), merged, taken when it is asked
        for. A cursor of another epoch or beyond the end yields a `reset` entry with seq 0 and then the whole log.
        Raises RunNotFound.
        """

    async def find(self, run_id: str) -> RunInfo | None: ...

    async def find_sent(self, owner_id: int, client_message_id: str) -> RunInfo | None: ...

    async def runs_of(self, owner_id: int) -> list[RunInfo]:
        """The owner's runs that the log holds, live and ended, oldest first."""

    async def entries(self, run_id: str) -> Sequence[Entry]:
        """All entries of a run so far. Raises RunNotFound."""

    async def request_stop(self, run_id: str) -> bool:
        """Ask whoever runs it to stop. True if the run was live and had not been asked before."""

    async def stop_requested(self, run_id: str) -> None:
        """Return when a stop has been requested. Raises RunNotFound."""

    async def abandoned(self, run_id: str, *, grace: float) -> None:
        """Return when nobody has followed the run for `grace` seconds. Raises RunNotFound."""

    async def forget(self, run_id: str) -> None:
        """Drop an ended run. A live run stays."""

    async def is_ready(self) -> bool:
        """Whether the log can be written now."""

    async def close(self) -> None: ...
