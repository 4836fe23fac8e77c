"""Small questions to a model server, beside its answers: bounded in time and size, at its own address only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import aiohttp

from chat.providers.base import ProviderError

MOST_BYTES: Final = 1024 * 1024
_READ_BYTES: Final = 64 * 1024
# What a strange address, key or answer may raise.
UNANSWERED: Final = (ProviderError, aiohttp.ClientError, OSError, ValueError, TypeError, OverflowError, RecursionError)


def session(headers: Mapping[str, str] = MappingProxyType({})) -> aiohttp.ClientSession:
    """Without cookies, proxies and compression. The caller closes it."""
    return aiohttp.ClientSession(
        headers={"Accept-Encoding": "identity", "User-Agent": "Chatsite", **headers},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


async def ask(server: aiohttp.ClientSession, url: str, sent: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The JSON object at this address; `sent` is posted. Raises one of UNANSWERED."""
    method = "GET" if sent is None else "POST"
    async with server.request(method, url, json=sent, allow_redirects=False) as response:
        if response.status != 200:
            raise ProviderError(f"Status {response.status}.")
        body = b""
        async for piece in response.content.iter_chunked(_READ_BYTES):
            body += piece
            if len(body) > MOST_BYTES:
                raise ProviderError("The response is too long.")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ProviderError("The response is no JSON object.")
    return found


def timeout(seconds: float) -> asyncio.Timeout:
    """Raises TimeoutError, which is one of UNANSWERED."""
    return asyncio.timeout(seconds)
