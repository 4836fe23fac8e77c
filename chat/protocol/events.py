"""The events of a run.

Names, fields and meanings are those of the streaming protocol, version 1 (docs/protocol.md). All transports send the
same objects, with their `type`; they differ only in framing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chat.protocol.errors import error_fields
from chat.protocol.event_data import Done, Failure, Start, Usage

TERMINAL: Final = frozenset({"done", "error"})
MERGEABLE: Final = frozenset({"token", "reasoning"})

# The most in each entry of a text split into several: at most 15 KiB in JSON, where a character may take six bytes.
ENTRY_CHARACTERS: Final = 2560


def typed(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """An event's data as transports send it: with its name, because some clients expose only the data."""
    return {"type": name, **data}


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a run that is not yet numbered by the log."""

    name: str
    data: Mapping[str, Any]

    @property
    def is_terminal(self) -> bool:
        return self.name in TERMINAL


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its position in the log. After `merge`, the position of its last part."""

    seq: int
    name: str
    data: Mapping[str, Any]

    @property
    def is_terminal(self) -> bool:
        return self.name in TERMINAL


def start(data: Start) -> Event:
    return Event("start", data)


def status(text: str, state: str) -> Event:
    return Event("status", {"text": text, "state": state})


def reasoning(text: str) -> Event:
    return Event("reasoning", {"text": text})


def thought(duration_ms: int) -> Event:
    """Ends a piece of reasoning; says how long it took."""
    return Event("reasoning", {"text": "", "duration_ms": duration_ms})


def token(text: str) -> Event:
    return Event("token", {"text": text})


def usage(data: Usage) -> Event:
    return Event("usage", data)


def reset(attempt: int, reason: str) -> Event:
    return Event("reset", {"attempt": attempt, "reason": reason})


def done(data: Done) -> Event:
    return Event("done", data)


def error(code: str, message: str, *, retryable: bool | None = None, retry_after: float | None = None) -> Event:
    """`retryable` overrides the value from the table of errors."""
    fields = error_fields(code, message, retryable=retryable)
    data: Failure = {"code": code, "message": message, "retryable": fields["retryable"]}
    if retry_after is not None:
        data["retry_after"] = retry_after
    return Event("error", data)


def merge(entries: Iterable[Entry]) -> list[Entry]:
    """Join adjacent `token` (or `reasoning`) entries of one agent; the result has the seq of its last part."""
    merged: list[Entry] = []
    parts: list[str] = []
    for entry in entries:
        if parts and _joins(merged[-1], entry):
            parts.append(entry.data["text"])
            data = entry.data if "duration_ms" in entry.data else merged[-1].data
            merged[-1] = Entry(entry.seq, entry.name, data)
            continue
        _close(merged, parts)
        merged.append(entry)
        parts = [entry.data["text"]] if entry.name in MERGEABLE else []
    _close(merged, parts)
    return merged


def _joins(last: Entry, entry: Entry) -> bool:
    return (
        entry.name == last.name
        and entry.data.get("agent") == last.data.get("agent")
        # A duration marks the end of a thought.
        and "duration_ms" not in last.data
    )


def _close(merged: list[Entry], parts: list[str]) -> None:
    if len(parts) > 1:
        last = merged[-1]
        merged[-1] = Entry(last.seq, last.name, {**last.data, "text": "".join(parts)})


def answer(entries: Iterable[Entry]) -> str:
    """The answer's text: every `token` without `agent` since the start or the last `reset`, joined."""
    parts: list[str] = []
    for entry in entries:
        if entry.name == "reset":
            parts.clear()
        elif entry.name == "token" and "agent" not in entry.data:
            parts.append(entry.data["text"])
    return "".join(parts)
