"""What the server of OPENAI_BASE_URL, or else OpenAI, offers to the key of OPENAI_API_KEY."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from chat.providers.base import ProviderError
from chat.providers.detected import Detected, is_silence, without_models
from chat.providers.http.chat_models import chats
from chat.providers.kinds import Account, Settings
from chat.providers.openai.descriptions import described

NAME: Final = "openai"
DEFAULT_MODEL: Final = "gpt-5.4-mini"
# The server may be remote.
LISTING_SECONDS: Final = 5.0


async def detect(settings: Settings, is_doubted: bool) -> Detected:
    """The model of OPENAI_MODEL, or those that the server lists. Never raises, whatever the server does."""
    key, base_url = settings.get("OPENAI_API_KEY", ""), settings.get("OPENAI_BASE_URL", "")
    named = settings.get("OPENAI_MODEL", "") or ("" if base_url else DEFAULT_MODEL)
    if not named:
        return await _listed(base_url, key)
    if is_doubted and (error := await _silence(base_url, key)):
        return Detected(NAME, (named,), named, f"{_name(base_url)} is not responding ({error.message})", error)
    return Detected(NAME, (named,), named)


async def _listed(base_url: str, key: str) -> Detected:
    advice = "Set OPENAI_MODEL to the model's name."
    try:
        models = tuple(filter(chats, await _models(base_url, key)))
    except ProviderError as error:
        found = Detected(NAME, (), "", f"OPENAI_BASE_URL does not list its models ({error.message}) ", error)
        return replace(found, problem=found.problem + ("Retrying." if found.is_silent else advice))
    if not models:
        return without_models(NAME, f"OPENAI_BASE_URL lists no chat models. {advice}")
    headers = Account(NAME, api_key=key).authorization
    return Detected(NAME, await described(base_url, models, headers=headers), models[0])


async def _silence(base_url: str, key: str) -> ProviderError | None:
    """The error if the server is unreachable. Any response counts as reachable: not all servers list their models."""
    try:
        await _models(base_url, key)
    except ProviderError as error:
        return error if is_silence(error) else None
    return None


async def _models(base_url: str, key: str) -> tuple[str, ...]:
    from chat.providers.openai.chat import OpenAIProvider

    provider = OpenAIProvider(base_url=base_url, api_key=key, idle_timeout=LISTING_SECONDS)
    try:
        return await provider.models()
    finally:
        await provider.close()


def _name(base_url: str) -> str:
    return "OPENAI_BASE_URL" if base_url else "OpenAI"
