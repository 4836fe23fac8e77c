"""Which providers there are, and which is the default.

The default is found at start: what the environment names, else an Ollama next door, else the demo.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from chat.providers import demo, listing
from chat.providers.base import Provider, ProviderError
from chat.providers.demo import TOKENS_PER_SECOND, DemoProvider
from chat.providers.registry import Registry

OLLAMA_URL: Final = "http://127.0.0.1:11434"
DEFAULT_OPENAI_MODEL: Final = "gpt-5.4-mini"
DETECTION_SECONDS: Final = 0.5
# A server that is named may be far away; one that is only guessed at is on this machine.
LISTING_SECONDS: Final = 5.0

_READ_BYTES: Final = 64 * 1024
_NO_CHAT: Final = re.compile(r"(?i)embed|whisper|tts|rerank|moderation|dall-e|image|audio|transcri|realtime|sora")


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What the operator can say of the providers. Timeouts are in seconds; empty texts mean the usual."""

    openai_base_url: str = ""
    openai_api_key: str = field(default="", repr=False)
    openai_model: str = ""
    ollama_url: str = OLLAMA_URL
    demo_tokens_per_second: float = TOKENS_PER_SECOND
    first_token_timeout: float = 60.0
    idle_timeout: float = 45.0


@dataclass(frozen=True, slots=True)
class Detected:
    """The provider to use by default, and its models; `default_model` is one of them.

    problem: a sentence for the operator, where what is configured could not be asked. Then there are no models, and
    the default is empty: a name that nobody gave is not made up.
    """

    provider_name: str
    models: tuple[str, ...]
    default_model: str
    problem: str = ""


DEMO: Final = Detected("demo", (demo.MODEL,), demo.MODEL)


async def detect(
    environment: Mapping[str, str], *, ollama_url: str = OLLAMA_URL, seconds: float = DETECTION_SECONDS
) -> Detected:
    """Looks at OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_MODEL; asks a server only where no model is named.

    seconds: how long Ollama has to answer. Never raises for what a server does.
    """
    key, base_url = environment.get("OPENAI_API_KEY", ""), environment.get("OPENAI_BASE_URL", "")
    model = environment.get("OPENAI_MODEL", "")
    if key or base_url:
        if model:
            return Detected("openai", (model,), model)
        if not base_url:
            return Detected("openai", (DEFAULT_OPENAI_MODEL,), DEFAULT_OPENAI_MODEL)
        return await _listed(base_url, key)
    models = await ollama_models(ollama_url, seconds=seconds)
    return Detected("ollama", models, models[0]) if models else DEMO


async def ollama_models(url: str, *, seconds: float = DETECTION_SECONDS) -> tuple[str, ...]:
    """The chat models that the Ollama at this address has; none where it is not there within that time."""
    try:
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
                return ()
            return _for_chat(await listing.read(response.content.iter_chunked(_READ_BYTES)))
    except (aiohttp.ClientError, OSError, ValueError, TypeError, OverflowError):
        return ()


def build(settings: ProviderSettings) -> Registry:
    """The providers "openai", "ollama" and "demo". Nothing is connected, or even made, before it is asked for."""
    return Registry(
        {
            "openai": lambda: _server(
                settings, name="openai", base_url=settings.openai_base_url, api_key=settings.openai_api_key
            ),
            "ollama": lambda: _server(settings, name="ollama", base_url=f"{settings.ollama_url.rstrip('/')}/v1"),
            "demo": lambda: DemoProvider(tokens_per_second=settings.demo_tokens_per_second),
        }
    )


def _server(settings: ProviderSettings, *, name: str, base_url: str, api_key: str = "") -> Provider:
    # The openai package takes a second to import: a site that only has the demo should not wait for it.
    from chat.providers.openai import OpenAIProvider

    return OpenAIProvider(
        name=name,
        base_url=base_url,
        api_key=api_key,
        first_token_timeout=settings.first_token_timeout,
        idle_timeout=settings.idle_timeout,
    )


async def _listed(base_url: str, key: str) -> Detected:
    from chat.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=base_url, api_key=key, idle_timeout=LISTING_SECONDS)
    try:
        models = _for_chat(await provider.models())
    except ProviderError as exc:
        problem = f"OPENAI_BASE_URL does not list its models ({exc.message}) Set OPENAI_MODEL to the model's name."
        return Detected("openai", (), "", problem)
    finally:
        await provider.close()
    if not models:
        problem = "OPENAI_BASE_URL lists no chat model. Set OPENAI_MODEL to the model's name."
        return Detected("openai", (), "", problem)
    return Detected("openai", models, models[0])


def _for_chat(models: tuple[str, ...]) -> tuple[str, ...]:
    """Without those whose name says that they do not chat."""
    return tuple(model for model in models if not _NO_CHAT.search(model))
