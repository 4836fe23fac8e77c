"""The stream log: the events of a run, in order, each exactly once.

The runner only appends and the transports only follow; neither knows about the other. A reader is a cursor, not a
queue: a slow reader gets fewer, larger batches and costs the log nothing.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Protocol

from chat.protocol.cursors import EPOCH_LENGTH, Cursor
from chat.protocol.events import MERGEABLE, Entry, Event
from chat.protocol.previews import size
from chat.protocol.sse import dumps

RunState = Literal["live", "completed", "stopped", "waiting", "error"]

# A saved run is in the database: the log keeps it only for readers that are about to reconnect.
KEEP_SAVED_SECONDS: Final = 300.0
KEEP_FAILED_SECONDS: Final = 900.0
MINUTE_SECONDS: Final = 60.0

# Approximate overhead of an entry in a batch that is not text: its name, cursor and brackets.
ENTRY_BYTES: Final = 100
# A larger checkpoint has no room in any log.
CHECKPOINT_BYTES: Final = 1024 * 1024
# Live runs reserve room in steps of this many bytes: one to start with, which is enough for an answer of usual length.
ROOM_BYTES: Final = 128 * 1024

_ALPHABET: Final = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Budget:
    """The log's limits in bytes, in total and per owner. They cover the texts and the approximate overhead.

    A live run counts with all the room it has reserved. If that does not fit, logs of ended runs are dropped early:
    first those of an owner over the limit, then the oldest of all; failed runs go last, as they are stored nowhere
    else. The runs themselves stay known, so a repeated send still finds its run.
    """

    total: int = 128 * 1024 * 1024
    per_owner: int = 24 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Everything the log needs to create a run. All ids are UUID text.

    `fingerprint` compares two sends with the same client_message_id: equal means repeated, different means conflict.
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
    """A snapshot of a run in the log."""

    run_id: str
    owner_id: int
    conversation_id: str
    client_message_id: str
    fingerprint: str
    title: str
    state: RunState
    cursor: Cursor
    has_log: bool = True
    """False if the run has ended and its log was dropped to make room."""

    @property
    def is_live(self) -> bool:
        return self.state == "live"

    @property
    def summary(self) -> dict[str, str]:
        """The run as notices and `hello` show it."""
        return {
            "run_id": self.run_id,
            "conversation_id": self.conversation_id,
            "client_message_id": self.client_message_id,
            "title": self.title,
            "cursor": str(self.cursor),
        }


@dataclass(frozen=True, slots=True)
class Created:
    """The run is in the log and owned by the caller. `token` is the fencing token that every append requires."""

    run: RunInfo
    token: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """This owner has already sent this client_message_id. `run` is the run it created."""

    run: RunInfo


@dataclass(frozen=True, slots=True)
class Busy:
    """The conversation already has a live run."""

    run: RunInfo


@dataclass(frozen=True, slots=True)
class TooMany:
    """The owner's limit of live runs is reached. `of_all`: the limit for all owners together."""

    live: int
    of_all: bool = False


@dataclass(frozen=True, slots=True)
class TooFast:
    """The owner's limit of runs per minute is reached. `retry_after`: seconds. `of_all`: as in TooMany."""

    retry_after: float
    of_all: bool = False


@dataclass(frozen=True, slots=True)
class Full:
    """The owner's live runs leave no room in the log for another. `of_all`: the live runs of all owners."""

    of_all: bool


Refusal = Duplicate | Busy | TooMany | TooFast | Full
"""Why the log has not created a run."""


@dataclass(frozen=True, slots=True)
class Appended:
    cursor: Cursor
    stop_requested: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A run taken over from an owner that is gone. It belongs to the caller, with a new fencing `token`.

    `attempt` counts the owners: 2 for the first takeover. `failures` counts the owners that were lost or failed;
    handovers do not count. `completion` is what `finish` was given: the text is complete and only has to be saved.
    `checkpoint`: the last one, if there was any.
    """

    run: RunInfo
    token: int
    attempt: int
    failures: int
    stop_requested: bool
    completion: Mapping[str, Any] | None
    entries: Sequence[Entry]
    checkpoint: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Merged entries after a reader's cursor. An entry's cursor is `epoch` and its seq."""

    epoch: str
    entries: Sequence[Entry]

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.epoch, self.entries[-1].seq)


class RunNotFound(LookupError):
    """The run is not, or no longer, in the log."""


class Fenced(Exception):
    """Another process owns this run now. The caller must stop at once and write nothing more."""


class NoRoom(Exception):
    """The log has no room for these events; none were appended. A terminal event always fits."""


class Lost(Exception):
    """The run was in the log, has disappeared and was not restored."""


class LogUnavailable(Exception):
    """The log cannot be reached. The operation may or may not have happened; retrying is safe."""


class StreamLog(Protocol):
    """Seqs start at 1 and have no gaps. Nothing can be appended after a terminal event.

    Every method may raise LogUnavailable. In a shared log, each run has one owner at a time: the process that created
    or claimed it, for as long as that is alive and reaches the log.
    """

    is_shared: ClassVar[bool]
    """Whether other processes can follow and take over this process's runs."""

    async def create(
        self,
        request: RunRequest,
        *,
        live_limit: int,
        per_minute: int | None = None,
        live_limit_of_all: int | None = None,
        per_minute_of_all: int | None = None,
    ) -> Created | Refusal:
        """Atomically check the idempotency key, the conversation's slot, the limits and the room; add the start event.

        Only created runs count towards the limits per minute; None means no limit. `of_all`: for all owners, in all
        processes that share the log.
        """

    async def append(self, run_id: str, events: Sequence[Event], *, token: int) -> Appended:
        """Append all of the events or none, in the order of the calls, even if a caller is cancelled.

        Only for the run's owner. If the log has lost the run, everything appended so far is restored under a new
        epoch, or Lost is raised if that is impossible. Raises Fenced, RunNotFound, NoRoom.
        """

    def follow(self, run_id: str, after: Cursor | None, *, limit: int) -> AsyncGenerator[Batch, None]:
        """Yield the entries after the cursor, wait for more, and end after the terminal event.

        A batch holds at least one entry and at most about `limit` bytes of text. It is taken from the log and merged
        only when it is requested. A cursor of another epoch or beyond the end yields a `reset` entry with seq 0 and
        then the whole log; so does a change of the epoch while following. Raises RunNotFound at the start, and Lost
        later, also if the log of an ended run is dropped to make room.
        """

    async def find(self, run_id: str) -> RunInfo | None: ...

    async def find_sent(self, owner_id: int, client_message_id: str) -> RunInfo | None: ...

    async def runs_of(self, owner_id: int) -> list[RunInfo]:
        """The owner's runs in the log, live and ended, oldest first."""

    async def entries(self, run_id: str) -> Sequence[Entry]:
        """All entries of a run so far. Raises RunNotFound, also if only its log was dropped."""

    async def request_stop(self, run_id: str) -> bool:
        """Ask the run's owner to stop it. True if the run was live and no stop was requested before."""

    async def stop_requested(self, run_id: str) -> None:
        """Return when a stop is requested. Only for the run's owner: raises Fenced or Lost when it loses ownership.

        Raises RunNotFound.
        """

    async def finish(self, run_id: str, completion: Mapping[str, Any], *, token: int) -> None:
        """Mark the text as complete before saving it, so that a takeover only has to save it.

        `completion` is JSON. Raises Fenced, Lost, RunNotFound.
        """

    async def checkpoint(self, run_id: str, state: Mapping[str, Any], *, token: int) -> None:
        """Store how far the run's work has come, in place of the previous checkpoint, for whoever claims the run.

        `state` is JSON of at most CHECKPOINT_BYTES and takes room in the log until the run ends. Raises Fenced, Lost,
        RunNotFound, NoRoom. If it raises NoRoom, the previous one stays.
        """

    async def release(self, run_id: str, *, token: int, failed: bool = False) -> bool:
        """Give up a live run, so that another process can claim it immediately.

        `failed`: count it as a failure, as if the caller had crashed.

        Returns False and changes nothing if no other process could claim it, or if the caller does not own the run.
        """

    async def claim_expired(self) -> list[Claim]:
        """Take over some of the runs whose owners have released them or are gone. Empty if there are none."""

    async def abandoned(self, run_id: str, *, grace: float) -> None:
        """Return when the run has had no follower for `grace` seconds. Raises RunNotFound."""

    async def forget(self, run_id: str) -> None:
        """Delete an ended run. No effect on a live run."""

    async def is_ready(self) -> bool:
        """Whether the log is currently writable."""

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
    """Size in bytes, counted against a batch's limit. For text, the size of its JSON; otherwise with an overhead."""
    if event.name in MERGEABLE:
        return len(dumps(event.data["text"]).encode()) - 2
    if event.name == "start":
        return len(event.data["user_message"]["text"].encode())
    return ENTRY_BYTES + size(event.data)
