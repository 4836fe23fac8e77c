"""What a model accepts in a request: known by its name, and learned from what it refuses.

Facts: https://platform.claude.com/docs/en/build-with-claude/thinking, as of November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

# Kinds of thinking. `adaptive`: the model decides how much. `enabled`: up to a budget of tokens.
ADAPTIVE: Final = "adaptive"
BUDGET: Final = "enabled"
# Fields that a request can do without, and by which words a refusal names them.
METADATA: Final = "metadata"
CACHE: Final = "cache_control"
EAGER: Final = "eager_input_streaming"
DISPLAY: Final = "display"
EFFORT: Final = "output_config"
TEMPERATURE: Final = "temperature"
_SPARE: Final = {
    EAGER: re.compile("eager_input_streaming"),
    CACHE: re.compile("cache_control"),
    METADATA: re.compile(r"metadata|user_id"),
    DISPLAY: re.compile(r"\bdisplay\b"),
    TEMPERATURE: re.compile(r"\btemperature\b"),
    EFFORT: re.compile(r"\boutput_config\b|\beffort\b"),
}
# Also left out after a refusal without a word.
_VAGUE: Final = frozenset((EAGER, CACHE, METADATA))
_THINKING: Final = re.compile(r"(?i)\bthinking\b")
_OLD_THOUGHT: Final = re.compile(r"(?i)\bmessages\.\d+\.content\b.*(?:thinking|signature)")
_PREFILL: Final = re.compile(r"(?i)prefill|must end with a user message")
_MOST: Final = re.compile(r"max_tokens: \d+ > (\d{1,9})\b")
# The input, what was wanted of the answer, the window.
_OVERFLOW: Final = re.compile(r"max_tokens.{0,60}exceed.{0,60}?\b(\d{1,9}) \+ \d+ > (\d{1,9})\b")
# An answer shorter than this is not worth it: the conversation is too long.
_LEAST_ROOM: Final = 1024


@dataclass(frozen=True, slots=True)
class Dialect:
    """usual_tokens: the `max_tokens` of a request that sets none; the API insists on one. most_tokens: its limit.
    room: what this conversation leaves of the model's window.

    thinking: the kind that the model takes, empty for none. thinks: whether it does so if nothing is said. off: the
    kind that turns it off, empty if leaving it out does; always_thinks: nothing does. keeps_thoughts: whether thoughts
    go back. without: fields that it does not take. refused: kinds of thinking that it has refused.
    """

    usual_tokens: int
    most_tokens: int | None = None
    room: int | None = None
    thinking: str = ADAPTIVE
    thinks: bool = False
    off: str = ""
    always_thinks: bool = False
    takes_prefill: bool = False
    keeps_thoughts: bool = True
    without: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()

    def takes(self, field: str) -> bool:
        return field not in self.without

    def limited(self, tokens: int | None) -> int:
        """The `max_tokens` for a request that wants so many."""
        limits = (tokens or self.usual_tokens, self.most_tokens, self.room)
        return min(limit for limit in limits if limit is not None)

    def adapted(self, fields: Mapping[str, Any], words: str) -> Dialect | None:
        """What the model seems to accept instead of these fields, which it refused with these words.

        None if it was refused for another reason. Each step takes something away, so they come to an end.
        """
        if not words:
            return self._without(frozenset(field for field in _VAGUE if self.takes(field)))
        if _OLD_THOUGHT.search(words):
            return replace(self, keeps_thoughts=False) if self.keeps_thoughts else None
        for field, pattern in _SPARE.items():
            if self.takes(field) and is_in(fields, field) and pattern.search(words):
                return self._without(frozenset((field,)))
        if self.takes_prefill and _PREFILL.search(words):
            return replace(self, takes_prefill=False)
        if (most := _MOST.search(words)) and 0 < int(most[1]) < fields["max_tokens"]:
            return replace(self, most_tokens=int(most[1]))
        return self._thinking_otherwise(fields) if "thinking" in fields and _THINKING.search(words) else None

    def shortened(self, words: str) -> Dialect | None:
        """With only as much of an answer as fits, if the server says so; None if the conversation is too long."""
        found = _OVERFLOW.search(words)
        room = int(found[2]) - int(found[1]) if found else 0
        return replace(self, room=room) if self.room is None and room >= _LEAST_ROOM else None

    def for_others(self) -> Dialect:
        """What of this holds for other conversations with the model."""
        return replace(self, keeps_thoughts=True, room=None)

    def _without(self, fields: frozenset[str]) -> Dialect | None:
        return replace(self, without=self.without | fields) if fields else None

    def _thinking_otherwise(self, fields: Mapping[str, Any]) -> Dialect:
        kind = fields["thinking"]["type"]
        if kind not in (ADAPTIVE, BUDGET):
            return replace(self, off="", always_thinks=self.thinks)
        refused = self.refused | {kind}
        left = next((each for each in (ADAPTIVE, BUDGET) if each not in refused), "")
        return replace(self, thinking=left, refused=refused)


def is_in(fields: Mapping[str, Any], field: str) -> bool:
    """Whether the request has this field, at its root or deeper."""
    if field == EAGER:
        return any(field in tool for tool in fields.get("tools", ()))
    if field == DISPLAY:
        return field in fields.get("thinking", ())
    # Nearly every request has it somewhere.
    return field == CACHE or field in fields


def dialect_of(model: str) -> Dialect:
    """Judging by its name, which others decorate: `anthropic.claude-opus-4-7-v1:0`, `anthropic/claude-opus-4.7`."""
    name = model.lower()
    if "claude" not in name:
        return _FOREIGN
    line = next((each for each in ("opus", "sonnet", "haiku", "fable", "mythos") if each in name), "")
    found = _VERSION.search(name)
    version = (int(found[1]), int(found[2] or 0)) if found else (5, 0)
    return _claude(line, version)


# A date is no version.
_VERSION: Final = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
_NO_TEMPERATURE: Final = frozenset((TEMPERATURE,))
# Models of others behind the same API know the older kind of thinking, if any.
_FOREIGN: Final = Dialect(8_192, thinking=BUDGET)


def _claude(line: str, version: tuple[int, int]) -> Dialect:
    if line in ("fable", "mythos") or (line == "opus" and version >= (5, 5)):
        return Dialect(64_000, thinks=True, always_thinks=True, without=_NO_TEMPERATURE)
    if version >= (5, 0):
        off = "between_tools" if line == "sonnet" and version >= (5, 5) else "disabled"
        return Dialect(64_000, thinks=True, off=off, without=_NO_TEMPERATURE)
    if version >= (4, 6):
        return Dialect(64_000, without=_NO_TEMPERATURE if version >= (4, 7) else frozenset())
    if version >= (3, 7):
        is_short = line == "opus" and version < (4, 5)
        return Dialect(32_000 if is_short else 64_000, thinking=BUDGET, takes_prefill=True)
    return Dialect(8_192 if version >= (3, 5) else 4_096, thinking="", takes_prefill=True)
