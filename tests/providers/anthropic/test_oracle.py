"""Our reader and the official package give the same result for the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.providers.base import Finish, ToolUse, UsageDelta
from tests.fake_anthropic.stage import event
from tests.providers.anthropic.streams import bytewise, cut, read, stream
from tests.providers.contract import text_of

if TYPE_CHECKING:
    from anthropic.types import Message

FINISHES = {"end_turn": "stop", "stop_sequence": "stop", "tool_use": "stop", "max_tokens": "length"}
FINISHES |= {"model_context_window_exceeded": "length", "refusal": "refusal"}


class Oracle:
    """The official client, with a mock server that sends the bytes it is given."""

    def __init__(self) -> None:
        # Imported here because it takes seconds, and not every process that collects these tests runs them.
        import anthropic

        self._sent = b""
        transport = httpx2.MockTransport(self._respond)
        self._http = httpx2.Client(transport=transport)
        self._client = anthropic.Anthropic(api_key="x", base_url="http://127.0.0.1", http_client=self._http)

    def read(self, sent: bytes) -> Message:
        self._sent = sent
        with self._client.messages.stream(
            model="m", max_tokens=1, messages=[{"role": "user", "content": "x"}]
        ) as them:
            return them.get_final_message()

    def close(self) -> None:
        self._http.close()

    def _respond(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=self._sent)


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    found = Oracle()
    yield found
    found.close()


def blocks_of(message: Message) -> list[dict[str, Any]]:
    """Its blocks as they would be sent back, without blank texts and without the ids of calls to our tools."""
    blocks = [block.to_dict(mode="json") for block in message.content]
    kept = [block for block in blocks if block["type"] != "text" or str(block["text"]).strip()]
    return [without_id(block) for block in kept]


def without_id(block: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if block["type"] != "tool_use" or name != "id"}


def usage_of(message: Message) -> UsageDelta:
    counted = message.usage
    cached, written = counted.cache_read_input_tokens or 0, counted.cache_creation_input_tokens or 0
    details = counted.output_tokens_details
    thought = details.thinking_tokens if details else 0
    return UsageDelta(counted.input_tokens + cached + written, counted.output_tokens, cached, thought)


def compare(oracle: Oracle, sent: bytes, pieces: list[bytes]) -> None:
    theirs = oracle.read(sent)
    deltas, reader = read(pieces)

    assert reader.failure is None
    assert text_of(deltas) == "".join(block.text for block in theirs.content if block.type == "text")
    usage = [delta for delta in deltas if isinstance(delta, UsageDelta)]
    assert (usage[-1] if usage else UsageDelta(0, 0)) == usage_of(theirs)
    calls = [(block.name, block.input) for block in theirs.content if block.type == "tool_use"]
    reason = str(theirs.stop_reason)
    if FINISHES.get(reason, "stop") == "stop":
        assert [without_id(item) for item in reader.items] == blocks_of(theirs)
        ours = [delta for delta in deltas if isinstance(delta, ToolUse)]
        assert [call.call_id for call in ours] == [item["id"] for item in reader.items if item["type"] == "tool_use"]
        assert [(item["name"], item["input"]) for item in reader.items if item["type"] == "tool_use"] == calls
        assert [call.name for call in ours] == [name for name, _ in calls]
        assert all(call.has_object for call in ours)
    if reason == "pause_turn" and not calls:
        assert reader.is_paused
    else:
        goes_on = calls and FINISHES.get(reason, "stop") == "stop"
        assert deltas[-1] == Finish("tool_calls" if goes_on else FINISHES[reason])  # type: ignore[arg-type]


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_message_split_anywhere(oracle: Oracle, data: st.DataObject) -> None:
    sent = data.draw(stream())
    compare(oracle, sent, data.draw(cut(sent)))


@given(stream())
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_message_split_at_every_byte(oracle: Oracle, sent: bytes) -> None:
    compare(oracle, sent, list(bytewise(sent)))


def test_the_oracle_can_tell_them_apart(oracle: Oracle) -> None:
    """Control: the comparison fails if the bytes differ."""
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": []}
    message |= {"stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
    end = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 3})
    sent = event("message_start", message=message) + end + event("message_stop")

    compare(oracle, sent, [sent])
    with pytest.raises(AssertionError):
        compare(oracle, sent, [sent.replace(b'"output_tokens": 3', b'"output_tokens": 2')])
    with pytest.raises(AssertionError):
        compare(oracle, sent, [sent.replace(b"end_turn", b"max_tokens")])
