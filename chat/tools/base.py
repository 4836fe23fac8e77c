"""What a tool is, and everything that can come out of a call.

A tool checks its arguments (`read`) and runs (`start`). Whoever runs it goes through chat/tools/execution.py, which
enforces the limits. A tool of this site is an async function: see chat/tools/definitions.py.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import msgspec

from chat.protocol.event_data import ToolErrorCode

# Default timeout of a call; each progress item restarts it.
TIMEOUT_SECONDS: Final = 60.0
# Limit for a whole call, however much progress it reports.
LONGEST_SECONDS: Final = 300.0
# Per call; further items, and larger ones, are dropped.
PROGRESS_ITEMS: Final = 200
ITEM_BYTES: Final = 4 * 1024
ARGUMENT_BYTES: Final = 64 * 1024
# Of a result: what the model is told, and what is saved.
TOLD_BYTES: Final = 32 * 1024
SAVED_BYTES: Final = 64 * 1024

# `cancelled`: somebody pressed Stop. `denied`, `expired`: a person did not allow it, or not in time.
# `unknown_outcome`: it was interrupted, and may have taken effect or not.
Code = ToolErrorCode


class ToolFailed(Exception):
    """A call without a result. The model is told the message: a sentence that says what to do about it."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code: Final = code
        self.message: Final = message


@dataclass(frozen=True, slots=True)
class Progress:
    """A partial result, or a sign of life, for the person who waits: a JSON object of at most 4 KiB.

    A search hit has `index`, `title`, `snippet`, `score`, `url`; a line of text has `text`.
    """

    item: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a call. A tool may return any JSON value, or a Result to give the model a text of its own.

    `execution.run` fills in the rest: `text` is for the model, at most 32 KiB, `saved` for the database, at most
    64 KiB; a longer text is cut to its head and tail, with a note between them. `size`: its bytes before that.
    `value`: JSON for programs; None if it is larger than 64 KiB.
    """

    text: str
    value: Any = None
    saved: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class AskPerson:
    """Instead of a result: the run waits until the person has answered this question."""

    text: str
    choices: tuple[str, ...] = ()
    allows_text: bool = True


Output = Progress | Result | AskPerson


def _nowhere(progress: Progress) -> None:
    """Nobody follows this call."""


@dataclass(frozen=True, slots=True)
class Context:
    """Who a tool runs for. Passed to a tool with a parameter of this type; the model does not see it.

    `user_id`: who asked; a tool may read and change only what this user may. `time_zone`: an IANA name, empty if
    unknown. `deadline`: when the run ends, on the clock of `time.monotonic`. `now`: the current time in UTC.
    """

    user_id: int
    time_zone: str = ""
    deadline: float = math.inf
    now: Callable[[], datetime] = field(default=partial(datetime.now, UTC), repr=False)
    send: Callable[[Progress], None] = field(default=_nowhere, repr=False)

    def report(self, text: str) -> None:
        """Show the person a line about what is going on."""
        self.progress({"text": text})

    def progress(self, item: Mapping[str, Any]) -> None:
        """Show the person a partial result."""
        self.send(Progress(item))


@dataclass(frozen=True, slots=True)
class Arguments:
    """Arguments that a tool accepts. `given`: the JSON object, for the record; `values`: by parameter, converted."""

    given: Mapping[str, Any]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool, wherever it comes from.

    `key` identifies it: `builtin:<name>`, `local:<name>`, `mcp:<server>/<name>`. `parameters`: a JSON schema with an
    object at its root and no `$ref`. `side_effects`: whether it changes or sends anything.
    `read` raises ToolFailed invalid_arguments. `start` yields Progress and, last, the value, a Result or AskPerson;
    its iterator is closed, or its task cancelled, to end it early.
    """

    key: str
    title: str
    description: str
    parameters: Mapping[str, Any]
    read: Callable[[Mapping[str, Any]], Arguments] = field(repr=False)
    start: Callable[[Arguments, Context], AsyncIterator[Any]] = field(repr=False)
    side_effects: bool = True
    timeout: float = TIMEOUT_SECONDS

    @property
    def name(self) -> str:
        """What follows the first colon of the key."""
        return self.key.partition(":")[2]

    @property
    def definition_hash(self) -> str:
        """Of everything that the model and a person see: permission for one definition is none for another."""
        told = (self.key, self.title, self.description, self.parameters, self.side_effects)
        return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()
