"""What holds for every provider. A test class inherits this and gives `provider` and `request_for`."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from chat.providers.base import Delta, Finish, Prompt, Provider, ReasoningDelta, Request, TextDelta, UsageDelta


def ask(text: str, *, model: str = "fake-small", **options: object) -> Request:
    return Request(model, (Prompt("system", "Be brief."), Prompt("user", text)), **options)  # type: ignore[arg-type]


async def answer(provider: Provider, request: Request) -> list[Delta]:
    async with aclosing(provider.stream(request)) as deltas:
        return [delta async for delta in deltas]


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def pieces_of(deltas: list[Delta]) -> int:
    """How many the text was sent in."""
    return sum(delta.pieces for delta in deltas if isinstance(delta, TextDelta))


def reasoning_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, ReasoningDelta))


class ProviderContract:
    """`endless` is a question whose answer goes on for long; `closed` returns when nothing is open upstream."""

    endless = "numbered"
    thoughtful = "think"

    async def closed(self) -> None:
        """Nothing to close, unless a provider says otherwise."""

    async def test_it_ends_with_finish_and_has_only_one(self, provider: Provider) -> None:
        deltas = await answer(provider, ask("hello"))

        assert deltas[-1] == Finish("stop")
        assert sum(isinstance(delta, Finish) for delta in deltas) == 1

    async def test_it_gives_text_in_several_pieces_none_of_them_empty(self, provider: Provider) -> None:
        deltas = await answer(provider, ask("hello"))

        assert pieces_of(deltas) > 2
        assert all(delta.text for delta in deltas if isinstance(delta, TextDelta))

    async def test_it_counts_what_it_read_and_wrote(self, provider: Provider) -> None:
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
