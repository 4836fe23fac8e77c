"""What holds for every provider. A test class inherits a contract and defines a `provider` fixture."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import aclosing

import pytest

from chat.providers.base import (
    MAX_ARGUMENT_BYTES,
    MAX_CALLS,
    Delta,
    Finish,
    Message,
    ModelOutput,
    OutputItems,
    Prompt,
    Provider,
    ReasoningDelta,
    Request,
    TextDelta,
    Tool,
    ToolResult,
    ToolUse,
    UsageDelta,
)


def ask(text: str, *, model: str = "fake-small", **options: object) -> Request:
    return Request(model, (Prompt("system", "Be brief."), Prompt("user", text)), **options)  # type: ignore[arg-type]


async def answer(provider: Provider, request: Request) -> list[Delta]:
    async with aclosing(provider.stream(request)) as deltas:
        return [delta async for delta in deltas]


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def pieces_of(deltas: list[Delta]) -> int:
    """The number of pieces that the text was sent in."""
    return sum(delta.pieces for delta in deltas if isinstance(delta, TextDelta))


def reasoning_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, ReasoningDelta))


class ProviderContract:
    """`endless` is a question with a long answer; `closed` returns once no upstream connection is open."""

    endless = "numbered"
    thoughtful = "think"

    async def closed(self) -> None:
        """Returns at once unless a provider's tests override it."""

    async def test_it_ends_with_finish_and_has_only_one(self, provider: Provider) -> None:
        deltas = await answer(provider, ask("hello"))

        assert deltas[-1] == Finish("stop")
        assert sum(isinstance(delta, Finish) for delta in deltas) == 1

    async def test_it_yields_text_in_several_non_empty_pieces(self, provider: Provider) -> None:
        deltas = await answer(provider, ask("hello"))

        assert pieces_of(deltas) > 2
        assert all(delta.text for delta in deltas if isinstance(delta, TextDelta))

    async def test_it_counts_input_and_output_tokens(self, provider: Provider) -> None:
        deltas = await answer(provider, ask("hello"))

        usage = [delta for delta in deltas if isinstance(delta, UsageDelta)][-1]
        assert usage.input_tokens > 0
        assert usage.output_tokens == pieces_of(deltas)

    async def test_it_thinks_before_it_answers(self, provider: Provider) -> None:
        deltas = await answer(provider, ask(self.thoughtful, model="think"))

        kinds = [type(delta) for delta in deltas if isinstance(delta, TextDelta | ReasoningDelta)]
        assert kinds == sorted(kinds, key=lambda kind: kind is TextDelta)
        assert set(kinds) == {TextDelta, ReasoningDelta}

    async def test_the_same_request_gets_the_same_answer(self, provider: Provider) -> None:
        first = await answer(provider, ask("hello"))
        second = await answer(provider, ask("hello"))

        assert first == second

    async def test_answers_do_not_mix(self, provider: Provider) -> None:
        alone = [text_of(await answer(provider, ask(f"hello {number}"))) for number in range(5)]

        together = await asyncio.gather(*(answer(provider, ask(f"hello {number}")) for number in range(5)))

        assert [text_of(deltas) for deltas in together] == alone

    async def test_closing_the_iterator_ends_it(self, provider: Provider) -> None:
        stream = provider.stream(ask(self.endless, model="numbered"))
        await anext(stream)

        await stream.aclose()

        await self.closed()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    async def test_cancelling_the_task_ends_it(self, provider: Provider) -> None:
        begun = asyncio.Event()

        async def read() -> None:
            async with aclosing(provider.stream(ask(self.endless, model="numbered"))) as deltas:
                async for _ in deltas:
                    begun.set()

        task = asyncio.create_task(read())
        await begun.wait()
        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
        await self.closed()

    async def test_it_can_be_used_again_after_it_was_closed(self, provider: Provider) -> None:
        await answer(provider, ask("hello"))
        await provider.close()
        await provider.close()

        assert (await answer(provider, ask("hello")))[-1] == Finish("stop")


SEARCH = Tool("search", "Search the documents.", {"type": "object", "properties": {"q": {"type": "string"}}})
WEATHER = Tool("weather", "The weather of a city.", {"type": "object", "properties": {"city": {"type": "string"}}})


def calls_of(deltas: list[Delta]) -> tuple[ToolUse, ...]:
    return tuple(delta for delta in deltas if isinstance(delta, ToolUse))


def output_of(deltas: list[Delta]) -> ModelOutput:
    """What is sent back to the model."""
    items = next((delta.items for delta in deltas if isinstance(delta, OutputItems)), ())
    return ModelOutput(text_of(deltas), calls_of(deltas), items)


class ToolContract(ABC):
    """What holds for every provider with tools, in addition to ProviderContract.

    `calling` returns the text of a message that scripts the provider's fake: it thinks, writes `text` and makes these
    calls (name and arguments) at once, with the arguments in small pieces. When it is sent the results, it answers
    with the results as it received them, one per line. Unless `is_stubborn`, it makes no calls while tools are off.
    """

    @abstractmethod
    def calling(self, *calls: tuple[str, str], text: str = "", is_stubborn: bool = False) -> str: ...

    def asking(self, text: str, *more: Message, **options: object) -> Request:
        messages = (Prompt("system", "Be brief."), Prompt("user", text), *more)
        return Request("fake-small", messages, tools=(SEARCH, WEATHER), **options)  # type: ignore[arg-type]

    async def test_parallel_calls_come_in_order_and_end_with_their_own_reason(self, provider: Provider) -> None:
        wanted = [("search", '{"q":"Grüße 😀"}'), ("weather", '{"city":"Oslo"}'), ("search", '{"q":"more"}')]

        deltas = await answer(provider, self.asking(self.calling(*wanted, text="Let me look.")))

        assert [(call.name, call.arguments) for call in calls_of(deltas)] == wanted
        assert len({call.call_id for call in calls_of(deltas)}) == 3
        assert text_of(deltas) == "Let me look."
        assert deltas[-1] == Finish("tool_calls")

    async def test_calls_come_after_all_text_and_thoughts(self, provider: Provider) -> None:
        deltas = await answer(provider, self.asking(self.calling(("search", "{}"), text="Let me look.")))

        kinds = [type(delta) for delta in deltas]
        said = [place for place, kind in enumerate(kinds) if kind in (TextDelta, ReasoningDelta)]
        assert max(said) < kinds.index(ToolUse) < kinds.index(OutputItems) < kinds.index(Finish)
        assert kinds.count(OutputItems) == 1

    @pytest.mark.parametrize("is_verbatim", [True, False])
    async def test_results_are_sent_back_and_answered(self, provider: Provider, is_verbatim: bool) -> None:
        text = self.calling(("search", '{"q":"a"}'), ("weather", '{"city":"b"}'), text="Let me look.")
        output = output_of(await answer(provider, self.asking(text)))
        if not is_verbatim:
            # As if another model had made the calls: without items.
            output = ModelOutput(output.text, output.calls)
        results = [
            ToolResult(call.call_id, call.name, f"result {number} \U0001f600", is_error=number == 1)
            for number, call in enumerate(output.calls)
        ]

        deltas = await answer(provider, self.asking(text, output, *results))

        assert text_of(deltas).splitlines() == ["result 0 \U0001f600", "result 1 \U0001f600"]
        assert deltas[-1] == Finish("stop")

    async def test_broken_arguments_can_be_sent_back(self, provider: Provider) -> None:
        text = self.calling(("search", '{"q": "a'))
        output = output_of(await answer(provider, self.asking(text)))
        [call] = output.calls

        deltas = await answer(provider, self.asking(text, output, ToolResult(call.call_id, call.name, "Not JSON.")))

        assert not call.has_object
        assert text_of(deltas) == "Not JSON."

    async def test_no_call_is_made_while_tools_are_off(self, provider: Provider) -> None:
        text = self.calling(("search", "{}"), text="Let me look.")

        deltas = await answer(provider, self.asking(text, tools_are_off=True))

        assert calls_of(deltas) == ()
        assert deltas[-1] == Finish("stop")

    async def test_a_call_with_text_is_ignored_while_tools_are_off(self, provider: Provider) -> None:
        text = self.calling(("search", "{}"), text="Let me look.", is_stubborn=True)

        deltas = await answer(provider, self.asking(text, tools_are_off=True))

        assert text_of(deltas) == "Let me look."
        assert calls_of(deltas) == ()
        assert deltas[-1] == Finish("stop")

    async def test_calls_beyond_the_limit_are_ignored(self, provider: Provider) -> None:
        text = self.calling(*[("search", f'{{"q":"{number}"}}') for number in range(MAX_CALLS + 1)])
        output = output_of(await answer(provider, self.asking(text)))
        results = [ToolResult(call.call_id, call.name, call.arguments) for call in output.calls]

        deltas = await answer(provider, self.asking(text, output, *results))

        assert text_of(deltas).splitlines() == [f'{{"q":"{number}"}}' for number in range(MAX_CALLS)]

    async def test_overlong_arguments_are_dropped(self, provider: Provider) -> None:
        text = self.calling(("search", f'{{"q":"{"x" * (MAX_ARGUMENT_BYTES + 1024)}"}}'), ("weather", "{}"))
        output = output_of(await answer(provider, self.asking(text)))
        results = [ToolResult(call.call_id, call.name, call.name) for call in output.calls]

        deltas = await answer(provider, self.asking(text, output, *results))

        assert [(call.arguments, call.is_too_long) for call in output.calls] == [("", True), ("{}", False)]
        assert "xxx" not in str(output.items)
        assert text_of(deltas).splitlines() == ["search", "weather"]
