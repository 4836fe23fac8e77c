"""Which provider is there to use, found at start: what the environment names, else an Ollama next door, else the demo."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp

from chat.providers import demo
from chat.providers.base import ProviderError
from chat.providers.openai import OpenAIProvider

OLLAMA_URL: Final = "http://127.0.0.1:11434"
DEFAULT_OPENAI_MODEL: Final = "gpt-5.4-mini"
DETECTION_SECONDS: Final = 0.5
# A server that is named may be far away; one that is only guessed at is on this machine.
LISTING_SECONDS: Final = 5.0

_MOST_BYTES: Final = 4 * 1024 * 1024
_NO_CHAT: Final = re.compile(r"(?i)embed|whisper|tts|rerank|moderation|dall-e|image|audio|transcri|realtime|sora")


@dataclass(frozen=True, slots=True)
class Detected:
    """The provider to use by default, and its models; `default_model` is one of them.

    problem: a sentence for the operator, where what is configured could not be asked.
    """

    provider: str
    models: tuple[str, ...]
    default_model: str
    problem: str = ""


DEMO: Final = Detected("demo", (demo.MODEL,), demo.MODEL)


async def detect(
    environment: Mapping[str, str], *, ollama_url: str = OLLAMA_URL, timeout: float = DETECTION_SECONDS
) -> Detected:
    """Looks at OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_MODEL; asks a server only where no model is named.

    timeout: seconds that Ollama has to answer. Never raises for what a server does.
    """
    key, base_url = environment.get("OPENAI_API_KEY", ""), environment.get("OPENAI_BASE_URL", "")
    model = environment.get("OPENAI_MODEL", "")
    if key or base_url:
        if model:
            return Detected("openai", (model,), model)
        if not base_url:
            return Detected("openai", (DEFAULT_OPENAI_MODEL,), DEFAULT_OPENAI_MODEL)
        return await _listed(base_url, key)
    models = await ollama_models(ollama_url, timeout=timeout)
    return Detected("ollama", models, models[0]) if models else DEMO


async def ollama_models(url: str, *, timeout: float = DETECTION_SECONDS) -> tuple[str, ...]:
    """The chat models that the Ollama at this address has; none where it is not there within `timeout` seconds."""
    try:
        async with (
            asyncio.timeout(timeout),
            aiohttp.ClientSession() as session,
            session.get(f"{url.rstrip('/')}/api/tags", allow_redirects=False) as response,
        ):
            if response.status != 200:
                return ()
            listing = json.loads(await response.content.read(_MOST_BYTES))
    except (aiohttp.ClientError, OSError, ValueError):
        return ()
    models = listing.get("models") if isinstance(listing, dict) else None
    names = [model.get("name") for model in models or () if isinstance(model, dict)]
    return _for_chat(tuple(name for name in names if isinstance(name, str)))


async def _listed(base_url: str, key: str) -> Detected:
    provider = OpenAIProvider(base_url=base_url, api_key=key, idle_timeout=LISTING_SECONDS)
    try:
        models = _for_chat(await provider.models())
    except ProviderError as exc:
        problem = f"OPENAI_BASE_URL does not list its models ({exc.message}) Set OPENAI_MODEL to the model's name."
        return Detected("openai", (DEFAULT_OPENAI_MODEL,), DEFAULT_OPENAI_MODEL, problem)
    finally:
        await provider.close()
    if not models:
        problem = "OPENAI_BASE_URL lists no chat model. Set OPENAI_MODEL to the model's name."
        return Detected("openai", (DEFAULT_OPENAI_MODEL,), DEFAULT_OPENAI_MODEL, problem)
    return Detected("openai", models, models[0])


def _for_chat(models: tuple[str, ...]) -> tuple[str, ...]:
    """Without those whose name says that they do not chat."""
    return tuple(model for model in models if not _NO_CHAT.search(model))
