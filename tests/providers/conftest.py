from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from chat.providers.openai.chat import OpenAIProvider
from tests.fake_openai import FakeOpenAI

KEY = "sk-the-key-of-this-site"


@pytest.fixture
async def server() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
async def connect(server: FakeOpenAI) -> AsyncIterator[Callable[..., OpenAIProvider]]:
    """Creates providers that use the fake server; they are closed at the end of the test."""
    made: list[OpenAIProvider] = []

    def make(**options: Any) -> OpenAIProvider:
        provider = OpenAIProvider(**{"base_url": server.base_url, "api_key": KEY} | options)
        made.append(provider)
        return provider

    yield make
    for provider in made:
        await provider.close()


@pytest.fixture
def impatient(connect: Callable[..., OpenAIProvider]) -> OpenAIProvider:
    return connect(first_token_timeout=0.5, idle_timeout=0.5)
