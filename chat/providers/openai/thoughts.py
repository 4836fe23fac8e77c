"""Separates the thoughts that a model writes into its answer, in tags, from the answer itself.

Reasoning models are often served without the parser that would move their thoughts to a separate field. Then the
answer begins with `<think>…</think>`, or, if the prompt template contains the opening tag, with the thought and
`</think>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, Literal

from chat.providers.base import Delta, Finish, ReasoningDelta, Recant, TextDelta, ToolUse

_TAGS: Final = ("think", "thinking", "thought")
_OPENING: Final = re.compile(rf"\s*<(?:{'|'.join(_TAGS)})>\s*", re.IGNORECASE)
_CLOSING: Final = re.compile(rf"</(?:{'|'.join(_TAGS)})>", re.IGNORECASE)
_ANY_OPENING: Final = re.compile(rf"<(?:{'|'.join(_TAGS)})>", re.IGNORECASE)
_OPENINGS: Final = tuple(f"<{tag}>" for tag in _TAGS)
_CLOSINGS: Final = tuple(f"</{tag}>" for tag in _TAGS)
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
# How much of a line is kept to see whether it is a fence, and whether a tag begins it.
_LINE_CHARACTERS: Final = 200
# Lines are tracked in batches of this many pieces, because that is the slowest step for a piece.
_PIECES_AT_ONCE: Final = 64

_State = Literal["start", "thinking", "answering", "answer"]


class Thoughts:
    """Separates the text of one answer, however it is split into pieces.

    Thoughts are: tagged text at the beginning of the answer; all text before a closing tag without an opening one, if
    that tag begins or ends a line and is not in code; and an answer whose thought is never closed. Any other tag is
    text.
    """

    def __init__(self) -> None:
        self._state: _State = "start"
        self._held = ""
        self._has_thought = False
        self._line = ""
        self._ticks = 0
        self._fence = ""
        self._unfollowed: list[str] = []

    def sort(self, deltas: list[Delta], *, is_over: bool) -> list[Delta]:
        """The same deltas with thoughts as reasoning. Text that may be half a tag is held back until `is_over`."""
        if len(deltas) == 1 and not is_over and type(deltas[0]) is TextDelta and self._is_plain(deltas[0].text):
            return deltas
        return self._sort(deltas, is_over=is_over)

    def _sort(self, deltas: Iterable[Delta], *, is_over: bool) -> list[Delta]:
        sorted_: list[Delta] = []
        for delta in deltas:
            if isinstance(delta, TextDelta) and not self._is_plain(delta.text):
                sorted_ += _counted(list(self._push(delta.text)), delta.pieces)
            else:
                if isinstance(delta, Finish | ToolUse):
                    sorted_ += self._close()
                sorted_.append(delta)
        return sorted_ + self._close() if is_over else sorted_

    def _is_plain(self, text: str) -> bool:
        """Whether the text can pass unchanged. A fast path: this is true for most pieces."""
        if self._held or self._state == "start" or self._state == "thinking":
            return False
        if self._state == "answering":
            if "<" in text:
                return False
            self._unfollowed.append(text)
            if len(self._unfollowed) >= _PIECES_AT_ONCE:
                self._catch_up()
        return True

    def _push(self, text: str) -> Iterator[Delta]:
        self._held += text
        state: _State | None = None
        # Each step reads as much as one state allows, and may change the state.
        while self._held and state != self._state:
            state = self._state
            yield from self._step(is_over=False)

    def _close(self) -> list[Delta]:
        deltas: list[Delta] = []
        state: _State | None = None
        while self._held and state != self._state:
            state = self._state
            deltas += self._step(is_over=True)
        return deltas

    def _step(self, *, is_over: bool) -> Iterator[Delta]:
        if self._state == "start":
            yield from self._begin(is_over=is_over)
        elif self._state == "thinking":
            yield from self._think(is_over=is_over)
        elif self._state == "answering":
            yield from self._watch(is_over=is_over)
        else:
            yield from self._say(self._take(len(self._held)))

    def _begin(self, *, is_over: bool) -> Iterator[Delta]:
        if opening := _OPENING.match(self._held):
            self._take(opening.end())
            self._state = "thinking"
            self._has_thought = True
            return
        begun = self._held.lstrip().lower()
        if not is_over and any(tag.startswith(begun) for tag in _OPENINGS):
            return
        if self._has_thought:
            self._held = self._held.lstrip()
        self._state = "answer" if self._has_thought else "answering"
        yield from ()

    def _think(self, *, is_over: bool) -> Iterator[Delta]:
        closing = _CLOSING.search(self._held)
        end = closing.start() if closing else len(self._held) if is_over else _end_without_half_tag(self._held)
        thought = self._take(end)
        kept = thought if not (closing or is_over) else thought.rstrip()
        if kept:
            yield ReasoningDelta(kept)
        if closing:
            self._take(len(closing[0]))
            self._state = "start"

    def _watch(self, *, is_over: bool) -> Iterator[Delta]:
        """Look for a tag which shows that all text so far was a thought, or that none will be."""
        self._catch_up()
        while "<" in self._held:
            yield from self._say(self._take(self._held.index("<")))
            if _ANY_OPENING.match(self._held):
                self._state = "answer"
                return
            closing = _CLOSING.match(self._held)
            after = self._held[closing.end() :] if closing else ""
            if closing and not after and not is_over and self._line.strip():
                return
            if closing and self._ends_thought(after):
                self._take(closing.end())
                self._state, self._has_thought = "start", True
                yield Recant()
                return
            if not is_over and any(tag.startswith(self._held.lower()) for tag in _OPENINGS + _CLOSINGS):
                return
            yield from self._say(self._take(1))
        yield from self._say(self._take(len(self._held)))

    def _ends_thought(self, after: str) -> bool:
        if self._fence or self._ticks % 2:
            return False
        return not self._line.strip() or not after or after[0] == "\n"

    def _say(self, text: str) -> Iterator[Delta]:
        if not text:
            return
        if self._state == "answering":
            self._follow_lines(text)
        yield TextDelta(text)

    def _catch_up(self) -> None:
        if self._unfollowed:
            self._follow_lines("".join(self._unfollowed))
            self._unfollowed.clear()

    def _follow_lines(self, text: str) -> None:
        *whole, rest = text.split("\n")
        for line in whole:
            marker = _FENCE.match(self._line + line)
            if marker and (not self._fence or marker[1].startswith(self._fence)):
                self._fence = "" if self._fence else marker[1]
            ends_paragraph = marker or not (self._line + line).strip()
            self._ticks = 0 if ends_paragraph else self._ticks + line.count("`")
            self._line = ""
        self._ticks += rest.count("`")
        self._line = (self._line + rest)[-_LINE_CHARACTERS:]

    def _take(self, length: int) -> str:
        taken, self._held = self._held[:length], self._held[length:]
        return taken


def _counted(deltas: list[Delta], pieces: int) -> list[Delta]:
    """The first of these stands for the pieces that they came in."""
    if deltas and pieces > 1:
        first = deltas[0]
        if isinstance(first, TextDelta | ReasoningDelta):
            deltas[0] = replace(first, pieces=pieces)
    return deltas


def _end_without_half_tag(text: str) -> int:
    """The length of the text without a possible beginning of a closing tag and the whitespace before it."""
    at = text.rfind("<")
    is_half = at >= 0 and any(tag.startswith(text[at:].lower()) for tag in _CLOSINGS)
    return len((text[:at] if is_half else text).rstrip())
