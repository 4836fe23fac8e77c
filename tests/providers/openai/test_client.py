"""The openai package builds the first request; later ones are the same except for their body."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chat.providers.base import ProviderError, ProviderUnavailable
from chat.providers.openai.chat import OpenAIProvider
from tests.fake_openai import FakeOpenAI
from tests.ports import closed_port
from tests.providers.contract import answer, ask, text_of

Connect = Callable[..., OpenAIProvider]


@pytest.fixture
async def provider(connect: Connect) -> OpenAIProvider:
    """A provider that has already sent its first request."""
    made = connect()
    await answer(made, ask("hi"))
    return made


async def test_the_second_request_equals_the_first_except_its_body(
    provider: OpenAIProvider, server: FakeOpenAI
) -> None:
    assert text_of(await answer(provider, ask("And this is \N{SNOWMAN} longer", user="alice")))

    first, second = server.journal.exchanges
    assert first.headers.pop("content-length") != second.headers.pop("content-length")
    assert first.headers == second.headers
    assert second.body["messages"][1] == {"role": "user", "content": "And this is \N{SNOWMAN} longer"}
    assert second.body["user"] == "alice"
    assert first.connection == second.connection


@pytest.mark.parametrize("prompt", ["/rate-limit after=2", "/key", "/status-500 message=broken", "/status-302"])
async def test_a_refusal_of_the_second_request_is_the_same(
    provider: OpenAIProvider, connect: Connect, prompt: str
) -> None:
    first, second = [await _refusal(each, prompt) for each in (connect(), provider)]

    assert (type(first), first.message, first.retry_after) == (type(second), second.message, second.retry_after)


async def test_the_second_request_is_adapted_in_the_same_way(provider: OpenAIProvider, server: FakeOpenAI) -> None:
    assert text_of(await answer(provider, ask("/no-usage-option")))

    assert [("stream_options" in each.body) for each in server.journal.exchanges] == [True, True, False]


async def test_an_unreachable_server_gives_the_same_error(provider: OpenAIProvider, connect: Connect) -> None:
    nowhere = connect(base_url=f"http://127.0.0.1:{closed_port()}/v1")
    first = await _refusal(nowhere, "hi")
    async with FakeOpenAI() as leaving:
        left = connect(base_url=leaving.base_url)
        await answer(left, ask("hi"))
    second = await _refusal(left, "hi")

    assert isinstance(first, ProviderUnavailable)
    assert (type(first), first.message) == (type(second), second.message)


async def _refusal(provider: OpenAIProvider, prompt: str) -> ProviderError:
    with pytest.raises(ProviderError) as refused:
        await answer(provider, ask(prompt))
    return refused.value
