"""Which bytes count as progress, and what follows an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from chat.providers.base import Delta, Finish, ProviderError, ReasoningDelta, TextDelta, ToolDelta, UsageDelta
from chat.providers.http.answer_stream import AnswerStream
from chat.providers.http.timeouts import Timeouts


class Pieces(httpx2.AsyncByteStream):
    """A body in these pieces. `left`: the pieces not read yet."""

    def __init__(self, *pieces: bytes) -> None:
        self.left = list(pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.left:
            yield self.left.pop(0)


class ScriptedReader:
    """Returns one scripted delta for each piece."""

    is_over = False
    settled = False
    failure: ProviderError | None = None

    def __init__(self, *deltas: Delta) -> None:
        self.done = False
        self._deltas = list(deltas)

    def feed(self, chunk: bytes) -> list[Delta]:
        return [self._deltas.pop(0)]

    def close(self) -> list[Delta]:
        self.done = True
        return [Finish("stop")]


class CountingTimeouts(Timeouts):
    """`told`: the calls of `heard` and `alive`, in order."""

    def __init__(self) -> None:
        super().__init__(first=60, idle=60, settle=60)
        self.told: list[str] = []

    def heard(self) -> None:
        self.told.append("heard")
        super().heard()

    def alive(self) -> None:
        self.told.append("alive")
        super().alive()


@pytest.mark.parametrize(
    ("delta", "told"),
    [
        (TextDelta("a"), "heard"),
        (ReasoningDelta("a"), "heard"),
        # Writing a long argument does not count as silence.
        (ToolDelta("look", 5), "heard"),
        (UsageDelta(1, 2), "alive"),
    ],
)
async def test_model_output_counts_as_progress(delta: Delta, told: str) -> None:
    with CountingTimeouts() as timeouts:
        response = httpx2.Response(200, stream=Pieces(b"x"))
        async with AnswerStream(response, ScriptedReader(delta), timeouts) as answer:
            assert await answer.next() == [delta]

    assert timeouts.told == [told]


async def test_the_end_of_the_body_ends_the_answer() -> None:
    reader = ScriptedReader()
    with CountingTimeouts() as timeouts:
        async with AnswerStream(httpx2.Response(200, stream=Pieces()), reader, timeouts) as answer:
            assert await answer.next() == [Finish("stop")]

    assert reader.done


async def test_the_rest_of_the_body_is_read_to_reuse_the_connection() -> None:
    body = Pieces(b"x", b"\n", b"\n")
    with CountingTimeouts() as timeouts:
        async with AnswerStream(httpx2.Response(200, stream=body), ScriptedReader(TextDelta("a")), timeouts) as answer:
            await answer.next()
            await answer.drain()

    assert body.left == []
