from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from chat.providers.base import (
    Finish,
    Message,
    ModelOutput,
    Prompt,
    ReasoningDelta,
    Request,
    StatusDelta,
    TextDelta,
    Tool,
    ToolResult,
    ToolUse,
    UsageDelta,
)
from chat.providers.demo.numbers import guide
from chat.providers.demo.provider import DemoProvider, tokens
from tests.providers.contract import ProviderContract, answer, ask, reasoning_of, text_of


class Clock:
    """Records sleeps without sleeping."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class TestContract(ProviderContract):
    endless = "something long"

    @pytest.fixture
    def provider(self) -> DemoProvider:
        return DemoProvider(tokens_per_second=0)


@pytest.fixture
def demo() -> DemoProvider:
    return DemoProvider(tokens_per_second=0)


@pytest.mark.parametrize("question", ["hello", "what is love?", "", "a long story", "table", "think"])
async def test_every_answer_says_that_it_is_a_demo(demo: DemoProvider, question: str) -> None:
    text = text_of(await answer(demo, ask(question)))

    assert "I am the built-in demo, not a language model" in text
    assert "connect" in text


@pytest.mark.parametrize(
    ("question", "marks"),
    [
        ("Show me some code", ["```python", "```js", "```sql", "```sh", "```toml"]),
        ("a Table please", ["| --- |", "| ---: |"]),
        ("make a list", ["- [x] ", "- [ ] ", "\n1. ", "\n    - baguette"]),
        ("a tour of markdown", ["\n# ", "\n## ", "\n> > ", "~~", "](https://", "\n---\n"]),
        ("How do I connect a model?", ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "Ollama"]),
        ("a table and a list", ["| --- |", "- [x] "]),
        ("what is love?", ["Chatsite", "| `code` |"]),
    ],
)
async def test_it_shows_the_requested_content(demo: DemoProvider, question: str, marks: list[str]) -> None:
    text = text_of(await answer(demo, ask(question)))

    assert [mark for mark in marks if mark not in text] == []


async def test_keywords_inside_other_words_are_ignored(demo: DemoProvider) -> None:
    assert "```python" not in text_of(await answer(demo, ask("my vegetables are encoded, he said")))


async def test_a_long_answer_has_thousands_of_words(demo: DemoProvider) -> None:
    assert 3000 < len(text_of(await answer(demo, ask("a long one"))).split()) < 8000


async def test_it_thinks_when_asked_to(demo: DemoProvider) -> None:
    deltas = await answer(demo, ask("think about it"))

    assert "bat and a ball" in reasoning_of(deltas)
    assert "5 cents" in text_of(deltas)
    assert deltas[0] == StatusDelta("Looking at the puzzle…", "thinking")
    assert isinstance(deltas[1], ReasoningDelta)
    kinds = [type(delta) for delta in deltas]
    assert kinds.index(TextDelta) - 1 == len(kinds) - 1 - kinds[::-1].index(StatusDelta)


async def test_it_quotes_the_question_without_its_markup(demo: DemoProvider) -> None:
    text = text_of(await answer(demo, ask("# <b>*why*\n\n```\n" + "y" * 500)))

    assert "> \\# \\<b\\>\\*why\\* \\`\\`\\` yyy" in text
    assert "y" * 201 not in text


async def test_it_notices_how_many_messages_there_were(demo: DemoProvider) -> None:
    messages = (Prompt("user", "hi"), Prompt("assistant", "Hello!"), Prompt("user", "hi again"))

    assert "message number 2" in text_of(await answer(demo, Request("demo", messages)))


async def test_it_stops_at_the_limit_of_tokens(demo: DemoProvider) -> None:
    deltas = await answer(demo, ask("long", max_output_tokens=10))

    assert sum(isinstance(delta, TextDelta) for delta in deltas) == 10
    assert isinstance(deltas[-2], UsageDelta)
    assert deltas[-2].output_tokens == 10
    assert deltas[-1] == Finish("length")


async def test_it_continues_a_truncated_answer(demo: DemoProvider) -> None:
    whole = text_of(await answer(demo, ask("long")))
    begun = text_of(await answer(demo, ask("long", max_output_tokens=40)))

    rest = text_of(await answer(demo, dataclasses.replace(ask("long"), continues=begun)))

    assert begun + rest == whole


async def test_continuing_another_models_answer_only_says_it_is_a_demo(demo: DemoProvider) -> None:
    rest = text_of(await answer(demo, dataclasses.replace(ask("long"), continues="Once upon a time")))

    assert "I am the built-in demo" in rest
    assert len(rest) < 300


@pytest.mark.parametrize(
    ("question", "title"),
    [("write a TABLE\n\n---\n\nwith code", "Example tables"), ("why?", "Why"), ("", ""), ("\n\n", "")],
)
async def test_it_generates_a_title_for_a_conversation(demo: DemoProvider, question: str, title: str) -> None:
    assert text_of(await answer(demo, dataclasses.replace(ask(question), purpose="title"))) == title


async def test_the_temperature_changes_nothing(demo: DemoProvider) -> None:
    assert await answer(demo, ask("code", temperature=2.0)) == await answer(demo, ask("code"))


@pytest.mark.parametrize("pace", [10.0, 40.0, 1000.0])
async def test_it_keeps_its_pace(pace: float) -> None:
    clock = Clock()
    deltas = await answer(DemoProvider(tokens_per_second=pace, sleep=clock.sleep), ask("hello"))

    pieces = sum(isinstance(delta, TextDelta) for delta in deltas)
    assert sum(clock.slept) == pytest.approx(pieces / pace, abs=0.01)
    assert min(clock.slept) >= 0.005


async def test_without_a_pace_it_still_lets_others_run() -> None:
    clock = Clock()
    deltas = await answer(DemoProvider(tokens_per_second=0, sleep=clock.sleep), ask("hello"))

    assert clock.slept == [0.0] * sum(isinstance(delta, TextDelta) for delta in deltas)


@pytest.mark.parametrize("text", ["", "plain words", "  a\n\n```py\nx = 1\n```\n😀🇪🇺 日本語_x --- \t", guide()])
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(tokens(text)) == text


def test_the_guide_is_true() -> None:
    text = guide()

    assert (
        "**6** is written VI in Rome and `110` in a computer. It is 2 × 3, and has 4 divisors: 1, 2, 3 and 6." in text
    )
    assert text.count("*perfect*") == 2
    assert "**49** is written XLIX" in text
    assert "It is the square of 7, and so the sum of the first 7 odd numbers." in text


SHOWN = tuple(Tool(name, "A tool.", {"type": "object"}) for name in ("calculator", "current_time", "unknown"))


def asking(text: str, *more: Message, **options: Any) -> Request:
    return Request("demo", (Prompt("user", text), *more), **{"tools": SHOWN, **options})


class TestTools:
    provider = DemoProvider(tokens_per_second=0)

    async def test_it_calls_the_builtin_tools_it_was_offered(self) -> None:
        deltas = await answer(self.provider, asking("Show me your tools"))

        uses = [delta for delta in deltas if isinstance(delta, ToolUse)]
        assert [use.name for use in uses] == ["current_time", "calculator"]
        assert all(use.has_object for use in uses)
        assert deltas[-1] == Finish("tool_calls")
        assert deltas == await answer(self.provider, asking("Show me your tools"))

    async def test_it_answers_with_their_results(self) -> None:
        uses = [delta for delta in await answer(self.provider, asking("tools")) if isinstance(delta, ToolUse)]
        output = ModelOutput("Look.", tuple(uses))
        results = [ToolResult(use.call_id, use.name, f"result of {use.name}") for use in uses]

        deltas = await answer(self.provider, asking("tools", output, *results))

        assert "`calculator` says:" in text_of(deltas)
        assert "> result of current_time" in text_of(deltas)
        assert deltas[-1] == Finish("stop")

    async def test_another_question_after_that_is_a_new_one(self) -> None:
        past = (ModelOutput("", (ToolUse("c1", "calculator", "{}"),)), ToolResult("c1", "calculator", "42"))

        deltas = await answer(
            self.provider, asking("tools", *past, Prompt("assistant", "42."), Prompt("user", "hello"))
        )

        assert deltas[-1] == Finish("stop")
        assert not any(isinstance(delta, ToolUse) for delta in deltas)

    @pytest.mark.parametrize("options", [{"tools": ()}, {"tools_are_off": True}])
    async def test_without_tools_it_says_how_to_enable_them(self, options: dict[str, Any]) -> None:
        deltas = await answer(self.provider, asking("tools", **options))

        assert "An administrator can switch some on" in text_of(deltas)
        assert deltas[-1] == Finish("stop")

    async def test_it_asks_the_person_and_shows_what_they_chose(self) -> None:
        offered = {"tools": (Tool("ask_person", "Ask.", {"type": "object"}),)}
        [use] = [
            each for each in await answer(self.provider, asking("ask me", **offered)) if isinstance(each, ToolUse)
        ]
        assert json.loads(use.arguments)["choices"]

        said = (ModelOutput("", (use,)), ToolResult(use.call_id, use.name, "A *table*"))
        text = text_of(await answer(self.provider, asking("ask me", *said, **offered)))

        assert r"You chose: A \*table\*" in text
        assert "| --- |" in text

    async def test_a_question_that_was_not_answered_is_reported(self) -> None:
        use = ToolUse("c1", "ask_person", "{}")
        said = (ModelOutput("", (use,)), ToolResult("c1", "ask_person", "Nobody answered.", is_error=True))

        assert "`ask_person` failed:" in text_of(await answer(self.provider, asking("ask me", *said)))
