"""Calls and pauses over HTTP: the output of one answer is the input of the next request."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from chat.providers.anthropic.provider import AnthropicProvider
from chat.providers.base import (
    Delta,
    Finish,
    Message,
    ModelOutput,
    OutputItems,
    Prompt,
    ProviderError,
    Request,
    Tool,
    ToolDelta,
    ToolResult,
    ToolUse,
    UsageDelta,
)
from tests.fake_anthropic import FakeAnthropic
from tests.fake_anthropic.stage import MessageStage
from tests.providers.contract import ToolContract, answer, ask, text_of


class TestContract(ToolContract):
    @pytest.fixture
    def provider(self, connect: Callable[..., AnthropicProvider], server: FakeAnthropic) -> AnthropicProvider:
        self.server = server
        return connect()

    def calling(self, *calls: tuple[str, str], text: str = "", is_stubborn: bool = False) -> str:
        async def script(stage: MessageStage) -> None:
            if results := results_of(stage.exchange.body["messages"]):
                await stage.say("\n".join(results))
                await stage.finish()
                return
            await stage.think("Hm.")
            if text:
                await stage.say(text)
            may_call = is_stubborn or stage.exchange.body.get("tool_choice") != {"type": "none"}
            for name, arguments in calls if may_call else ():
                size = max(3, len(arguments) // 200)
                await stage.call(name, *(arguments[at : at + size] for at in range(0, len(arguments), size)))
            await stage.finish("tool_use" if may_call else "end_turn")

        self.server.script = script
        return "Call!"


def results_of(messages: list[dict[str, Any]]) -> list[str]:
    """The results of the last calls. Raises AssertionError unless results match the calls before them, in order."""
    found: list[str] = []
    for said, told in pairwise(messages):
        called = [block["id"] for block in said["content"] if block["type"] == "tool_use"]
        results = [block for block in told["content"] if block["type"] == "tool_result"]
        assert [block["tool_use_id"] for block in results] == called
        found = [block["content"] for block in results]
    return found


LOOK = Tool("look", "Looks.", {"type": "object"})


def one(deltas: list[Delta], kind: type[Any]) -> Any:
    (found,) = [delta for delta in deltas if isinstance(delta, kind)]
    return found


async def test_a_call_and_its_result_go_back_under_an_id_of_ours(
    provider: AnthropicProvider, server: FakeAnthropic
) -> None:
    async def script(stage: MessageStage) -> None:
        if len(server.journal.exchanges) == 1:
            await stage.think("The person wants a look.")
            await stage.say("Let me look.")
            await stage.call("look", '{"pa', 'th": "/"}')
            await stage.finish("tool_use")
        else:
            await stage.say("There is nothing.")
            await stage.finish()

    server.script = script
    messages: tuple[Message, ...] = (Prompt("user", "Look!"),)
    deltas = await answer(provider, Request("claude-opus-5", messages, tools=(LOOK,)))
    call = one(deltas, ToolUse)
    output = ModelOutput(text_of(deltas), (call,), one(deltas, OutputItems).items)
    result = ToolResult(call.call_id, call.name, "empty")

    await answer(provider, Request("claude-opus-5", (*messages, output, result), tools=(LOOK,)))

    assert deltas[-1] == Finish("tool_calls")
    assert any(isinstance(delta, ToolDelta) for delta in deltas)
    _, said, told = server.journal.exchanges[1].body["messages"]
    assert said["content"] == [
        {"type": "thinking", "thinking": "The person wants a look.", "signature": "signed-0"},
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": call.call_id, "name": "look", "input": {"path": "/"}},
    ]
    assert told["content"][0]["type"] == "tool_result"
    assert told["content"][0]["tool_use_id"] == call.call_id
    assert "toolu_1" not in str(server.journal.exchanges[1].body)


async def test_it_continues_automatically_after_a_pause(provider: AnthropicProvider, server: FakeAnthropic) -> None:
    async def script(stage: MessageStage) -> None:
        await stage.begin(input_tokens=10)
        if len(server.journal.exchanges) == 1:
            await stage.say("Let me search. ")
            await stage.start({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}})
            await stage.delta({"type": "input_json_delta", "partial_json": '{"query": "a"}'})
            await stage.finish("pause_turn")
        else:
            await stage.say("Found.")
            await stage.finish()

    server.script = script
    deltas = await answer(provider, ask("hi", model="claude-opus-5"))

    assert text_of(deltas) == "Let me search. Found."
    assert sum(isinstance(delta, Finish) for delta in deltas) == 1
    usage = [delta for delta in deltas if isinstance(delta, UsageDelta)]
    assert usage[-1] == UsageDelta(20, 2)
    first, second = (exchange.body["messages"] for exchange in server.journal.exchanges)
    called = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "a"}}
    assert second[:-1] == first
    assert second[-1] == {"role": "assistant", "content": [{"type": "text", "text": "Let me search. "}, called]}
    assert [item["type"] for item in one(deltas, OutputItems).items] == ["text", "server_tool_use", "text"]


@pytest.mark.parametrize("model", ["claude-sonnet-4-6", "claude-next"])
async def test_refused_fields_are_left_out_and_remembered_per_model(
    provider: AnthropicProvider, server: FakeAnthropic, model: str
) -> None:
    server.rule = lambda body: (
        "metadata: Extra inputs are not permitted"
        if "metadata" in body
        else "system.0.cache_control: Extra inputs are not permitted"
        if "cache_control" in str(body)
        else ""
    )

    for _ in range(2):
        assert (await answer(provider, ask("hi", model=model, user="a")))[-1] == Finish("stop")

    assert ["metadata" in exchange.body for exchange in server.journal.exchanges] == [True, False, False, False]
    assert ["cache_control" in str(exchange.body) for exchange in server.journal.exchanges] == [
        True,
        True,
        False,
        False,
    ]
    await answer(provider, ask("hi", model="another", user="a"))
    assert "metadata" in server.journal.exchanges[4].body


async def test_a_refused_thought_is_sent_again_in_other_conversations(
    provider: AnthropicProvider, server: FakeAnthropic
) -> None:
    def conversation(signature: str) -> Request:
        items = ({"type": "thinking", "thinking": "Hm.", "signature": signature}, {"type": "text", "text": "Yes."})
        messages = (Prompt("user", "a"), ModelOutput("Yes.", (), items), Prompt("user", "b"))
        return Request("claude-opus-5", messages)

    server.rule = lambda body: (
        "messages.1.content.0: Invalid `signature` in `thinking` block" if "forged" in str(body) else ""
    )

    await answer(provider, conversation("forged"))
    await answer(provider, conversation("good"))

    assert len(server.journal.exchanges) == 3
    assert "Hm." not in str(server.journal.exchanges[1].body)
    assert "good" in str(server.journal.exchanges[2].body)


OVERFLOW = (
    "input length and `max_tokens` exceed context limit: {} + {} > 200000, decrease input length or `max_tokens` and "
    "try again"
)


async def test_an_answer_takes_the_room_that_the_conversation_leaves(
    provider: AnthropicProvider, server: FakeAnthropic
) -> None:
    server.rule = lambda body: (
        OVERFLOW.format(150_000, body["max_tokens"])
        if body["max_tokens"] > 50_000 and "long" in str(body["messages"])
        else ""
    )

    await answer(provider, ask("long", model="claude-sonnet-4-5"))
    await answer(provider, ask("short", model="claude-sonnet-4-5"))

    assert [each.body["max_tokens"] for each in server.journal.exchanges] == [64_000, 50_000, 64_000]


@pytest.mark.parametrize(
    "words", [OVERFLOW.format(199_999, 64_000), "prompt is too long: 210000 tokens > 200000 maximum"]
)
async def test_an_overlong_conversation_is_not_retried(
    provider: AnthropicProvider, server: FakeAnthropic, words: str
) -> None:
    server.rule = lambda body: words

    with pytest.raises(ProviderError, match="too long for this model") as raised:
        await answer(provider, ask("hi", model="claude-opus-5", user="a"))

    assert not raised.value.retryable
    assert len(server.journal.exchanges) == 1
