"""The `openai` package's client for one server and key, in one event loop."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, cast

import httpx2
import msgspec
import openai

from chat.providers.http.transport import OriginTransport

# Makes the package return the response as soon as its headers arrive, as `with_streaming_response` does.
_UNREAD: Final = {"X-Stainless-Raw-Response": "stream"}


class Client:
    """Requests answers. The package builds the first request: URL, authentication, headers.

    Later requests differ only in their body, so they are copied from it: the package would spend twice as long on
    building each one as the request itself takes. `package` is for everything else. path: below the base URL.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        connect_timeout: float,
        path: str,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._path = path
        self._transport = OriginTransport(base_url)
        self._first: httpx2.Request | None = None
        own_headers = {"User-Agent": "Chatsite", **headers}
        self.package = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or "none",
            max_retries=0,
            timeout=openai.Timeout(None, connect=connect_timeout),
            default_headers=own_headers,
            http_client=httpx2.AsyncClient(transport=self._transport, follow_redirects=False, trust_env=False),
        )
        _forget_environment(self.package, own_headers)

    async def ask(self, fields: dict[str, Any]) -> httpx2.Response:
        """The response, body unread, as soon as its headers arrive. Raises the package's and the transport's errors.

        The fields are sent unchanged: unlike in `chat.completions.create`, none of them has another name in JSON.
        """
        if self._first is None:
            return await self._ask_by_the_package(fields)
        first = self._first
        request = httpx2.Request(
            first.method,
            first.url,
            headers=first.headers,
            stream=httpx2.ByteStream(msgspec.json.encode(fields)),
            extensions=first.extensions,
        )
        request.read()
        response = await self._transport.handle_async_request(request)
        if not response.is_success:
            raise openai.APIStatusError(f"Status {response.status_code}", response=response, body=None)
        return response

    async def close(self) -> None:
        await self.package.close()

    async def _ask_by_the_package(self, fields: dict[str, Any]) -> httpx2.Response:
        posted = await self.package.post(
            self._path,
            body=fields,
            options={"headers": _UNREAD},
            cast_to=object,
            stream=True,
            stream_cls=openai.AsyncStream[Any],
        )
        response = cast(openai.AsyncAPIResponse[Any], posted).http_response
        self._first = response.request
        return response


def _forget_environment(package: openai.AsyncOpenAI, headers: Mapping[str, str]) -> None:
    """Undo what the package took from the environment, which it does for every server and account.

    It offers no way not to: None means the environment, too.
    """
    package._custom_headers = headers
    package._ambient_authorizations = frozenset()
    package.organization = package.project = package.admin_api_key = package.webhook_secret = None
