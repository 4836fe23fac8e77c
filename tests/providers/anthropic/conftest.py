from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from chat.providers.anthropic.provider import AnthropicProvider
from tests.fake_anthropic import FakeAnthropic

KEY = "sk-ant-the-key-of-this-site"


@pytest.fixture
async def server() -> AsyncIterator[FakeAnthropic]:
    async with FakeAnthropic() as fake:
        yield fake


@pytest.fixture
async def connect(server: FakeAnthropic) -> AsyncIterator[Callable[..., AnthropicProvider]]:
    """Creates providers that use the fake server; they are closed at the end of the test."""
    made: list[AnthropicProvider] = []

    def make(**options: Any) -> AnthropicProvider:
        provider = AnthropicProvider(**{"base_url": server.url, "api_key": KEY} | options)
        made.append(provider)
        return provider

    yield make
    for provider in made:
        await provider.close()


@pytest.fixture
def provider(connect: Callable[..., AnthropicProvider]) -> AnthropicProvider:
    return connect()
