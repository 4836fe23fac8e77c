"""Answers from any server that speaks the OpenAI chat completions API, through the `openai` package.

The package makes the request (addresses, authentication, errors); the body is read as bytes and decoded here, because
its own iteration builds a pydantic object per chunk (bench/decoder.py has the figures).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, suppress
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
from chat.providers.http.transport import OriginTransport
from chat.providers.openai import errors, listing
from chat.providers.openai.reader import AnswerReader
from chat.providers.text import clean

logger = logging.getLogger(__name__)

DEFAULT_BASE_URL: Final = "https://api.openai.com/v1"
CONNECT_SECONDS: Final = 5.0
FIRST_TOKEN_SECONDS: Final = 60.0
IDLE_SECONDS: Final = 45.0
# An answer with its finish reason is whole. Usage and the end of the stream are waited for, but not for long.
SETTLE_SECONDS: Final = 3.0
# The last bytes of a response usually come with [DONE]; with them read, the connection can serve the next request.
DRAIN_SECONDS: Final = 0.1
# What is tried with an address or a key that no request can be made of.
_IMPOSSIBLE: Final = (httpx2.InvalidURL, ValueError, TypeError, OverflowError)
# Has the package return the response as soon as its headers are there, as `with_streaming_response` does.
_UNREAD: Final = {"X-Stainless-Raw-Response": "stream"}
_LIMIT_FIELDS: Final = ("max_tokens", "max_completion_tokens")
# What an answer can do without.
_SPARE_FIELDS: Final = ("user", "stream_options")
_MAX_ADAPTATIONS: Final = 3


class OpenAIProvider:
    """A `Provider` for one server and key.

    first_token_timeout: seconds from the request to the first text or reasoning. idle_timeout: seconds between two
    deltas. Both count only the time spent waiting for the server, and are longer while it shows that it lives
    (patience.py). on_failure: is called with the error of each answer that fails, before it is raised.
    One connection pool per event loop; `close` releases that of the running loop.
    """

    is_demo = False

    def __init__(
        self,
        *,
        name: str = "openai",
        base_url: str = "",
        api_key: str = "",
        connect_timeout: float = CONNECT_SECONDS,
        first_token_timeout: float = FIRST_TOKEN_SECONDS,
        idle_timeout: float = IDLE_SECONDS,
        settle_timeout: float = SETTLE_SECONDS,
        on_failure: Callable[[ProviderError], None] = lambda _: None,
    ) -> None:
        self.name = name
        self._base_url = base_url or DEFAULT_BASE_URL
        self._api_key = api_key
        self._connect_timeout = connect_timeout
        self._first_token_timeout = first_token_timeout
        self._idle_timeout = idle_timeout
        self._settle_timeout = settle_timeout
        self._on_failure = on_failure
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, openai.AsyncOpenAI] = WeakKeyDictionary()
        # Learned from refusals, by model: what it does not know.
        self._without: dict[str, frozenset[str]] = {}
        self._limit_fields: dict[str, str] = {}

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        reader = AnswerReader(secret=self._api_key)
        patience = Timeouts(first=self._first_token_timeout, idle=self._idle_timeout, settle=self._settle_timeout)
        try:
            async with AsyncExitStack() as connection:
                connection.enter_context(patience)
                response = await self._open(request, patience, connection)
                body = await connection.enter_async_context(aclosing(response.http_response.aiter_bytes()))
                line = Connection(response.http_response)
                pace = connection.enter_context(ReadThrottle(line))
                while not reader.done:
                    await pace.turn()
                    for delta in await self._next(body, reader, patience, pace):
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
        """The names of the models that the server offers, in its order. Raises ProviderError."""
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
        async with self._client().models.with_streaming_response.list() as response:
            body = response.http_response.aiter_bytes()
            async with aclosing(body):
                return await listing.read(body)

    async def _open(
        self, request: Request, patience: Timeouts, connection: AsyncExitStack
    ) -> openai.AsyncAPIResponse[Any]:
        """The response, once its headers say that an answer follows. `connection` closes it."""
        fields = asked = self._fields(request)
        adaptations = 0
        while True:
            try:
                response = await self._request(fields, patience, connection)
            except openai.APIStatusError as exc:
                adapted = _adapted(fields, exc) if adaptations < _MAX_ADAPTATIONS else None
                if adapted is None:
                    raise self._refusal(exc) from exc
                fields = adapted
                adaptations += 1
            else:
                self._learn(asked, fields)
                return response

    async def _request(
        self, fields: dict[str, Any], patience: Timeouts, connection: AsyncExitStack
    ) -> openai.AsyncAPIResponse[Any]:
        try:
            return await patience.wait(_posted(self._client(), fields, connection))
        except openai.APIStatusError:
            raise
        except (openai.OpenAIError, *errors.TRANSPORT_ERRORS) as exc:
            raise self._refusal(exc) from exc
        except _IMPOSSIBLE:
            # Without its cause, which may quote the key.
            raise Misconfigured(errors.IMPOSSIBLE) from None

    async def _next(
        self, body: AsyncIterator[bytes], reader: AnswerReader, patience: Timeouts, pace: ReadThrottle
    ) -> list[Delta]:
        """The deltas of the next bytes; the answer ends with them if the upstream does."""
        try:
            chunk = await patience.wait(anext(body, None))
        except (TimedOut, *errors.TRANSPORT_ERRORS) as exc:
            if not reader.settled:
                raise exc if isinstance(exc, TimedOut) else errors.cut_off(exc) from exc
            chunk = None
        if chunk is None:
            return reader.close()
        deltas = reader.feed(chunk)
        if any(isinstance(delta, TextDelta | ReasoningDelta) for delta in deltas):
            patience.heard()
            if not reader.settled:
                pace.read(len(chunk))
        else:
            patience.alive()
        if reader.is_over:
            patience.settle()
        return deltas

    def _client(self) -> openai.AsyncOpenAI:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = openai.AsyncOpenAI(
                base_url=self._base_url,
                api_key=self._api_key or "none",
                max_retries=0,
                timeout=openai.Timeout(None, connect=self._connect_timeout),
                default_headers={"User-Agent": "Chatsite"},
                http_client=httpx2.AsyncClient(
                    transport=OriginTransport(self._base_url), follow_redirects=False, trust_env=False
                ),
            )
        return client

    def _fields(self, request: Request) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "model": request.model,
            "messages": [{"role": prompt.role, "content": clean(prompt.text)} for prompt in request.prompts],
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
        """Remembers the form of a request that was accepted, so that the next one need not be refused first."""
        model = fields["model"]
        if unknown := asked.keys() & set(_SPARE_FIELDS) - fields.keys():
            self._without[model] = self._without.get(model, frozenset()) | unknown
        for field in _LIMIT_FIELDS:
            if field in fields:
                self._limit_fields[model] = field

    def _limit_field(self, model: str) -> str:
        # OpenAI's newer models know only the second name, most other servers only the first.
        usual = "max_completion_tokens" if urlsplit(self._base_url).hostname == "api.openai.com" else "max_tokens"
        return self._limit_fields.get(model, usual)

    def _refusal(self, error: Exception) -> ProviderError:
        if isinstance(error, openai.APIStatusError):
            if 300 <= error.status_code < 400:
                self._tell_redirect(error)
            return errors.from_status(error, secret=self._api_key)
        return errors.from_connection(error, connect_timeout=self._connect_timeout)

    def _told(self, error: ProviderError) -> str:
        """For the operator: the sentence, and what the system said, where nothing else tells the host."""
        causes = (str(cause) for cause in errors.causes_of(error) if isinstance(cause, OSError))
        system = errors.without_secret(next(causes, ""), self._api_key)
        return f"{error.message} ({system})" if system else error.message

    def _tell_redirect(self, error: openai.APIStatusError) -> None:
        if target := error.response.extensions.get("redirect"):
            logger.warning("provider %s: redirect to %s not followed; check the base URL", self.name, target)
        else:
            logger.warning(
                "provider %s: got a redirect that names no address (status %s); check the base URL",
                self.name,
                error.status_code,
            )


async def _posted(
    client: openai.AsyncOpenAI, fields: dict[str, Any], connection: AsyncExitStack
) -> openai.AsyncAPIResponse[Any]:
    """As `chat.completions.with_streaming_response.create`, which looks at every field of every message first.

    It looks for what has another name in JSON: here nothing has, and it takes a third of the time of the request.
    """
    posted = await client.post(
        "/chat/completions",
        body=fields,
        options={"headers": _UNREAD},
        cast_to=object,
        stream=True,
        stream_cls=openai.AsyncStream[Any],
    )
    response = cast(openai.AsyncAPIResponse[Any], posted)
    connection.push_async_callback(response.close)
    return response


def _adapted(fields: dict[str, Any], error: openai.APIStatusError) -> dict[str, Any] | None:
    """The same request without what this server seems not to know; None where its refusal has another reason."""
    if error.status_code not in (400, 422) or errors.is_too_long(error):
        return None
    for field, other in zip(_LIMIT_FIELDS, reversed(_LIMIT_FIELDS), strict=True):
        if field in fields and errors.mentions(error, field):
            return {other if key == field else key: value for key, value in fields.items()}
    unknown = errors.unknown_fields(error, [field for field in _SPARE_FIELDS if field in fields])
    return {key: value for key, value in fields.items() if key not in unknown} if unknown else None


async def _drain(body: AsyncIterator[bytes]) -> None:
    """Reads what follows [DONE]; a response read to its end gives its connection back to the pool."""
    with suppress(*errors.TRANSPORT_ERRORS):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in body:
                pass
