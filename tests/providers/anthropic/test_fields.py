"""The request body, as each model family accepts it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chat.providers.anthropic.dialect import Dialect, dialect_of
from chat.providers.anthropic.fields import fields_of
from chat.providers.base import GO_ON, Effort, ModelOutput, Prompt, Request, Tool, ToolResult, ToolUse

CACHED = {"type": "ephemeral"}
LOOK = Tool("look", "Looks.", {"type": "object", "properties": {"path": {"type": "string"}}})
NOW = Tool("now", "", {"type": "object"})
CALLED = (
    ModelOutput("", (ToolUse("c1", "look", "{}"),)),
    ToolResult("c1", "look", "bin etc"),
)


def asked(model: str, *more: Any, **options: Any) -> Request:
    return Request(model, (Prompt("system", "Be brief."), Prompt("user", "Hi"), *more), **options)


def fields(model: str, *more: Any, **options: Any) -> dict[str, Any]:
    return fields_of(asked(model, *more, **options), dialect_of(model))


def test_it_sends_the_requested_and_required_fields() -> None:
    assert fields("claude-sonnet-4-5", temperature=0.5, max_output_tokens=7, user="alice", tools=(LOOK, NOW)) == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 7,
        "stream": True,
        "tools": [
            {
                "name": "look",
                "description": "Looks.",
                "input_schema": LOOK.parameters,
                "eager_input_streaming": True,
            },
            {"name": "now", "input_schema": NOW.parameters, "eager_input_streaming": True},
        ],
        "system": [{"type": "text", "text": "Be brief.", "cache_control": CACHED}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": CACHED}]}],
        "temperature": 0.5,
        "metadata": {"user_id": "alice"},
    }


def test_without_a_system_prompt_the_tools_are_cached() -> None:
    found = fields_of(
        Request("claude-opus-5", (Prompt("user", "Hi"),), tools=(LOOK, NOW)), dialect_of("claude-opus-5")
    )

    assert "system" not in found
    assert [tool.get("cache_control") for tool in found["tools"]] == [None, CACHED]


def test_a_title_is_not_cached_nor_thought_about() -> None:
    found = fields("claude-opus-5", purpose="title")

    assert "cache_control" not in str(found)
    assert found["thinking"] == {"type": "disabled"}


def test_tools_that_are_off_stay_listed() -> None:
    found = fields("claude-opus-5", *CALLED, tools=(LOOK,), tools_are_off=True)

    assert found["tool_choice"] == {"type": "none"}
    assert [tool["name"] for tool in found["tools"]] == ["look"]


def test_removed_tools_of_earlier_calls_are_still_listed() -> None:
    found = fields("claude-opus-5", *CALLED)

    assert found["tool_choice"] == {"type": "none"}
    assert [tool["name"] for tool in found["tools"]] == ["look"]


ADAPTIVE = {"type": "adaptive", "display": "summarized"}
OFF = {"type": "disabled"}


@pytest.mark.parametrize(
    ("model", "default", "none", "high"),
    [
        ("claude-opus-5", ADAPTIVE, OFF, ADAPTIVE),
        ("claude-sonnet-5", ADAPTIVE, OFF, ADAPTIVE),
        ("claude-haiku-5-5", ADAPTIVE, OFF, ADAPTIVE),
        ("claude-sonnet-5-5", ADAPTIVE, {"type": "between_tools"}, ADAPTIVE),
        ("claude-opus-5-5", ADAPTIVE, ADAPTIVE, ADAPTIVE),
        ("claude-fable-5-1", ADAPTIVE, ADAPTIVE, ADAPTIVE),
        ("claude-mythos-preview", ADAPTIVE, ADAPTIVE, ADAPTIVE),
        ("claude-next", ADAPTIVE, OFF, ADAPTIVE),
        ("claude-opus-4-8", None, None, ADAPTIVE),
        ("claude-opus-4-7", None, None, ADAPTIVE),
        ("anthropic.claude-opus-4-7-v1:0", None, None, ADAPTIVE),
        ("anthropic/claude-opus-4.7", None, None, ADAPTIVE),
        ("claude-sonnet-4-6", None, None, ADAPTIVE),
        ("claude-opus-4-5-20251101", None, None, {"type": "enabled", "budget_tokens": 32_000}),
        ("claude-haiku-4-5", None, None, {"type": "enabled", "budget_tokens": 32_000}),
        ("claude-sonnet-4-20250514", None, None, {"type": "enabled", "budget_tokens": 32_000}),
        ("claude-opus-4-1-20250805", None, None, {"type": "enabled", "budget_tokens": 16_000}),
        ("claude-3-7-sonnet-20250219", None, None, {"type": "enabled", "budget_tokens": 32_000}),
        ("claude-3-5-haiku-20241022", None, None, None),
        ("claude-3-opus-20240229", None, None, None),
        ("deepseek-chat", None, None, {"type": "enabled", "budget_tokens": 4_096}),
    ],
)
def test_every_model_family_has_its_thinking_mode(model: str, default: Any, none: Any, high: Any) -> None:
    efforts: tuple[Effort, ...] = ("", "none", "high")

    assert [fields(model, effort=effort).get("thinking") for effort in efforts] == [default, none, high]


@pytest.mark.parametrize(
    ("model", "effort", "sent"),
    [
        ("claude-opus-5", "low", {"effort": "low"}),
        ("claude-opus-4-7", "medium", {"effort": "medium"}),
        ("claude-opus-5", "", None),
        ("claude-opus-5", "none", None),
        # Thinking cannot be turned off for this model.
        ("claude-fable-5", "none", {"effort": "low"}),
        ("claude-sonnet-4-5", "high", None),
    ],
)
def test_the_effort_is_sent_if_the_model_supports_it(model: str, effort: Effort, sent: Any) -> None:
    assert fields(model, effort=effort).get("output_config") == sent


@pytest.mark.parametrize(
    ("model", "effort", "given", "sent"),
    [
        ("claude-sonnet-4-5", "", 0.5, 0.5),
        ("claude-sonnet-4-5", "", 1.7, 1.0),
        ("claude-sonnet-4-5", "high", 0.5, None),
        ("claude-sonnet-4-6", "", 0.5, 0.5),
        ("claude-sonnet-4-6", "low", 0.5, None),
        ("claude-opus-4-7", "", 0.5, None),
        ("claude-opus-5", "none", 0.5, None),
        ("claude-sonnet-4-5", "", None, None),
    ],
)
def test_a_temperature_is_sent_if_the_model_accepts_it(model: str, effort: Effort, given: Any, sent: Any) -> None:
    assert fields(model, effort=effort, temperature=given).get("temperature") == sent


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-opus-5", 64_000),
        ("claude-haiku-4-5-20251001", 64_000),
        ("claude-opus-4-1", 32_000),
        ("claude-3-5-sonnet-20241022", 8_192),
        ("claude-3-haiku-20240307", 4_096),
        ("MiniMax-M2", 8_192),
    ],
)
def test_the_required_token_limit_depends_on_the_family(model: str, tokens: int) -> None:
    assert fields(model)["max_tokens"] == tokens
    assert fields(model, max_output_tokens=5)["max_tokens"] == 5


@pytest.mark.parametrize(("tokens", "budget"), [(2_047, None), (2_048, 1_024), (100_000, 50_000)])
def test_a_budget_leaves_room_for_the_answer(tokens: int, budget: int | None) -> None:
    thinking = fields("claude-sonnet-4-5", effort="high", max_output_tokens=tokens).get("thinking")

    assert thinking == (budget and {"type": "enabled", "budget_tokens": budget})


def test_a_budget_needs_the_thought_before_the_calls() -> None:
    assert "thinking" not in fields("claude-sonnet-4-5", *CALLED, tools=(LOOK,), effort="high")
    assert "thinking" in fields("claude-opus-4-7", *CALLED, tools=(LOOK,), effort="high")


@pytest.mark.parametrize(
    ("model", "begun", "options", "is_prefilled"),
    [
        ("claude-sonnet-4-5", "Once upon", {}, True),
        ("claude-3-5-haiku-latest", "Once upon", {"effort": "high"}, True),
        ("claude-sonnet-4-5", "Once upon", {"effort": "low"}, False),
        ("claude-sonnet-4-5", "Once upon ", {}, False),
        ("claude-sonnet-4-5", " \n", {}, False),
        ("claude-sonnet-4-6", "Once upon", {}, False),
        ("claude-opus-5", "Once upon", {}, False),
        ("MiniMax-M2", "Once upon", {}, False),
    ],
)
def test_an_answer_is_prefilled_if_the_model_supports_it(
    model: str, begun: str, options: dict[str, Any], is_prefilled: bool
) -> None:
    messages = fields(model, continues=begun, **options)["messages"]

    if is_prefilled:
        assert messages[-1] == {"role": "assistant", "content": [{"type": "text", "text": begun}]}
        assert messages[-2]["content"][-1]["cache_control"] == CACHED
    else:
        assert messages[-1]["role"] == "user"
        assert messages[-1]["content"][-1]["text"] == GO_ON


def test_after_a_pause_the_items_are_the_end() -> None:
    item = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}

    messages = fields_of(asked("claude-opus-5"), dialect_of("claude-opus-5"), items=(item,))["messages"]

    assert messages[-1] == {"role": "assistant", "content": [item]}


def test_the_request_and_its_items_are_left_alone() -> None:
    items = ({"type": "text", "text": "Yes."},)
    request = asked("claude-opus-5", ModelOutput("Yes.", (), items), Prompt("user", "Why?"), tools=(LOOK,))

    first, second = (fields_of(request, dialect_of("claude-opus-5")) for _ in range(2))

    assert first == second
    assert items == ({"type": "text", "text": "Yes."},)


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    # model, options, error text from the API, what is missing from the retry
    ("claude-sonnet-4-6", {"temperature": 0.5}, "`temperature` is deprecated for this model.", "temperature"),
    ("claude-opus-5", {"user": "a"}, "metadata: Extra inputs are not permitted", "metadata"),
    ("claude-opus-5", {"user": "a"}, "metadata.user_id: should not look like an email", "metadata"),
    ("claude-opus-5", {}, "system.0.cache_control: Extra inputs are not permitted", "cache_control"),
    ("claude-opus-5", {"tools": (LOOK,)}, "tools.0.custom.eager_input_streaming: Extra inputs", "eager_input"),
    ("claude-opus-5", {}, "thinking.adaptive.display: Extra inputs are not permitted", "display"),
    ("claude-opus-5", {"effort": "low"}, "This model does not support the effort parameter.", "output_config"),
    ("claude-opus-5", {"effort": "none"}, "thinking.disabled is not supported for this model", "disabled"),
    (
        "claude-sonnet-4-5",
        {"continues": "Once"},
        "This model does not support assistant message prefill.",
        "Once'}]}]",
    ),
    ("claude-opus-5", {"user": "a", "tools": (LOOK,)}, "", "metadata"),
]


@pytest.mark.parametrize(("model", "options", "words", "gone"), REFUSED)
def test_refused_fields_are_left_out(model: str, options: dict[str, Any], words: str, gone: str) -> None:
    dialect, request = dialect_of(model), asked(model, **options)
    sent = fields_of(request, dialect)
    assert gone in str(sent)

    adapted = dialect.adapted(sent, words)

    assert adapted is not None
    again = fields_of(request, adapted)
    assert gone not in str(again)


@pytest.mark.parametrize(
    "words", [*(words for _, _, words, _ in REFUSED), "no thinking, effort, temperature, metadata"]
)
def test_a_server_that_refuses_everything_is_not_retried_forever(words: str) -> None:
    dialect: Dialect | None = dialect_of("claude-opus-5")
    request = asked("claude-opus-5", user="a", tools=(LOOK,), effort="high")
    steps = 0
    while dialect is not None:
        dialect = dialect.adapted(fields_of(request, dialect), words)
        steps += 1

    assert steps < 10


def test_a_kind_of_thinking_that_is_refused_is_flipped_then_left_out() -> None:
    dialect, kinds = Dialect(8_192, thinking="enabled"), []
    for words in (
        '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
        '"output_config.effort" to control thinking behavior.',
        "adaptive thinking is not supported on this model",
    ):
        sent = fields_of(asked("x", effort="high"), dialect)
        kinds.append(sent["thinking"]["type"])
        adapted = dialect.adapted(sent, words)
        assert adapted is not None
        dialect = adapted

    assert kinds == ["enabled", "adaptive"]
    assert "thinking" not in fields_of(asked("x", effort="high"), dialect)


def test_a_limit_that_is_too_high_is_lowered_to_the_models() -> None:
    words = "max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens for claude-next"
    dialect = dialect_of("claude-next")

    adapted = dialect.adapted(fields("claude-next"), words)

    assert adapted is not None
    assert fields_of(asked("claude-next", max_output_tokens=99_999), adapted)["max_tokens"] == 8_192
    assert fields_of(asked("claude-next", max_output_tokens=9), adapted)["max_tokens"] == 9
    assert adapted.adapted(fields_of(asked("claude-next"), adapted), words) is None


@pytest.mark.parametrize(
    "words",
    [
        "messages.1.content.0: Invalid `signature` in `thinking` block",
        "messages.1.content.0: `thinking` blocks in the latest assistant message cannot be modified",
    ],
)
def test_refused_thoughts_are_not_sent(words: str) -> None:
    output = ModelOutput(
        "", (), ({"type": "thinking", "thinking": "Hm.", "signature": "x"}, {"type": "text", "text": "a"})
    )
    request = asked("claude-opus-5", output, Prompt("user", "Why?"))
    dialect = dialect_of("claude-opus-5")

    adapted = dialect.adapted(fields_of(request, dialect), words)

    assert adapted == replace(dialect, keeps_thoughts=False)
    assert "signature" not in str(fields_of(request, adapted))
    assert adapted.adapted(fields_of(request, adapted), words) is None


@pytest.mark.parametrize(
    "words",
    [
        "messages: at least one message is required",
        "tools.0.custom.input_schema: JSON schema is invalid.",
        "messages.0.content: Input should be a valid list",
        "model: Field required",
    ],
)
def test_a_refusal_for_another_reason_is_not_adapted(words: str) -> None:
    request = asked("claude-opus-5", user="a", tools=(LOOK,), effort="high")
    dialect = dialect_of("claude-opus-5")

    assert dialect.adapted(fields_of(request, dialect), words) is None
