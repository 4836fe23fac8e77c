"""Answers from any server that speaks Anthropic's Messages API.

Without the `anthropic` package: it builds several pydantic objects per event, which costs about twice as much
(bench/decoder.py), and weighs 36 MB. The tests compare what both read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final
from weakref import WeakKeyDictionary

import httpx2

from chat.providers.anthropic import listing
from chat.providers.anthropic.client import DEFAULT_BASE_URL, Client
from chat.providers.anthropic.dialect import Dialect, dialect_of
from chat.providers.anthropic.fields import fields_of
from chat.providers.anthropic.reader import MessageReader
from chat.providers.base import Delta, Misconfigured, ProviderError, Request
from chat.providers.http import errors, quotes
from chat.providers.http.answer_stream import AnswerStream
from chat.providers.http.listing import listed
from chat.providers.http.timeouts import (
    CONNECT_SECONDS,
    FIRST_TOKEN_SECONDS,
    IDLE_SECONDS,
    SETTLE_SECONDS,
    Timeouts,
)

logger = logging.getLogger(__name__)

_MAX_ADAPTATIONS: Final = 5


class AnthropicProvider:
    """A `Provider` for one server and key.

    headers: sent with each request, in addition. first_token_timeout: seconds from the request to the first sign of an
    answer. idle_timeout: seconds between two. Both count only the time spent waiting for the server, and are longer
    while it shows signs of life (timeouts.py). on_failure: called with the error of each failed answer before it is
    raised. There is one connection pool per event loop; `close` closes that of the running loop.

    When the server pauses a long turn, it is asked to go on, as part of the same answer. What a model refuses in a
    request is left out or replaced, once, and remembered.
    """

    is_demo = False

    def __init__(
        self,
        *,
        name: str = "anthropic",
        base_url: str = "",
        api_key: str = "",
        headers: Mapping[str, str] | None = None,
        connect_timeout: float = CONNECT_SECONDS,
        first_token_timeout: float = FIRST_TOKEN_SECONDS,
        idle_timeout: float = IDLE_SECONDS,
        settle_timeout: float = SETTLE_SECONDS,
        on_failure: Callable[[ProviderError], None] = lambda _: None,
    ) -> None:
        self.name = name
        self._base_url = base_url or DEFAULT_BASE_URL
        self._api_key = api_key
        self._headers = dict(headers or {})
        self._secrets = quotes.secrets_of(api_key, self._headers)
        self._connect_timeout = connect_timeout
        self._first_token_timeout = first_token_timeout
        self._idle_timeout = idle_timeout
        self._settle_timeout = settle_timeout
        self._on_failure = on_failure
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Client] = WeakKeyDictionary()
        # Learned from refused requests, by model.
        self._dialects: dict[str, Dialect] = {}

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        reader = MessageReader(
            secret=self._secrets,
            offers_tools=bool(request.tools) and not request.tools_are_off,
            are_off=request.tools_are_off,
        )
        try:
            while True:
                async with AsyncExitStack() as connection:
                    answer = await self._open(request, reader, connection)
                    while not reader.done:
                        for delta in await answer.next():
                            yield delta
                        if reader.failure is not None:
                            raise reader.failure
                    await answer.drain()
                if not reader.is_paused:
                    return
                reader = reader.continued()
        except ProviderError as error:
            told = errors.told(error, secret=self._secrets)
            logger.warning("provider %s: no answer from %s: %s", self.name, request.model, told)
            self._on_failure(error)
            raise

    async def models(self) -> tuple[str, ...]:
        """The names of the server's models, in its order. Raises ProviderError."""
        try:
            reading = listing.read(self._page)
            return await listed(reading, seconds=self._idle_timeout, secret=self._api_key)
        except errors.TRANSPORT_ERRORS as exc:
            raise errors.from_connection(exc, connect_timeout=self._connect_timeout) from exc

    async def close(self) -> None:
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    async def _open(self, request: Request, reader: MessageReader, connection: AsyncExitStack) -> AnswerStream:
        """The answer, once the headers say that one follows. `connection` closes it."""
        timeouts = connection.enter_context(
            Timeouts(first=self._first_token_timeout, idle=self._idle_timeout, settle=self._settle_timeout)
        )
        dialect = known = self._dialects.get(request.model) or dialect_of(request.model)
        adaptations = 0
        while True:
            fields = fields_of(request, dialect, items=reader.items)
            response = await self._ask(fields, timeouts)
            if response.is_success:
                break
            adapted = _adapted(dialect, fields, response) if adaptations < _MAX_ADAPTATIONS else None
            if adapted is None:
                raise self._refusal(response)
            dialect = adapted
            adaptations += 1
        connection.push_async_callback(response.aclose)
        if dialect is not known:
            self._dialects[request.model] = dialect.for_others()
        return await connection.enter_async_context(AnswerStream(response, reader, timeouts))

    async def _ask(self, fields: dict[str, Any], timeouts: Timeouts) -> httpx2.Response:
        try:
            return await timeouts.wait(self._client().ask(fields))
        except errors.TRANSPORT_ERRORS as exc:
            raise errors.from_connection(exc, connect_timeout=self._connect_timeout) from exc
        except errors.IMPOSSIBLE_ERRORS:
            # Without the cause, which may quote the key.
            raise Misconfigured(errors.IMPOSSIBLE) from None

    async def _page(self, parameters: Mapping[str, str]) -> httpx2.Response:
        response = await self._client().list_models(parameters)
        if not response.is_success:
            raise self._refusal(response)
        return response

    def _refusal(self, response: httpx2.Response) -> ProviderError:
        if 300 <= response.status_code < 400:
            logger.warning("provider %s: %s", self.name, errors.told_redirect(response))
        return errors.from_status(response, secret=self._secrets)

    def _client(self) -> Client:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = Client(
                base_url=self._base_url,
                api_key=self._api_key,
                headers=self._headers,
                connect_timeout=self._connect_timeout,
            )
        return client


def _adapted(dialect: Dialect, fields: Mapping[str, Any], response: httpx2.Response) -> Dialect | None:
    """What may be accepted instead; None if the request was refused for another reason than its form."""
    if response.status_code not in (400, 422):
        return None
    words = errors.complaint(response).words
    return dialect.shortened(words) if errors.is_too_long(response) else dialect.adapted(fields, words)
