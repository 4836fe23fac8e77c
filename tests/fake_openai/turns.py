"""Answers written out in a test: one for each request of a conversation.

    text = turns.prompt([turns.calls(("search", '{"q":"x"}'))], [{"content": "Found."}])

A message with this text gets the first answer; the next request, with the results of its calls, gets the second, and
so on. The number of assistant messages after the text selects the answer, so a repeated request gets the same one. The
last one is repeated for all further requests. An answer is a list of deltas, each sent as one chunk:

- `{"content": "…"}`, `{"reasoning_content": "…"}`, `{"tool_calls": […]}`: as in the API.
- `{"finish_reason": "length"}`: how the answer ends. Without it: with `tool_calls` if it has calls, else with `stop`.
- `{"results": true}`: sends the results that the request contains, one per line.
- `{"hold": true}`: waits for POST /release. `{"seconds": 0.2}`: waits this long.
- `{"raw": {…}}`: sends this instead of a chunk. `{"cut": true}`: cuts the connection.
- `{"stubborn": true}`: makes calls even with `tool_choice: none`. Otherwise it omits them, as a good model would.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

from tests.fake_openai.stage import Stage

Delta = dict[str, Any]
_PIECE_CHARACTERS = 3
_MOST_PIECES = 200


def prompt(*answers: list[Delta]) -> str:
    """The text of a message that gets these answers."""
    return f"/turns:{base64.b64encode(json.dumps(answers).encode()).decode()}"


def calls(*each: tuple[str, str], pieces: int = _PIECE_CHARACTERS) -> list[Delta]:
    """Deltas with these calls (name and arguments), as OpenAI streams them. Long arguments come in larger pieces."""
    return [delta for index, (name, arguments) in enumerate(each) for delta in _call(index, name, arguments, pieces)]


def _call(index: int, name: str, arguments: str, pieces: int) -> Iterator[Delta]:
    begun = {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": ""}}
    yield {"tool_calls": [begun]}
    pieces = max(pieces, len(arguments) // _MOST_PIECES)
    for at in range(0, len(arguments), pieces):
        yield {"tool_calls": [{"index": index, "function": {"arguments": arguments[at : at + pieces]}}]}


async def play(stage: Stage, encoded: str) -> None:
    answers: list[list[Delta]] = json.loads(base64.b64decode(encoded))
    answer = answers[min(_steps(stage), len(answers) - 1)]
    is_stubborn = any("stubborn" in delta for delta in answer)
    are_off = stage.exchange.body.get("tool_choice") == "none" and not is_stubborn
    reason = "stop"
    for delta in answer:
        if "tool_calls" in delta:
            if are_off:
                continue
            reason = "tool_calls"
        if "finish_reason" in delta:
            reason = delta["finish_reason"]
        elif "cut" in delta:
            await stage.reset()
            return
        elif "stubborn" not in delta:
            await _play(stage, delta)
    await stage.finish(reason)


async def _play(stage: Stage, delta: Delta) -> None:
    if "hold" in delta:
        await stage.hold()
    elif "seconds" in delta:
        await asyncio.sleep(delta["seconds"])
    elif "raw" in delta:
        await stage.data(delta["raw"])
    elif "results" in delta:
        await stage.say("\n".join(results(stage.messages)))
    elif set(delta) == {"content"}:
        await stage.say(delta["content"])
    else:
        await stage.chunk(delta)


def results(messages: list[dict[str, Any]]) -> list[str]:
    """The results in a conversation. Raises AssertionError if they do not match the calls before them, in order."""
    wanted: list[str] = []
    found = []
    for message in messages:
        if message["role"] == "tool":
            assert wanted, "a result without a call"
            assert message["tool_call_id"] == wanted.pop(0), "results in another order"
            found.append(message["content"])
        else:
            assert not wanted, "a call without a result"
            called = message.get("tool_calls") or ()
            wanted = [call["id"] for call in called]
            assert all(isinstance(json.loads(call["function"]["arguments"]), dict) for call in called)
    return found


def _steps(stage: Stage) -> int:
    """The number of assistant messages since the last user message."""
    roles = [message["role"] for message in stage.messages]
    return roles[len(roles) - 1 - roles[::-1].index("user") :].count("assistant")
