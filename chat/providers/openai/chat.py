"""Answers from any server that speaks the OpenAI chat completions API, through the `openai` package.

The package makes the request (client.py); the body is read as bytes and decoded here, because its own iteration builds
a pydantic object per chunk (bench/decoder.py has the figures).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, suppress
from types import MappingProxyType
from typing import Any, Final, cast
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx2
import openai

from chat.providers.base import (
    Delta,
    Misconfigured,
    ProviderError,
    ReasoningDelta,
    Request,
    TextDelta,
    TimedOut,
)
from chat.providers.http.connection import Connection
from chat.providers.http.read_throttle import ReadThrottle
from chat.providers.http.timeouts import Timeouts
from chat.providers.openai import errors, listing
from chat.providers.openai.client import Client
from chat.providers.openai.messages import messages_of
from chat.providers.openai.reader import AnswerReader

logger = logging.getLogger(__name__)

DEFAULT_BASE_URL: Final = "https://api.openai.com/v1"
CONNECT_SECONDS: Final = 5.0
FIRST_TOKEN_SECONDS: Final = 60.0
IDLE_SECONDS: Final = 45.0
# After the finish reason the answer is complete: wait only briefly for usage and the end of the stream.
SETTLE_SECONDS: Final = 3.0
# The last bytes of a response usually come with [DONE]. Once they are read, the connection can be reused.
DRAIN_SECONDS: Final = 0.1
# Raised for a base URL or an API key that cannot be used in a request.
_IMPOSSIBLE: Final = (httpx2.InvalidURL, ValueError, TypeError, OverflowError)
_LIMIT_FIELDS: Final = ("max_tokens", "max_completion_tokens")
# Optional fields, dropped if a server rejects them.
_SPARE_FIELDS: Final = ("user", "stream_options")
_MAX_ADAPTATIONS: Final = 3


class OpenAIProvider:
    """A `Provider` for one server and key.

    first_token_timeout: seconds from the request to the first text or reasoning. idle_timeout: seconds between two
    deltas. Both count only the time spent waiting for the server, and are longer while it shows signs of life
    (timeouts.py). on_failure: called with the error of each failed answer before it is raised.
    There is one connection pool per event loop; `close` closes that of the running loop. headers: sent with every
    request.
    """

    is_demo = False

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
        self._connect_timeout = connect_timeout
        self._first_token_timeout = first_token_timeout
        self._idle_timeout = idle_timeout
        self._settle_timeout = settle_timeout
        self._on_failure = on_failure
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Client] = WeakKeyDictionary()
        # Learned from rejected requests, by model: unknown fields, and the name of the limit field.
        self._without: dict[str, frozenset[str]] = {}
        self._limit_fields: dict[str, str] = {}

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        reader = AnswerReader(secret=self._api_key)
        timeouts = Timeouts(first=self._first_token_timeout, idle=self._idle_timeout, settle=self._settle_timeout)
        try:
            async with AsyncExitStack() as connection:
                connection.enter_context(timeouts)
                response = await self._open(request, timeouts, connection)
                body = await connection.enter_async_context(aclosing(_body_of(response)))
                line = Connection(response)
                throttle = connection.enter_context(ReadThrottle(line))
                while not reader.done:
                    await throttle.turn()
                    for delta in await self._next(body, reader, timeouts, throttle):
                        yield delta
                    if reader.failure is not None:
                        raise reader.failure
                line.resume()
                await _drain(body)
        except ProviderError as error:
            logger.warning("provider %s: no answer from %s: %s", self.name, request.model, self._told(error))
            self._on_failure(error)
            raise

    async def models(self) -> tuple[str, ...]:
        """The names of the server's models, in its order. Raises ProviderError."""
        try:
            async with asyncio.timeout(self._idle_timeout):
                names = await self._listing()
        except listing.NoListing as exc:
            raise ProviderError(f"The model server's list of models {exc}.") from None
        except (openai.OpenAIError, *errors.TRANSPORT_ERRORS) as exc:
            if isinstance(exc, TimeoutError):
                raise TimedOut("The model server did not list its models in time.") from exc
            raise self._refusal(exc) from exc
        except _IMPOSSIBLE:
            raise Misconfigured(errors.IMPOSSIBLE) from None
        return tuple(name for name in names if errors.without_secret(name, self._api_key) == name)

    async def close(self) -> None:
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    async def _listing(self) -> tuple[str, ...]:
        async with self._client().package.models.with_streaming_response.list() as response:
            body = response.http_response.aiter_bytes()
            async with aclosing(body):
                return await listing.read(body)

    async def _open(self, request: Request, timeouts: Timeouts, connection: AsyncExitStack) -> httpx2.Response:
        """The response, once its headers say that an answer follows. `connection` closes it."""
        fields = asked = self._fields(request)
        adaptations = 0
        while True:
            try:
                response = await self._request(fields, timeouts)
            except openai.APIStatusError as exc:
                adapted = _adapted(fields, exc) if adaptations < _MAX_ADAPTATIONS else None
                if adapted is None:
                    raise self._refusal(exc) from exc
                fields = adapted
                adaptations += 1
            else:
                connection.push_async_callback(response.aclose)
                self._learn(asked, fields)
                return response

    async def _request(self, fields: dict[str, Any], timeouts: Timeouts) -> httpx2.Response:
        try:
            return await timeouts.wait(self._client().ask(fields))
        except openai.APIStatusError:
            raise
        except (openai.OpenAIError, *errors.TRANSPORT_ERRORS) as exc:
            raise self._refusal(exc) from exc
        except _IMPOSSIBLE:
            # Without the cause, which may quote the key.
            raise Misconfigured(errors.IMPOSSIBLE) from None

    async def _next(
        self, body: AsyncIterator[bytes], reader: AnswerReader, timeouts: Timeouts, throttle: ReadThrottle
    ) -> list[Delta]:
        """The deltas of the next bytes. If the upstream has ended, they end the answer."""
        try:
            chunk = await timeouts.wait(anext(body, None))
        except (TimedOut, *errors.TRANSPORT_ERRORS) as exc:
            if not reader.settled:
                raise exc if isinstance(exc, TimedOut) else errors.cut_off(exc) from exc
            chunk = None
        if chunk is None:
            return reader.close()
        deltas = reader.feed(chunk)
        if any(isinstance(delta, TextDelta | ReasoningDelta) for delta in deltas):
            timeouts.heard()
            if not reader.settled:
                throttle.read(len(chunk))
        else:
            timeouts.alive()
        if reader.is_over:
            timeouts.settle()
        return deltas

    def _client(self) -> Client:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = Client(
                base_url=self._base_url,
                api_key=self._api_key,
                connect_timeout=self._connect_timeout,
                headers=self._headers,
            )
        return client

    def _fields(self, request: Request) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "model": request.model,
            "messages": messages_of(request.prompts),
            "stream": True,
        }
        spare = {"stream_options": {"include_usage": True}, "user": request.user}
        unknown = self._without.get(request.model, frozenset())
        fields |= {field: value for field, value in spare.items() if value and field not in unknown}
        if request.temperature is not None:
            fields["temperature"] = request.temperature
        if request.max_output_tokens is not None:
            fields[self._limit_field(request.model)] = request.max_output_tokens
        return fields

    def _learn(self, asked: dict[str, Any], fields: dict[str, Any]) -> None:
        """Remember which fields were accepted, so that the next request is not rejected first."""
        model = fields["model"]
        if unknown := asked.keys() & set(_SPARE_FIELDS) - fields.keys():
            self._without[model] = self._without.get(model, frozenset()) | unknown
        for field in _LIMIT_FIELDS:
            if field in fields:
                self._limit_fields[model] = field

    def _limit_field(self, model: str) -> str:
        # OpenAI's newer models accept only the second name, most other servers only the first.
        usual = "max_completion_tokens" if urlsplit(self._base_url).hostname == "api.openai.com" else "max_tokens"
        return self._limit_fields.get(model, usual)

    def _refusal(self, error: Exception) -> ProviderError:
        if isinstance(error, openai.APIStatusError):
            if 300 <= error.status_code < 400:
                self._tell_redirect(error)
            return errors.from_status(error, secret=self._api_key)
        return errors.from_connection(error, connect_timeout=self._connect_timeout)

    def _told(self, error: ProviderError) -> str:
        """The error for the log: the message and the system's error, which alone names the host."""
        causes = (str(cause) for cause in errors.causes_of(error) if isinstance(cause, OSError))
        system = errors.without_secret(next(causes, ""), self._api_key)
        return f"{error.message} ({system})" if system else error.message

    def _tell_redirect(self, error: openai.APIStatusError) -> None:
        if target := error.response.extensions.get("redirect"):
            logger.warning("provider %s: redirect to %s not followed; check the base URL", self.name, target)
        else:
            logger.warning(
                "provider %s: redirect without a Location (status %s); check the base URL",
                self.name,
                error.status_code,
            )


def _body_of(response: httpx2.Response) -> AsyncGenerator[bytes, None]:
    """As the transport gives it, which has unpacked it: `aiter_bytes` is three more generators for each piece."""
    return cast("AsyncGenerator[bytes, None]", aiter(cast(httpx2.AsyncByteStream, response.stream)))


def _adapted(fields: dict[str, Any], error: openai.APIStatusError) -> dict[str, Any] | None:
    """The same request without the fields that this server seems not to know; None if it was rejected otherwise."""
    if error.status_code not in (400, 422) or errors.is_too_long(error):
        return None
    for field, other in zip(_LIMIT_FIELDS, reversed(_LIMIT_FIELDS), strict=True):
        if field in fields and errors.mentions(error, field):
            return {other if key == field else key: value for key, value in fields.items()}
    unknown = errors.unknown_fields(error, [field for field in _SPARE_FIELDS if field in fields])
    return {key: value for key, value in fields.items() if key not in unknown} if unknown else None


async def _drain(body: AsyncIterator[bytes]) -> None:
    """Read whatever follows [DONE]: a fully read response returns its connection to the pool."""
    with suppress(*errors.TRANSPORT_ERRORS):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in body:
                pass
