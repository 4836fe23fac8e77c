"""Looks for Ollama at the address of OLLAMA_URL, and for the models that it has."""

from __future__ import annotations

from typing import Final

import aiohttp

from chat.providers.base import ProviderError, ProviderUnavailable
from chat.providers.detected import Detected, without_models
from chat.providers.http import asking, listing
from chat.providers.http.chat_models import chats
from chat.providers.kinds import Settings
from chat.providers.ollama.descriptions import described

NAME: Final = "ollama"
URL: Final = "http://127.0.0.1:11434"
# It is only guessed, on this machine: startup should not wait for it.
DETECTION_SECONDS: Final = 0.5

_READ_BYTES: Final = 64 * 1024


async def detect(settings: Settings, is_doubted: bool, *, seconds: float = DETECTION_SECONDS) -> Detected:
    """What Ollama offers. seconds: the timeout. Never raises, whatever is at its address."""
    root = settings["OLLAMA_URL"].rstrip("/")
    try:
        models = tuple(filter(chats, await _tags(root, seconds)))
    except (aiohttp.ClientConnectionError, OSError):
        error: ProviderError = ProviderUnavailable("Ollama is not responding.")
    except (ProviderError, aiohttp.ClientError, ValueError, TypeError, OverflowError):
        error = ProviderError("The server at Ollama's address does not list its models.")
    else:
        if models:
            return Detected(NAME, await described(root, models), models[0], is_guess=True)
        return without_models(NAME, "Ollama has no chat models.").as_guess
    return Detected(NAME, (), "", f"OLLAMA_URL: {error.message}", error, is_guess=True)


async def _tags(root: str, seconds: float) -> tuple[str, ...]:
    async with (
        asking.timeout(seconds),
        asking.session() as server,
        server.get(f"{root}/api/tags", allow_redirects=False) as response,
    ):
        if response.status != 200:
            raise ProviderError(f"Status {response.status}.")
        return await listing.read(response.content.iter_chunked(_READ_BYTES))
