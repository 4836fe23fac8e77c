"""When a server echoes request headers, they reach neither pages nor the log."""

from __future__ import annotations

import base64
import json

import pytest

from chat.providers.anthropic.provider import AnthropicProvider
from chat.providers.base import ProviderError
from chat.providers.http.quotes import secrets_of, without_secret
from chat.providers.openai.chat import OpenAIProvider
from chat.providers.openai.responses import ResponsesProvider
from tests.providers.contract import answer, ask
from tests.providers.raw_server import RawServer, response

LOGIN = base64.b64encode(b"team:herons-4711").decode()
HEADERS = {
    "X-Team": "kingfishers-12",
    "Authorization": f"Basic {LOGIN}",
    "X-Token": "bearer  otters.0815",
    "X-A": "on",
}
Kind = type[OpenAIProvider] | type[AnthropicProvider]


@pytest.mark.parametrize("kind", [OpenAIProvider, AnthropicProvider, ResponsesProvider])
@pytest.mark.parametrize("status", ["400 No", "200 OK"])
async def test_header_values_are_redacted(kind: Kind, status: str, caplog: pytest.LogCaptureFixture) -> None:
    words = f"Do not know kingfishers-12, {LOGIN}, otters.0815 or gateway/key; hold on"
    body = json.dumps({"error": {"message": words}}).encode()
    async with RawServer(lambda _: [response(body, status=status)]) as server:
        provider = kind(base_url=server.base_url, api_key="gateway/key", headers=HEADERS)
        with pytest.raises(ProviderError) as raised:
            await answer(provider, ask("hi"))
        await provider.close()

    assert "Do not know […], […], […] or […]; hold on" in raised.value.message
    assert "Do not know […], […], […] or […]; hold on" in caplog.text


def test_short_values_are_left() -> None:
    assert without_secret("on Basic abc is 1234567", secrets_of("on", {"a": "Basic abc", "b": "1234567"})) == (
        "on […] is 1234567"
    )
