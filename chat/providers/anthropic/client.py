"""Requests to one server with one key, in one event loop. The transport is aiohttp's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import httpx2
import msgspec

from chat.providers.http.transport import OriginTransport

DEFAULT_BASE_URL: Final = "https://api.anthropic.com"
# Later versions refuse `temperature`, even for models that take it, and other vendors' servers do not know them.
_VERSION: Final = "2023-06-01"
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Client:
    """Returns responses as soon as their headers arrive: with the body unread, unless the status is not 2xx.

    headers: in addition, or instead of those with the same name. Raises the transport's errors; ValueError, TypeError
    or httpx2.InvalidURL for a base URL or a key that cannot be used.
    """

    def __init__(self, *, base_url: str, api_key: str, headers: Mapping[str, str], connect_timeout: float) -> None:
        self._transport = OriginTransport(base_url)
        url = httpx2.URL(base_url)
        root = url.path.rstrip("/")
        self._root = url.copy_with(path=root if root.endswith("/v1") else f"{root}/v1")
        own = {"user-agent": "Chatsite", "anthropic-version": _VERSION} | ({"x-api-key": api_key} if api_key else {})
        if not all(_can_be_sent(name, value) for name, value in (own | dict(headers)).items()):
            raise ValueError("not a header")
        self._headers = httpx2.Headers(own)
        self._headers.update(headers)
        self._extensions = {"timeout": {"connect": connect_timeout}}

    async def ask(self, fields: Mapping[str, Any]) -> httpx2.Response:
        """The answer to these messages."""
        headers = self._headers.copy()
        headers["content-type"] = "application/json"
        return await self._send("POST", "messages", headers=headers, content=msgspec.json.encode(fields))

    async def list_models(self, parameters: Mapping[str, str]) -> httpx2.Response:
        return await self._send("GET", "models", headers=self._headers, parameters=parameters)

    async def close(self) -> None:
        await self._transport.aclose()

    async def _send(
        self,
        method: str,
        name: str,
        *,
        headers: httpx2.Headers,
        content: bytes | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        url = self._root.copy_with(path=f"{self._root.path}/{name}", params=parameters)
        request = httpx2.Request(method, url, headers=headers, content=content, extensions=self._extensions)
        return await self._transport.handle_async_request(request)


def _can_be_sent(name: str, value: str) -> bool:
    """Whether this is a header (RFC 9110, section 5). Otherwise, it would be sent as something else."""
    return _NAME.fullmatch(name) is not None and value.isascii() and value.isprintable()
