"""The stream log: the events of a run, in order, each exactly once.

The runner only appends, the transports only follow, and neither knows the other. A reader is a cursor, not a queue:
one that is slow gets fewer and larger batches, and costs the log nothing.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Protocol

from chat.protocol.events import EPOCH_LENGTH, MERGEABLE, Cursor, Entry, Event
from chat.protocol.sse import dumps

RunState = Literal["live", "completed", "stopped", "error"]

# A saved run is in the database: the log keeps it only for readers that are just about to come back.
KEEP_SAVED_SECONDS: Final = 300.0
KEEP_FAILED_SECONDS: Final = 900.0
MINUTE_SECONDS: Final = 60.0

# What an entry takes of a batch besides its text, about.
ENTRY_BYTES: Final = 400
# A live run gets room in steps of so many bytes: beginning takes this much, and an answer of usual length no more.
ROOM_BYTES: Final = 128 * 1024

_ALPHABET: Final = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Budget:
    """The bytes that a log may take, of all owners and of each. Real ones, about: texts and what holding them takes.

    A live run counts with all the room that it was given. Where that does not fit, logs of ended runs are dropped
    before their time: those of an owner who is over, then the oldest of all, and what failed last, as it is nowhere
    else. The runs themselves stay known: what is sent again is still the same run.
    """

    total: int = 128 * 1024 * 1024
    per_owner: int = 24 * 1024 * 1024


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
    has_log: bool = True
    """False once it was dropped to make room, of a run that has ended."""

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
    """The owner has as many live runs as are allowed. `of_all`: not the owner, but all owners together."""

    live: int
    of_all: bool = False


@dataclass(frozen=True, slots=True)
class TooFast:
    """The owner has begun as many runs in this minute as are allowed. `retry_after`: seconds. `of_all`: as above."""

    retry_after: float
    of_all: bool = False


@dataclass(frozen=True, slots=True)
class Full:
    """The live runs of the owner (`of_all`: of all owners) leave no room in the log for one more."""

    of_all: bool


@dataclass(frozen=True, slots=True)
class Appended:
    cursor: Cursor
    stop_requested: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A run whose owner is gone, now owned by whoever got this, with a `token` of its own.

    `attempt` counts the owners: 2 for the first that takes over. `failures` counts those of them that were lost with
    it, or failed at it; who handed it over is none. `completion` is what `finish` was given: the text is complete in
    the log, and only saving it is left.
    """

    run: RunInfo
    token: int
    attempt: int
    failures: int
    stop_requested: bool
    completion: Mapping[str, Any] | None
    entries: Sequence[Entry]


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


class NoRoom(Exception):
    """The log has no room for more of this run, and these events are not in it. Its terminal event always has."""


class Lost(Exception):
    """The log held this run and does not hold it any more, and nobody has brought it back."""


class LogUnavailable(Exception):
    """The log cannot be reached. What was asked for may or may not have happened; asking again does no harm."""


class StreamLog(Protocol):
    """Seqs start at 1 without holes. Nothing can be appended after a terminal event.

    Every method may raise LogUnavailable. A log that several processes share gives each run to one of them at a time:
    that process has made or claimed it, and holds it for as long as it is alive and reaches the log.
    """

    is_shared: ClassVar[bool]
    """Whether other processes can follow and take over the runs of this one."""

    async def create(
        self,
        request: RunRequest,
        *,
        live_limit: int,
        per_minute: int | None = None,
        live_limit_of_all: int | None = None,
        per_minute_of_all: int | None = None,
    ) -> Created | Duplicate | Busy | TooMany | TooFast | Full:
        """Atomically: the idempotency key, the conversation's slot, the limits, the room, and the start event.

        Only runs that are made count for the limits per minute; None sets no such limit. `of_all`: of all owners, in
        all processes that share the log.
        """

    async def append(self, run_id: str, events: Sequence[Event], *, token: int) -> Appended:
        """Append all of the events or none, in the order of the calls, also when a caller is cancelled.

        Only the process that owns the run can. If the log has forgotten the run, it gets back all that was appended,
        under a new epoch; where that is impossible, Lost is raised. Raises Fenced, RunNotFound, NoRoom.
        """

    def follow(self, run_id: str, after: Cursor | None, *, limit: int) -> AsyncGenerator[Batch, None]:
        """Yield what lies after the cursor, wait for more, and end after the terminal event.

        A batch holds at most about `limit` bytes of text (but at least one entry), merged, taken when it is asked
        for. A cursor of another epoch or beyond the end yields a `reset` entry with seq 0 and then the whole log;
        so does a log that gets another epoch in the meantime. Raises RunNotFound; later, Lost: also of an ended run
        whose log was dropped to make room.
        """

    async def find(self, run_id: str) -> RunInfo | None: ...

    async def find_sent(self, owner_id: int, client_message_id: str) -> RunInfo | None: ...

    async def runs_of(self, owner_id: int) -> list[RunInfo]:
        """The owner's runs that the log holds, live and ended, oldest first."""

    async def entries(self, run_id: str) -> Sequence[Entry]:
        """All entries of a run so far. Raises RunNotFound, also where only its log was dropped."""

    async def request_stop(self, run_id: str) -> bool:
        """Ask whoever runs it to stop. True if the run was live and had not been asked before."""

    async def stop_requested(self, run_id: str) -> None:
        """Return when a stop has been requested. For the run's owner: raises Fenced or Lost when that is over.

        Raises RunNotFound.
        """

    async def finish(self, run_id: str, completion: Mapping[str, Any], *, token: int) -> None:
        """Note that the text is complete, before it is saved: whoever takes the run over has only to save it.

        `completion` is JSON. Raises Fenced, Lost, RunNotFound.
        """

    async def release(self, run_id: str, *, token: int, failed: bool = False) -> bool:
        """Give a live run up, so that another process can claim it at once.

        `failed`: it counts as if the caller had been lost with it.

        False if there is no other process to do so, or the run is not the caller's: then nothing has changed.
        """

    async def claim_expired(self) -> list[Claim]:
        """Take over some of the runs whose owners have released them or are gone. Empty when there are none."""

    async def abandoned(self, run_id: str, *, grace: float) -> None:
        """Return when nobody has followed the run for `grace` seconds. Raises RunNotFound."""

    async def forget(self, run_id: str) -> None:
        """Drop an ended run. A live run stays."""

    async def is_ready(self) -> bool:
        """Whether the log can be written now."""

    async def close(self) -> None: ...


def new_epoch() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(EPOCH_LENGTH))


def state_after(event: Event) -> RunState:
    """The run's state once this event is in its log."""
    if event.name == "error":
        return "error"
    if event.name == "done":
        state: RunState = event.data["status"]
        return state
    return "live"


def size_of(event: Event | Entry) -> int:
    """About how many bytes this takes of a batch's limit: of a text that may be merged, exactly those of its JSON."""
    if event.name in MERGEABLE:
        return len(dumps(event.data["text"]).encode()) - 2
    if event.name == "start":
        return len(event.data["user_message"]["text"].encode())
    return ENTRY_BYTES
