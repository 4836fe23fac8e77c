"""Answers from any server that speaks the OpenAI chat completions API, through the `openai` package.

The package makes the request (client.py); the body is read as bytes and decoded here, because its own iteration builds
a pydantic object per chunk (bench/decoder.py has the figures).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, aclosing, suppress
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx2
import openai

from chat.providers.base import Delta, Misconfigured, ProviderError, Request, StatusDelta
from chat.providers.http import errors, listing, quotes
from chat.providers.http.answer_stream import AnswerStream
from chat.providers.http.timeouts import CONNECT_SECONDS, FIRST_TOKEN_SECONDS, IDLE_SECONDS, SETTLE_SECONDS, Timeouts
from chat.providers.openai.client import Client
from chat.providers.openai.dialect import MAX_ADAPTATIONS, Dialect, Manner
from chat.providers.openai.event_reader import EventReader
from chat.providers.openai.reader import AnswerReader

logger = logging.getLogger(__name__)

DEFAULT_BASE_URL: Final = "https://api.openai.com/v1"
_NO_TOOLS: Final = StatusDelta("The model server rejected the tools, so the model answers without them.", "generating")


class OpenAIProvider:
    """A `Provider` for one server and key.

    first_token_timeout: seconds from the request to the first text, reasoning or tool call. idle_timeout: seconds
    between two deltas. Both count only the time spent waiting for the server, and are longer while it shows signs of
    life (timeouts.py). on_failure: called with the error of each failed answer before it is raised. headers: sent with
    every request.
    A rejected tool is left out of this and later requests to the model, and logged; without any left, a StatusDelta
    says so. How a model wants to be asked is remembered (dialect.py).
    There is one connection pool per event loop; `close` closes that of the running loop.
    """

    is_demo = False
    _path = "/chat/completions"

    def __init__(
        self,
        *,
        name: str = "openai",
        base_url: str = "",
        api_key: str = "",
        headers: Mapping[str, str] = MappingProxyType({}),
        connect_timeout: float = CONNECT_SECONDS,
        first_token_timeout: float = FIRST_TOKEN_SECONDS,
        idle_timeout: float = IDLE_SECONDS,
        settle_timeout: float = SETTLE_SECONDS,
        on_failure: Callable[[ProviderError], None] = lambda _: None,
    ) -> None:
        self.name = name
        self._base_url = base_url or DEFAULT_BASE_URL
        self._api_key = api_key
        self._headers = headers
        self._secrets = quotes.secrets_of(api_key, headers)
        self._connect_timeout = connect_timeout
        self._first_token_timeout = first_token_timeout
        self._idle_timeout = idle_timeout
        self._settle_timeout = settle_timeout
        self._on_failure = on_failure
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Client] = WeakKeyDictionary()
        self._dialect = Dialect(self._usual_manner())

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        timeouts = Timeouts(first=self._first_token_timeout, idle=self._idle_timeout, settle=self._settle_timeout)
        try:
            async with AsyncExitStack() as connection:
                connection.enter_context(timeouts)
                response, manner = await self._open(request, timeouts, connection)
                tools = [tool.name for tool in manner.offered(request)]
                reader = self._reader(tools, are_off=request.tools_are_off)
                if request.tools and not tools and not request.tools_are_off:
                    yield _NO_TOOLS
                answer = await connection.enter_async_context(AnswerStream(response, reader, timeouts))
                while not reader.done:
                    for delta in await answer.next():
                        yield delta
                    if reader.failure is not None:
                        raise reader.failure
                await answer.drain()
        except ProviderError as error:
            told = errors.told(error, secret=self._secrets)
            logger.warning("provider %s: no answer from %s: %s", self.name, request.model, told)
            self._on_failure(error)
            raise

    async def models(self) -> tuple[str, ...]:
        """The names of the server's models, in its order. Raises ProviderError."""
        try:
            return await listing.listed(self._listing(), seconds=self._idle_timeout, secret=self._api_key)
        except (openai.OpenAIError, *errors.TRANSPORT_ERRORS) as exc:
            raise self._refusal(exc) from exc

    async def close(self) -> None:
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    def _usual_manner(self) -> Manner:
        """How a model is asked that has not rejected anything."""
        # OpenAI's newer models accept only the second name, most other servers only the first.
        is_openai = _host_of(self._base_url) == "api.openai.com"
        return Manner("max_completion_tokens" if is_openai else "max_tokens")

    def _reader(self, tools: Collection[str], *, are_off: bool) -> EventReader:
        return AnswerReader(secret=self._secrets, tools=tools, are_off=are_off)

    async def _listing(self) -> tuple[str, ...]:
        async with self._client().package.models.with_streaming_response.list() as response:
            body = response.http_response.aiter_bytes()
            async with aclosing(body):
                return await listing.read(body)

    async def _open(
        self, request: Request, timeouts: Timeouts, connection: AsyncExitStack
    ) -> tuple[httpx2.Response, Manner]:
        """The response, once its headers say that an answer follows, and how it was asked for.

        `connection` closes the response.
        """
        manner = self._dialect.manner(request.model)
        adaptations = 0
        while True:
            try:
                response = await self._request(request, manner, timeouts)
            except openai.APIStatusError as exc:
                adapted = (
                    manner.adapted(request, exc, adaptations=adaptations) if adaptations < MAX_ADAPTATIONS else None
                )
                if adapted is None:
                    raise self._refusal(exc) from exc
                self._tell_rejected_tools(request, manner, adapted, exc)
                manner = adapted
                adaptations += 1
            else:
                connection.push_async_callback(response.aclose)
                if adaptations:
                    self._dialect.learn(request.model, manner)
                return response, manner

    async def _request(self, request: Request, manner: Manner, timeouts: Timeouts) -> httpx2.Response:
        try:
            return await timeouts.wait(self._client().ask(manner.fields(request)))
        except openai.APIStatusError:
            raise
        except (openai.OpenAIError, *errors.TRANSPORT_ERRORS) as exc:
            raise self._refusal(exc) from exc
        except errors.IMPOSSIBLE_ERRORS:
            # Without the cause, which may quote the key.
            raise Misconfigured(errors.IMPOSSIBLE) from None

    def _client(self) -> Client:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = Client(
                base_url=self._base_url,
                api_key=self._api_key,
                connect_timeout=self._connect_timeout,
                path=self._path,
                headers=self._headers,
            )
        return client

    def _refusal(self, error: Exception) -> ProviderError:
        if isinstance(error, openai.APIStatusError):
            if 300 <= error.status_code < 400:
                logger.warning("provider %s: %s", self.name, errors.told_redirect(error.response))
            return errors.from_status(error.response, secret=self._secrets)
        return errors.from_connection(error, connect_timeout=self._connect_timeout)

    def _tell_rejected_tools(
        self, request: Request, before: Manner, after: Manner, error: openai.APIStatusError
    ) -> None:
        lost = [tool.name for tool in before.offered(request) if tool not in after.offered(request)]
        if lost:
            logger.warning(
                "provider %s: %s rejected tools, asking without %s: %s",
                self.name,
                request.model,
                ", ".join(lost),
                errors.told(self._refusal(error), secret=self._secrets),
            )


def _host_of(url: str) -> str | None:
    with suppress(ValueError):
        return urlsplit(url).hostname
    # A request will say what is wrong with it.
    return None
