"""The built-in demo model. It needs no API key and no network, and says that it is a demo.

Its answers are pre-written and chosen by words in the question. The same request always gets the same answer.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chat.protocol.untrusted_input import clean
from chat.providers.base import (
    Delta,
    Finish,
    Prompt,
    ReasoningDelta,
    Request,
    StatusDelta,
    TextDelta,
    ToolResult,
    ToolUse,
    UsageDelta,
)
from chat.providers.demo import tools
from chat.providers.demo.numbers import guide

MODEL: Final = "demo"
TOKENS_PER_SECOND: Final = 40.0
# The event loop cannot sleep more precisely than this; at a higher pace, several tokens follow one sleep.
_SHORTEST_SLEEP: Final = 0.005
_QUOTED_CHARACTERS: Final = 200
_TEXTS: Final = Path(__file__).parent / "texts"
_TOKEN: Final = re.compile(r" ?\w{1,6}|\s+|[^\w\s]{1,4}")
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>#|~$!&+-])")
_FOOTNOTE: Final = (
    "*I am the built-in demo, not a language model: my answers are pre-written. "
    "Send `connect` to learn how to connect a real model.*"
)

# Each text and the words that select it, in the order in which texts are shown.
_TOPICS: Final = (
    ("hello", "hello|hi|hey|hallo|welcome|help|good (?:morning|day|evening)"),
    ("connect", "connect|setup|set up|install|api[ _]?key|openai(?:_\\w+)?|ollama|real model|configure"),
    ("think", "think|thinking|reason|reasoning|ponder|puzzle"),
    ("code", "code|coding|program|function|python|javascript|sql|shell|bash|snippet"),
    ("table", "tables?|grid|columns?"),
    ("tools", "tools?|calculator|what time|time is it"),
    ("ask", "ask me|ask a question|question for me"),
    ("list", "lists?|tasks?|todo|to-do|steps?|checklist"),
    ("markdown", "markdown|format(?:ting)?|tour|everything|show off"),
    ("long", "long|longer|essay|story|book|detail(?:ed|s)?"),
)
# The title of a conversation whose first question selects this text.
_TITLES: Final = {
    "hello": "Hello, demo",
    "connect": "How to connect a real model",
    "think": "The bat and the ball",
    "code": "Code in several languages",
    "table": "Example tables",
    "tools": "What tools can do",
    "ask": "A question back",
    "list": "Lists and tasks",
    "markdown": "A tour of Markdown",
    "long": "The numbers, one by one",
}
_TITLE_WORDS: Final = 6
_PATTERNS: Final = tuple((topic, re.compile(rf"(?i)\b(?:{words})\b")) for topic, words in _TOPICS)


@dataclass(frozen=True, slots=True)
class _Answer:
    text: str
    reasoning: str = ""
    calls: tuple[ToolUse, ...] = ()


class DemoProvider:
    """A `Provider` without any dependencies.

    tokens_per_second: the speed of the answer; 0 is as fast as the reader allows. `temperature` has no effect;
    `max_output_tokens` cuts the answer, as with any model. Never raises ProviderError.
    """

    is_demo = True

    def __init__(
        self,
        *,
        name: str = "demo",
        tokens_per_second: float = TOKENS_PER_SECOND,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self._pause = 1 / tokens_per_second if tokens_per_second > 0 else 0.0
        self._sleep = sleep
        self._texts = {path.stem: path.read_text(encoding="utf-8").strip() for path in sorted(_TEXTS.glob("*.md"))}
        self._texts |= {"long": guide(), "tools": tools.NONE_OFFERED, "ask": tools.NONE_OFFERED}

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        asked = sum(len(tokens(prompt.text)) for prompt in request.prompts)
        limit = request.max_output_tokens
        given = 0
        owed = 0.0
        answer = self._answer(request)
        for delta in _deltas(answer):
            if given == limit:
                break
            if isinstance(delta, StatusDelta):
                yield delta
                continue
            owed += self._pause
            if owed >= _SHORTEST_SLEEP or not self._pause:
                await self._sleep(owed)
                owed = 0.0
            given += 1
            yield delta
        is_cut = given == limit
        for call in () if is_cut else answer.calls:
            yield call
        yield UsageDelta(asked, given)
        yield Finish("length" if is_cut else "tool_calls" if answer.calls else "stop")

    async def models(self) -> tuple[str, ...]:
        return (MODEL,)

    async def close(self) -> None:
        """Nothing to release."""

    def _answer(self, request: Request) -> _Answer:
        if request.purpose == "title":
            return _Answer(_title(request.messages[-1].text))
        prompts = [message for message in request.messages if isinstance(message, Prompt)]
        if found := tools.results(request.messages):
            return _Answer(f"{self._after(found)}\n\n---\n\n{_FOOTNOTE}\n")
        questions = [prompt.text for prompt in prompts if prompt.role == "user"]
        question = questions[-1] if questions else ""
        topics = _topics(question)
        for topic in topics:
            if calls := tools.calls(topic, request):
                return _Answer(tools.BEFORE[topic], calls=calls)
        shown = [self._texts[topic] for topic in topics or ("hello",)]
        sections = [_courtesy(question, len(questions), known=bool(topics)), *shown, "---", _FOOTNOTE]
        reasoning = self._texts["thought"] if "think" in topics else ""
        text = "\n\n".join(section for section in sections if section) + "\n"
        if request.continues:
            return _Answer(_rest(text, request.continues))
        return _Answer(text, reasoning)

    def _after(self, found: list[ToolResult]) -> str:
        """What the demo answers with the results of its calls."""
        chosen = next((each.text for each in found if each.name == tools.ASK and not each.is_error), "")
        if not chosen:
            return tools.report(found)
        shown = (self._texts[topic] for topic in _topics(chosen) if topic != "ask")
        return "\n\n".join([f"You chose: {_quoted(chosen)}", *shown])


def _topics(question: str) -> list[str]:
    return [topic for topic, words in _PATTERNS if words.search(question)]


def tokens(text: str) -> list[str]:
    """Split `text` into pieces of about the size of a model's tokens. Joined, they give the text."""
    return _TOKEN.findall(text)


def _deltas(answer: _Answer) -> Iterator[Delta]:
    if answer.reasoning:
        yield StatusDelta("Looking at the puzzle…", "thinking")
    for token in tokens(answer.reasoning):
        yield ReasoningDelta(token)
    if answer.reasoning:
        yield StatusDelta("Writing it down…", "generating")
    for token in tokens(answer.text):
        yield TextDelta(token)


def _title(conversation: str) -> str:
    """The topic of the first line, or else its first words."""
    question = clean(conversation).strip().partition("\n")[0]
    for topic, words in _PATTERNS:
        if words.search(question):
            return _TITLES[topic]
    words_shown = " ".join(question.split()[:_TITLE_WORDS]).rstrip(" ,;:.?!")
    return words_shown[:1].upper() + words_shown[1:]


def _rest(text: str, begun: str) -> str:
    """The rest of the answer after `begun`. If the beginning is from another model, only the footnote."""
    return text.removeprefix(begun) if text.startswith(begun) else f"\n\n{_FOOTNOTE}\n"


def _courtesy(question: str, count: int, *, known: bool) -> str:
    """The question, quoted."""
    if not question.strip():
        return ""
    quoted = f"> {_quoted(question)}"
    nth = f"Your message number {count} in this conversation was:" if count > 1 else "You wrote:"
    thanks = "Thank you for asking." if known else "A real model could answer that; I only know pre-written texts."
    return f"{nth}\n\n{quoted}\n\n{thanks}"


def _quoted(text: str) -> str:
    """On one line, with its markup escaped."""
    words = " ".join(clean(text).split())
    if len(words) > _QUOTED_CHARACTERS:
        words = words[:_QUOTED_CHARACTERS] + "…"
    return _MARKUP.sub(r"\\\1", words)
