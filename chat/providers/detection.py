"""Detects the available providers and their models.

A server named in the environment comes first, then Ollama on this machine. Without either, the demo is used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from chat.providers.base import Provider, ProviderError, ProviderUnavailable, TimedOut
from chat.providers.demo.provider import MODEL as DEMO_MODEL
from chat.providers.demo.provider import TOKENS_PER_SECOND, DemoProvider
from chat.providers.http import listing
from chat.providers.http.chat_models import chats
from chat.providers.registry import Registry

OLLAMA_URL: Final = "http://127.0.0.1:11434"
DEFAULT_OPENAI_MODEL: Final = "gpt-5.4-mini"
DETECTION_SECONDS: Final = 0.5
# A configured server may be remote; the one that is only guessed is on this machine.
LISTING_SECONDS: Final = 5.0

_READ_BYTES: Final = 64 * 1024
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104  (compared, not bound)
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """The operator's settings for the providers. Timeouts are in seconds; empty strings mean the default."""

    openai_base_url: str = ""
    openai_api_key: str = field(default="", repr=False)
    openai_model: str = ""
    ollama_url: str = OLLAMA_URL
    demo_tokens_per_second: float = TOKENS_PER_SECOND
    first_token_timeout: float = 60.0
    idle_timeout: float = 45.0


@dataclass(frozen=True, slots=True)
class Detected:
    """What a provider offers. `default_model` is one of `models`; both are empty if the server listed none.

    error: what went wrong, with a message for users, if the server could not be reached or returned nothing usable.
    problem: the same for the operator. Model names are never invented. is_guess: the server is not configured, only
    tried, and may well not exist.
    """

    provider_name: str
    models: tuple[str, ...]
    default_model: str
    problem: str = ""
    error: ProviderError | None = field(default=None, compare=False)
    is_guess: bool = field(default=False, compare=False)

    @property
    def is_silent(self) -> bool:
        """Whether the server is unreachable, but may be back any moment."""
        return self.error is not None and _is_silence(self.error)


DEMO: Final = Detected("demo", (DEMO_MODEL,), DEMO_MODEL, is_guess=True)


async def detect(
    environment: Mapping[str, str],
    *,
    ollama_url: str = OLLAMA_URL,
    seconds: float = DETECTION_SECONDS,
    is_doubted: bool = False,
) -> tuple[Detected, ...]:
    """Reads OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_MODEL, and looks for Ollama. The best choice comes first.

    If the model is configured, the server is contacted only if `is_doubted`, and only to see whether it responds.
    seconds: the timeout for Ollama. Never raises, whatever a server does.
    """
    key, base_url = environment.get("OPENAI_API_KEY", ""), environment.get("OPENAI_BASE_URL", "")
    asking: list[Coroutine[Any, Any, Detected]] = []
    if key or base_url:
        asking.append(_openai(base_url, key, environment.get("OPENAI_MODEL", ""), is_doubted=is_doubted))
    if ollama_url and not _is_same_server(base_url, ollama_url):
        asking.append(_ollama(ollama_url, seconds))
    return _without_repeated(await asyncio.gather(*asking))


async def _openai(base_url: str, key: str, model: str, *, is_doubted: bool) -> Detected:
    named = model or ("" if base_url else DEFAULT_OPENAI_MODEL)
    if not named:
        return await _listed(base_url, key)
    if is_doubted and (error := await _silence(base_url, key)):
        return Detected("openai", (named,), named, f"{_name(base_url)} is not responding ({error.message})", error)
    return Detected("openai", (named,), named)


async def _listed(base_url: str, key: str) -> Detected:
    advice = "Set OPENAI_MODEL to the model's name."
    try:
        models = tuple(filter(chats, await _models(base_url, key)))
    except ProviderError as error:
        found = Detected("openai", (), "", f"OPENAI_BASE_URL does not list its models ({error.message}) ", error)
        return replace(found, problem=found.problem + ("Retrying." if found.is_silent else advice))
    if not models:
        return _without_models("openai", f"OPENAI_BASE_URL lists no chat models. {advice}")
    return Detected("openai", models, models[0])


async def _silence(base_url: str, key: str) -> ProviderError | None:
    """The error if the server is unreachable. Any response counts as reachable: not all servers list their models."""
    try:
        await _models(base_url, key)
    except ProviderError as error:
        return error if _is_silence(error) else None
    return None


async def _models(base_url: str, key: str) -> tuple[str, ...]:
    from chat.providers.openai.chat import OpenAIProvider

    provider = OpenAIProvider(base_url=base_url, api_key=key, idle_timeout=LISTING_SECONDS)
    try:
        return await provider.models()
    finally:
        await provider.close()


async def _ollama(url: str, seconds: float) -> Detected:
    try:
        models = tuple(filter(chats, await _tags(url, seconds)))
    except (aiohttp.ClientConnectionError, OSError):
        error: ProviderError = ProviderUnavailable("Ollama is not responding.")
    except (ProviderError, aiohttp.ClientError, ValueError, TypeError, OverflowError):
        error = ProviderError("The server at Ollama's address does not list its models.")
    else:
        if models:
            return Detected("ollama", models, models[0], is_guess=True)
        return replace(_without_models("ollama", "Ollama has no chat models."), is_guess=True)
    return Detected("ollama", (), "", f"OLLAMA_URL: {error.message}", error, is_guess=True)


async def _tags(url: str, seconds: float) -> tuple[str, ...]:
    async with (
        asyncio.timeout(seconds),
        aiohttp.ClientSession(
            headers={"Accept-Encoding": "identity", "User-Agent": "Chatsite"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        ) as session,
        session.get(f"{url.rstrip('/')}/api/tags", allow_redirects=False) as response,
    ):
        if response.status != 200:
            raise ProviderError(f"Status {response.status}.")
        return await listing.read(response.content.iter_chunked(_READ_BYTES))


def _is_silence(error: ProviderError) -> bool:
    return isinstance(error, ProviderUnavailable | TimedOut) and error.retryable


def _without_models(provider: str, problem: str) -> Detected:
    return Detected(provider, (), "", problem, ProviderError("The model server offers no chat model."))


def _is_same_server(base_url: str, ollama_url: str) -> bool:
    """Whether OPENAI_BASE_URL points to the same Ollama."""
    try:
        return bool(base_url) and _place(base_url) == _place(ollama_url)
    except ValueError:
        return False


def _place(url: str) -> tuple[str, int | None]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return "localhost" if host in _LOCAL else host, parts.port or _PORTS.get(parts.scheme)


def _without_repeated(found: Sequence[Detected]) -> tuple[Detected, ...]:
    """Drop Ollama if the other server lists all of its models: it may be the same server under another name."""
    first = found[0] if found else None
    return tuple(
        each
        for each in found
        if each is first or first is None or not (each.models and set(each.models) <= set(first.models))
    )


def _name(base_url: str) -> str:
    return "OPENAI_BASE_URL" if base_url else "OpenAI"


def build(settings: ProviderSettings, *, on_failure: Callable[[ProviderError], None] = lambda _: None) -> Registry:
    """The providers "openai", "ollama" and "demo", each created and connected on first use.

    on_failure: called with the error of each failed answer.
    """
    openai_url, ollama_url = settings.openai_base_url, f"{settings.ollama_url.rstrip('/')}/v1"
    return Registry(
        {
            "openai": lambda: _server(settings, "openai", openai_url, on_failure, api_key=settings.openai_api_key),
            "ollama": lambda: _server(settings, "ollama", ollama_url, on_failure),
            "demo": lambda: DemoProvider(tokens_per_second=settings.demo_tokens_per_second),
        }
    )


def _server(
    settings: ProviderSettings,
    name: str,
    base_url: str,
    on_failure: Callable[[ProviderError], None],
    *,
    api_key: str = "",
) -> Provider:
    # The openai package takes a second to import: a site with only the demo should not wait for it.
    from chat.providers.openai.chat import OpenAIProvider

    return OpenAIProvider(
        name=name,
        base_url=base_url,
        api_key=api_key,
        first_token_timeout=settings.first_token_timeout,
        idle_timeout=settings.idle_timeout,
        on_failure=on_failure,
    )
