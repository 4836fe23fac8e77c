"""How an upstream says that its answer has ended, as one of ours: only an ending that is known to be good is one.

Servers have many names for the same ending: `length`, `MAX_TOKENS`, `model_length`; `content_filter`, `SAFETY`,
`content_filter: violence`. What stands for a failure, and what nobody here has heard of, is a Failed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from chat.providers.base import FinishReason

_STOP: Final = frozenset(
    [
        "stop",
        "eos",
        "eostoken",
        "end",
        "endturn",
        "endofturn",
        "endoftext",
        "stopsequence",
        "stopsequences",
        "stopword",
        "stoptoken",
        "stopped",
        "complete",
        "completed",
        "done",
        "finish",
        "finished",
        "normal",
        "success",
        "natural",
    ]
)
_LENGTH: Final = frozenset(
    [
        "length",
        "maxlength",
        "modellength",
        "maxtokens",
        "maxtokensreached",
        "maxnewtokens",
        "maxoutputtokens",
        "maxcompletiontokens",
        "tokenlimit",
        "tokenlimitreached",
        "contextlength",
        "contextlengthexceeded",
        "contextwindowexceeded",
        "modelcontextwindowexceeded",
        "limit",
        "truncated",
    ]
)
_FILTER: Final = frozenset(
    [
        "contentfilter",
        "contentfiltered",
        "contentfiltering",
        "contentmoderation",
        "contentpolicyviolation",
        "moderation",
        "safety",
        "imagesafety",
        "sensitive",
        "recitation",
        "blocklist",
        "prohibitedcontent",
        "spii",
        "refusal",
        "blocked",
        "guardrail",
        "guardrails",
        "guardrailintervened",
        "errortoxic",
    ]
)
_TOOL: Final = frozenset(["toolcall", "toolcalls", "tooluse", "functioncall", "functioncalls", "unexpectedtoolcall"])
# What is written where there is no reason yet.
_NONE: Final = frozenset(("", "null", "none", "nil", "undefined", "unspecified"))
_NAMES: Final = ("type", "reason", "finish_reason", "name", "value")
_SEPARATOR: Final = re.compile(r"[\s_-]")
_PREFIX: Final = re.compile(r"(?i)\A\s*finish_?reason[._]")
_SHOWN_CHARACTERS: Final = 40


@dataclass(frozen=True, slots=True)
class Failed:
    """An ending that is no answer's. `name`: what the server calls it. `is_call`: it waits for a tool's result."""

    name: str
    is_call: bool = False


Ending = FinishReason | Failed


def ending_of(reason: object) -> Ending | None:
    """What this finish reason means; None where it is none. An object may hold it; nothing else may."""
    if isinstance(reason, dict):
        reason = next((reason[name] for name in _NAMES if isinstance(reason.get(name), str)), "an object")
    if reason is None:
        return None
    if not isinstance(reason, str):
        return Failed("")
    return _named(reason)


def worse(one: Ending | None, other: Ending | None) -> Ending | None:
    """Which of two endings an answer has whose server gave both."""
    return max(one, other, key=_badness)


def _named(reason: str) -> Ending | None:
    plain = _PREFIX.sub("", reason).strip()
    if plain.lower() in _NONE:
        return None
    # What follows the word is a reason for the reason: "content_filter: violence".
    key = _SEPARATOR.sub("", re.split(r"[^A-Za-z_\s-]", plain, maxsplit=1)[0]).lower()
    if key in _STOP:
        return "stop"
    if key in _LENGTH:
        return "length"
    if key in _FILTER or key.startswith("contentfilter"):
        return "content_filter"
    return Failed(plain[:_SHOWN_CHARACTERS], is_call=key in _TOOL)


def _badness(ending: Ending | None) -> int:
    match ending:
        case None:
            return 0
        case "stop":
            return 1
        case "length":
            return 2
        case "content_filter":
            return 3
    return 4
