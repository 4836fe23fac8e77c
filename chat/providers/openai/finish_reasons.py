"""Maps upstream finish reasons to ours. Only known good ones are accepted.

Servers have many names for the same reason: `length`, `MAX_TOKENS`, `model_length`; `content_filter`, `SAFETY`,
`content_filter: violence`. Failures and unknown reasons become Failed.
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
# Placeholders for no reason yet.
_NONE: Final = frozenset(("", "null", "none", "nil", "undefined", "unspecified"))
_NAMES: Final = ("type", "reason", "finish_reason", "name", "value")
_SEPARATOR: Final = re.compile(r"[\s_-]")
_PREFIX: Final = re.compile(r"(?i)\A\s*finish_?reason[._]")
_SHOWN_CHARACTERS: Final = 40


@dataclass(frozen=True, slots=True)
class Failed:
    """An ending without a complete answer. `name`: the server's name for it."""

    name: str


Ending = FinishReason | Failed


def ending_of(reason: object) -> Ending | None:
    """The ending for this finish reason; None if there is none. It may also be inside an object."""
    if isinstance(reason, dict):
        reason = next((reason[name] for name in _NAMES if isinstance(reason.get(name), str)), "an object")
    if reason is None:
        return None
    if not isinstance(reason, str):
        return Failed("")
    return _named(reason)


def worse(one: Ending | None, other: Ending | None) -> Ending | None:
    """The worse of two endings, for a server that sends both."""
    return max(one, other, key=_badness)


def _named(reason: str) -> Ending | None:
    plain = _PREFIX.sub("", reason).strip()
    if plain.lower() in _NONE:
        return None
    # The rest is only a detail: "content_filter: violence".
    key = _SEPARATOR.sub("", re.split(r"[^A-Za-z_\s-]", plain, maxsplit=1)[0]).lower()
    if key in _STOP:
        return "stop"
    if key in _LENGTH:
        return "length"
    if key in _FILTER or key.startswith("contentfilter"):
        return "content_filter"
    if key in _TOOL:
        return "tool_calls"
    return Failed(plain[:_SHOWN_CHARACTERS])


def _badness(ending: Ending | None) -> int:
    match ending:
        case None:
            return 0
        case "stop":
            return 1
        case "tool_calls":
            return 2
        case "length":
            return 3
        case "content_filter":
            return 4
    return 5
