"""Shows what tools look like: the demo calls the builtin ones that it was offered, and quotes what they returned."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from chat.providers.base import Message, Request, ToolResult, ToolUse

ASK: Final = "ask_person"
# By topic: name and arguments, in the order in which they are called: at once.
_CALLS: Final[dict[str, tuple[tuple[str, dict[str, Any]], ...]]] = {
    "tools": (
        ("current_time", {}),
        ("calculator", {"expression": "6 * 7"}),
        ("search_conversations", {"words": "demo"}),
    ),
    "ask": (
        (ASK, {"question": "What would you like to see?", "choices": ["A table", "Some code", "A list of tasks"]}),
    ),
}
NONE_OFFERED: Final = (
    "I have no tools here. If the wrench below your message is crossed out, they are switched off for this "
    "conversation. An administrator can switch some on for this assistant: in the administration, under *Assistants*."
    "\n\nWith tools, a model can look something up or calculate while it answers."
)
BEFORE: Final = {
    "tools": "I have tools here, so I do not have to guess. I call them all at once:\n\n",
    "ask": "That depends on you:\n\n",
}


def calls(topic: str, request: Request) -> tuple[ToolUse, ...]:
    """The calls of a new question; none if they have been made, or nothing that the demo knows was offered."""
    if request.tools_are_off or results(request.messages):
        return ()
    offered = {tool.name for tool in request.tools}
    known = [(name, arguments) for name, arguments in _CALLS.get(topic, ()) if name in offered]
    # The same request always gets the same answer, ids included.
    place = len(request.messages) % 10_000
    return tuple(
        ToolUse(f"c{place:04}{number:04}", name, json.dumps(arguments))
        for number, (name, arguments) in enumerate(known)
    )


def results(messages: Iterable[Message]) -> list[ToolResult]:
    """The results that the request ends with."""
    found: list[ToolResult] = []
    for message in messages:
        found = [*found, message] if isinstance(message, ToolResult) else []
    return found


def report(found: Iterable[ToolResult]) -> str:
    """An answer that quotes the results."""
    lines = ["This is what they returned:", ""]
    for result in found:
        said = "failed" if result.is_error else "says"
        quoted = "\n".join(f"  > {line}" for line in result.text.strip().splitlines()[:6])
        lines += [f"- `{result.name}` {said}:", "", quoted, ""]
    return "\n".join(lines).rstrip()
