"""Tools through the real openai package against a real HTTP server: requests, replay, and what servers refuse."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

import pytest

from chat.providers.base import (
    Finish,
    ModelOutput,
    Prompt,
    ProviderError,
    Request,
    StatusDelta,
    TimedOut,
    Tool,
    ToolDelta,
    ToolResult,
    ToolUse,
)
from chat.providers.openai.chat import OpenAIProvider
from tests.fake_openai import FakeOpenAI, turns
from tests.providers.contract import SEARCH, WEATHER, ToolContract, answer, calls_of, text_of

Connect = Callable[..., OpenAIProvider]


class TestContract(ToolContract):
    @pytest.fixture
    def provider(self, connect: Connect) -> OpenAIProvider:
        return connect()

    def calling(self, *calls: tuple[str, str], text: str = "", is_stubborn: bool = False) -> str:
        said = [{"reasoning_content": "Hm."}, *([{"content": text}] if text else [])]
        if is_stubborn:
            said.append({"stubborn": True})
        return turns.prompt([*said, *turns.calls(*calls)], [{"results": True}])


@pytest.fixture
def provider(connect: Connect) -> OpenAIProvider:
    return connect()


def ask(text: str, *more: object, tools: tuple[Tool, ...] = (SEARCH, WEATHER), **options: object) -> Request:
    return Request("fake-small", (Prompt("user", text), *more), tools=tools, **options)  # type: ignore[arg-type]


def names_of(server: FakeOpenAI) -> list[list[str]]:
    """The tools in each request."""
    return [[tool["function"]["name"] for tool in each.body.get("tools", [])] for each in server.journal.exchanges]


async def test_it_sends_the_tools_as_given(provider: OpenAIProvider, server: FakeOpenAI) -> None:
    await answer(provider, ask("hello", effort="low"))
    await answer(provider, ask("hello", tools_are_off=True))

    first, second = (exchange.body for exchange in server.journal.exchanges)
    assert first["tools"] == [
        {
            "type": "function",
            "function": {"name": each.name, "description": each.description, "parameters": each.parameters},
        }
        for each in (SEARCH, WEATHER)
    ]
    assert first["reasoning_effort"] == "low"
    assert "tool_choice" not in first
    assert second["tools"] == first["tools"]
    assert second["tool_choice"] == "none"
    assert "reasoning_effort" not in second


CALL = ToolUse("c12345678", "search", '{"q":"x"}')
RESULT = ToolResult("c12345678", "search", "Found.")


async def test_model_output_is_sent_back_unchanged(provider: OpenAIProvider, server: FakeOpenAI) -> None:
    item = {
        "role": "assistant",
        "content": None,
        "reasoning": "Hm.",
        "tool_calls": [{"id": CALL.call_id, "x": {"y": 1}}],
    }

    await answer(provider, ask("hello", ModelOutput("", (CALL,), (item,)), RESULT))

    assert server.journal.exchanges[0].body["messages"][1:] == [
        item,
        {"role": "tool", "tool_call_id": "c12345678", "content": "Found."},
    ]


@pytest.mark.parametrize("effort", ["none", "high"])
@pytest.mark.parametrize(
    "message",
    ["Unrecognized~request~argument~supplied:~reasoning_effort", "~llama3~does~not~support~thinking"],
)
async def test_a_refused_effort_is_dropped_and_remembered(
    provider: OpenAIProvider, server: FakeOpenAI, effort: str, message: str
) -> None:
    text = f'/picky has="reasoning_effort":"{effort}" message={message}'
    for each in (effort, effort, "low"):
        await answer(provider, ask(text, user="alice", effort=each))

    sent = [exchange.body.get("reasoning_effort") for exchange in server.journal.exchanges]
    assert sent == [effort, None, None, "low"]
    assert all("user" in exchange.body for exchange in server.journal.exchanges)


async def test_an_unsupported_tool_choice_does_not_drop_the_tools(
    provider: OpenAIProvider, server: FakeOpenAI
) -> None:
    for _ in range(2):
        text = '/picky has="tool_choice" message=tool_choice~is~not~supported~by~this~model'
        await answer(provider, ask(text, tools_are_off=True))

    assert names_of(server) == [["search", "weather"]] * 3
    assert ["tool_choice" in exchange.body for exchange in server.journal.exchanges] == [True, False, False]


NO_TOOLS = StatusDelta("The model server rejected the tools, so the model answers without them.", "generating")


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "registry.ollama.ai/library/gemma:2b~does~not~support~tools"),
        (400, '"auto"~tool~choice~requires~--enable-auto-tool-choice~and~--tool-call-parser~to~be~set'),
        (404, "No~endpoints~found~that~support~tool~use.~Try~disabling~search."),
        (500, "tools~param~requires~--jinja~flag"),
        (400, "`tool~calling`~is~not~supported~with~this~model"),
        (400, "deepseek-reasoner~does~not~support~Function~Calling"),
        (422, "body.tools:~Extra~inputs~are~not~permitted"),
        (400, "Unrecognized~request~argument~supplied:~tools"),
    ],
)
async def test_a_model_without_tool_support_answers_with_a_notice(
    provider: OpenAIProvider, server: FakeOpenAI, status: int, message: str
) -> None:
    text = f'/picky has="tools": status={status} message={message}'
    for _ in range(2):
        deltas = await answer(provider, ask(text, user="alice"))
        assert deltas[0] == NO_TOOLS
        assert deltas[-1] == Finish("stop")

    assert [bool(names) for names in names_of(server)] == [True, False, False]
    assert all(exchange.body["user"] == "alice" for exchange in server.journal.exchanges)


async def test_a_model_without_tool_support_gets_earlier_calls_as_text(
    provider: OpenAIProvider, server: FakeOpenAI
) -> None:
    output = ModelOutput("Let me look.", (CALL, ToolUse("c2", "weather", "")))
    results = (RESULT, ToolResult("c2", "weather", "Sun."))
    text = '/picky has="tools": message=x~does~not~support~tools'

    await answer(provider, ask(text, output, *results, Prompt("assistant", "So."), Prompt("user", text)))

    assert [(message["role"], message["content"]) for message in server.journal.exchanges[-1].body["messages"]][
        1:-2
    ] == [
        (
            "assistant",
            'Let me look.\n\nI called the tool search with {"q":"x"}.\n\nI called the tool weather with {}.',
        ),
        ("user", "The tool search returned:\nFound.\n\nThe tool weather returned:\nSun."),
    ]


@pytest.mark.parametrize(
    "message",
    [
        "Invalid~schema~for~function~'weather':~In~context=(),~array~schema~missing~items",
        "Invalid~'tools[1].function.parameters':~no~object",
        "tools.1.custom.input_schema:~JSON~schema~is~invalid",
        "*~GenerateContentRequest.tools[0].function_declarations[1].parameters:~should~be~non-empty",
    ],
)
async def test_one_bad_tool_does_not_affect_others(
    provider: OpenAIProvider, server: FakeOpenAI, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = f'/picky has="name":"weather" message={message}'
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            deltas = await answer(provider, ask(text))
            assert NO_TOOLS not in deltas

    assert names_of(server) == [["search", "weather"], ["search"], ["search"]]
    assert "asking without weather" in caplog.text


async def test_a_repaired_tool_is_offered_again(provider: OpenAIProvider, server: FakeOpenAI) -> None:
    text = '/picky has="name":"weather" message=Invalid~schema~for~function~\'weather\'.'
    await answer(provider, ask(text))
    mended = Tool("weather", WEATHER.description, {"type": "object", "properties": {}})
    await answer(provider, ask("hello", tools=(SEARCH, mended)))

    assert names_of(server)[-1] == ["search", "weather"]


async def test_unnamed_bad_tools_drop_all_tools_of_this_request_only(
    provider: OpenAIProvider, server: FakeOpenAI
) -> None:
    text = '/picky has="name":"weather" message=Invalid~JSON~schema~in~tools.'
    for tools in ((SEARCH, WEATHER), (SEARCH, WEATHER), (SEARCH,)):
        await answer(provider, ask(text, tools=tools))

    assert names_of(server) == [["search", "weather"], [], [], ["search"]]


async def test_many_bad_tools_drop_all_tools(provider: OpenAIProvider, server: FakeOpenAI) -> None:
    tools = tuple(Tool(f"tool{number}", "", {"type": "object"}) for number in range(20))

    deltas = await answer(provider, ask('/picky has="tools" message=Invalid~tools[0]:~schema', tools=tools))

    assert deltas[-1] == Finish("stop")
    assert [len(names) for names in names_of(server)] == [20, 19, 18, 17, 0]


async def test_a_silent_refusal_is_finally_retried_without_tools(provider: OpenAIProvider, server: FakeOpenAI) -> None:
    with pytest.raises(ProviderError):
        await answer(provider, ask("/silent-refusal"))

    assert [sorted({"stream_options", "tools"} & set(each.body)) for each in server.journal.exchanges] == [
        ["stream_options", "tools"],
        ["tools"],
        [],
    ]


@pytest.mark.parametrize(
    "message",
    [
        "An~assistant~message~with~'tool_calls'~must~be~followed~by~tool~messages~for~each~'tool_call_id'",
        "messages[2].tool_calls[0].function.arguments:~invalid~schema",
        "The~prompt~was~filtered",
        "This~model's~maximum~context~length~is~8192~tokens,~tools~included",
    ],
)
async def test_a_refusal_for_another_reason_drops_no_tools(
    provider: OpenAIProvider, server: FakeOpenAI, message: str
) -> None:
    with pytest.raises(ProviderError):
        await answer(provider, ask(f'/picky has="model" message={message}', CALLED, RESULT))

    assert len(server.journal.exchanges) == 1


WIRE_CALL = {"id": CALL.call_id, "type": "function", "function": {"name": "search", "arguments": "{}"}}
CALLED = ModelOutput(
    "",
    (CALL,),
    ({"role": "assistant", "content": None, "reasoning_content": "Hm.", "tool_calls": [WIRE_CALL]},),
)


@pytest.mark.parametrize(
    ("output", "has", "message", "sent"),
    [
        (
            CALLED,
            '"reasoning_content":',
            "'messages.2':~property~'reasoning_content'~is~unsupported",
            ["Hm.", None, None],
        ),
        (
            ModelOutput("", (CALL,)),
            '}]},{"role":"tool"',
            "thinking~is~enabled~but~reasoning_content~is~missing~in~assistant~tool~call~message~at~index~1",
            [None, " ", " "],
        ),
    ],
)
async def test_reasoning_is_sent_back_as_the_server_requires(
    provider: OpenAIProvider, server: FakeOpenAI, output: ModelOutput, has: str, message: str, sent: list[str | None]
) -> None:
    text = f"/picky has={has} message={message}"
    for _ in range(2):
        await answer(provider, ask(text, output, RESULT))

    assert [each.body["messages"][1].get("reasoning_content") for each in server.journal.exchanges] == sent


async def test_a_long_argument_does_not_time_out(connect: Connect) -> None:
    pieces = [delta for each in turns.calls(("search", '{"q":"0123456789"}')) for delta in (each, {"seconds": 0.2})]
    provider = connect(first_token_timeout=2, idle_timeout=0.5)

    deltas = await answer(provider, ask(turns.prompt(pieces)))

    assert [call.arguments for call in calls_of(deltas)] == ['{"q":"0123456789"}']
    assert sum(isinstance(delta, ToolDelta) for delta in deltas) > 2


async def test_a_stalled_call_times_out(connect: Connect) -> None:
    provider = connect(first_token_timeout=5, idle_timeout=0.2)

    with pytest.raises(TimedOut):
        await answer(provider, ask(turns.prompt([*turns.calls(("search", '{"q":')), {"seconds": 60}])))


async def test_the_beginning_of_a_request_stays_the_same(provider: OpenAIProvider, server: FakeOpenAI) -> None:
    first = await answer(provider, ask(turns.prompt(turns.calls(("search", "{}")), [{"content": "hi"}])))
    output = ModelOutput(text_of(first), calls_of(first))
    text = server.journal.exchanges[0].prompt
    await answer(provider, ask(text, output, ToolResult(output.calls[0].call_id, "search", "x")))

    before, after = (json.dumps(exchange.body["messages"]) for exchange in server.journal.exchanges)
    assert after.startswith(before[:-1])
