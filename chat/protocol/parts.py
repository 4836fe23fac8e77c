"""A message is a sequence of parts, in the order they began: text, reasoning, tool calls, members of a team.

    fold(entries) → parts        the parts in a log
    unfold(parts) → events       events that fold to these parts
    text_of(parts) → str         the answer: all text without an agent

Laws (tests/protocol/test_parts.py; the page's part_order.js and part_kinds.js are tested with the same fixtures):

* `fold(unfold(parts)) == parts`, for parts that `fold` can return
* `fold(merge(entries)) == fold(entries)`
* A reader may be cut off anywhere and resume: `Folder` takes the entries in any number of pieces.
* `reset` discards all parts.
* `text_of(fold(entries))` is every `token` without `agent` since the last `reset`, joined; its length is
  `characters` in `done`.

Text is appended to the last part of its agent if that is text; likewise reasoning. So interleaved events of several
agents do not cut their parts into pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from chat.protocol.events import Entry, Event

# The fields of `approval_request`, `approval` and `question` that a part keeps.
REQUESTED: Final = ("reason", "expires_at")
DECIDED: Final = ("decision", "scope", "note")
ASKED: Final = ("text", "choices", "allows_text")

# Join the pieces after this many: a string object takes five times the size of a token's text.
LOOSE_PIECES: Final = 1024


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Reasoning:
    """`duration_ms`: how long the model took for it; None if unknown."""

    text: str
    duration_ms: int | None = None
    agent: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`state`: running, waiting, done or failed. `items`: its progress. `code`: why it failed, one of TOOL_ERRORS.

    `approval`: what a person was asked and has decided: `reason`, `expires_at`, `decision`, `scope`, `note`.
    `question`: what the model asks the person: `text`, `choices`, `allows_text`.
    """

    call_id: str
    tool: str
    arguments: Mapping[str, Any]
    state: str = "running"
    items: tuple[Mapping[str, Any], ...] = ()
    result: Any = None
    message: str = ""
    duration_ms: int | None = None
    agent: str = ""
    title: str = ""
    side_effects: bool = False
    code: str = ""
    approval: Mapping[str, Any] | None = None
    question: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a team. `status` is empty while it works."""

    agent: str
    name: str
    status: str = ""


Part = Text | Reasoning | ToolCall | Member


def fold(entries: Iterable[Entry]) -> list[Part]:
    """The parts in the entries of a log. Entries that are not part of a message are ignored."""
    folder = Folder()
    for entry in entries:
        folder.add(entry.name, entry.data)
    return folder.parts


def unfold(parts: Iterable[Part]) -> Iterator[Event]:
    """Events that fold to these parts, as few as possible."""
    for part in parts:
        match part:
            case Text(text, agent):
                yield Event("token", _said({"text": text}, agent))
            case Reasoning(text, duration_ms, agent):
                data: dict[str, Any] = {"text": text}
                if duration_ms is not None:
                    data["duration_ms"] = duration_ms
                yield Event("reasoning", _said(data, agent))
            case ToolCall():
                yield from _of_call(part)
            case Member(agent, name, status):
                yield Event("agent_start", {"agent": agent, "name": name})
                if status:
                    yield Event("agent_done", {"agent": agent, "status": status})


def text_of(parts: Iterable[Part]) -> str:
    """The answer: all text without an agent."""
    return "".join(part.text for part in parts if isinstance(part, Text) and not part.agent)


class Folder:
    """An incremental fold: `add` events as they arrive, and read `parts` at any time."""

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._last: dict[str, _Open] = {}
        self._calls: dict[str, _Call] = {}
        self._members: dict[str, _Member] = {}

    @property
    def parts(self) -> list[Part]:
        return [part.closed() for part in self._open]

    @property
    def is_plain(self) -> bool:
        """Whether there is at most one part, and that is text without an agent."""
        return not self._open or (len(self._open) == 1 and type(self._open[0]) is _Words and not self._open[0].agent)

    @property
    def text(self) -> str:
        """`text_of` the parts."""
        words = [part.text for part in self._open if type(part) is _Words and not part.agent]
        return words[0] if len(words) == 1 else "".join(words)

    def add(self, name: str, data: Mapping[str, Any]) -> None:
        """Apply an event. Events that are not part of a message change nothing."""
        match name:
            case "token":
                self._words(_Words, data).add(data["text"])
            case "reasoning":
                thought = self._words(_Thought, data)
                thought.add(data["text"])
                if "duration_ms" in data:
                    thought.duration_ms = (thought.duration_ms or 0) + data["duration_ms"]
            case "reset":
                self.__init__()  # type: ignore[misc]
            case "tool_start":
                call = self._calls[data["call_id"]] = _Call(data)
                self._begin(call, call.agent)
            case "tool_progress" | "tool_result" | "tool_error" | "approval_request" | "approval" | "question":
                if (call := self._calls.get(data["call_id"])) is not None:  # type: ignore[assignment]
                    call.hear(name, data)
            case "agent_start":
                member = self._members[data["agent"]] = _Member(data["agent"], data["name"])
                self._begin(member, data["agent"])
            case "agent_done":
                if (member := self._members.get(data["agent"])) is not None:  # type: ignore[assignment]
                    member.status = data["status"]

    def _words(self, kind: type[W], data: Mapping[str, Any]) -> W:
        """The agent's last part if it is of this kind, or else a new one."""
        agent = data.get("agent", "")
        last = self._last.get(agent)
        if type(last) is kind:
            return last
        new = kind(agent)
        self._begin(new, agent)
        return new

    def _begin(self, part: _Open, agent: str) -> None:
        self._open.append(part)
        self._last[agent] = part


class _Words:
    """A growing text."""

    __slots__ = ("_blocks", "_pieces", "agent")

    def __init__(self, agent: str) -> None:
        self.agent = agent
        self._blocks: list[str] = []
        self._pieces: list[str] = []

    def add(self, text: str) -> None:
        self._pieces.append(text)
        if len(self._pieces) >= LOOSE_PIECES:
            self._blocks.append("".join(self._pieces))
            self._pieces.clear()

    @property
    def text(self) -> str:
        """Keeps the joined text, so that saving a long answer does not hold it twice."""
        self._blocks = ["".join([*self._blocks, *self._pieces])]
        self._pieces.clear()
        return self._blocks[0]

    def closed(self) -> Part:
        return Text(self.text, self.agent)


class _Thought(_Words):
    __slots__ = ("duration_ms",)

    def __init__(self, agent: str) -> None:
        super().__init__(agent)
        self.duration_ms: int | None = None

    def closed(self) -> Part:
        return Reasoning(self.text, self.duration_ms, self.agent)


class _Call:
    __slots__ = ("_approval", "_ended", "_items", "_question", "_start", "_state", "agent")

    def __init__(self, start: Mapping[str, Any]) -> None:
        self.agent: str = start.get("agent", "")
        self._start = start
        self._items: list[Mapping[str, Any]] = []
        self._state = "running"
        self._ended: Mapping[str, Any] = {}
        self._approval: Mapping[str, Any] | None = None
        self._question: Mapping[str, Any] | None = None

    def hear(self, name: str, data: Mapping[str, Any]) -> None:
        match name:
            case "tool_progress":
                self._items.append(data["item"])
            case "approval_request":
                self._state, self._ended, self._approval = "waiting", {}, _of(data, REQUESTED)
            case "approval":
                self._state, self._ended = "running", {}
                self._approval = {**(self._approval or {}), **_of(data, DECIDED)}
            case "question":
                self._state, self._ended, self._question = "waiting", {}, _of(data, ASKED)
            case _:
                self._state = "done" if name == "tool_result" else "failed"
                self._ended = data

    def closed(self) -> Part:
        return ToolCall(
            self._start["call_id"],
            self._start["tool"],
            self._start["arguments"],
            self._state,
            tuple(self._items),
            self._ended.get("result"),
            self._ended.get("message", ""),
            self._ended.get("duration_ms"),
            self.agent,
            self._start.get("title", ""),
            self._start.get("side_effects", False),
            self._ended.get("code", ""),
            self._approval,
            self._question,
        )


class _Member:
    __slots__ = ("agent", "name", "status")

    def __init__(self, agent: str, name: str) -> None:
        self.agent = agent
        self.name = name
        self.status = ""

    def closed(self) -> Part:
        return Member(self.agent, self.name, self.status)


_Open = _Words | _Call | _Member
W = TypeVar("W", bound=_Words)


def _of_call(call: ToolCall) -> Iterator[Event]:
    named = {"call_id": call.call_id, "tool": call.tool}
    start: dict[str, Any] = {**named, "arguments": call.arguments}
    if call.title:
        start["title"] = call.title
    if call.side_effects:
        start["side_effects"] = True
    yield Event("tool_start", _said(start, call.agent))
    for item in call.items:
        yield Event("tool_progress", _said({**named, "item": item}, call.agent))
    for event in _of_person(call, named):
        yield Event(event.name, _said(dict(event.data), call.agent))
    if call.state == "done":
        data = {**named, "result": call.result, "duration_ms": call.duration_ms}
        yield Event("tool_result", _said(data, call.agent))
    elif call.state == "failed":
        data = {**named, "message": call.message, "duration_ms": call.duration_ms}
        if call.code:
            data["code"] = call.code
        yield Event("tool_error", _said(data, call.agent))


def _of_person(call: ToolCall, named: Mapping[str, Any]) -> Iterator[Event]:
    """What a person is asked about the call, and has decided."""
    if call.question is not None:
        yield Event("question", {**named, **call.question})
    if call.approval is None:
        return
    requested, decided = _of(call.approval, REQUESTED), _of(call.approval, DECIDED)
    if requested:
        shown = {"title": call.title, "arguments": call.arguments}
        yield Event("approval_request", {**named, **shown, **requested})
    if decided:
        yield Event("approval", {**named, **decided})


def _of(data: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: data[name] for name in names if name in data}


def _said(data: dict[str, Any], agent: str) -> dict[str, Any]:
    return {**data, "agent": agent} if agent else data
