"""What Anthropic, or the server of ANTHROPIC_BASE_URL, offers to the key of ANTHROPIC_API_KEY."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from chat.providers.base import ProviderError
from chat.providers.detected import Detected, is_silence, without_models
from chat.providers.http.chat_models import chats
from chat.providers.kinds import Settings

NAME: Final = "anthropic"
LISTING_SECONDS: Final = 5.0
_ADVICE: Final = "Set ANTHROPIC_MODEL to the model's name."


async def detect(settings: Settings, is_doubted: bool) -> Detected:
    """The model of ANTHROPIC_MODEL, or those that the server lists. Never raises, whatever the server does."""
    named = settings.get("ANTHROPIC_MODEL", "")
    if named and not is_doubted:
        return Detected(NAME, (named,), named)
    try:
        models = tuple(filter(chats, await _models(settings)))
    except ProviderError as error:
        if named:
            # Not all servers list their models: only silence counts.
            problem = f"Anthropic is not responding ({error.message})"
            return Detected(NAME, (named,), named, problem, error) if is_silence(error) else _named(named)
        found = Detected(NAME, (), "", f"Anthropic does not list its models ({error.message}) ", error)
        return replace(found, problem=found.problem + ("Retrying." if found.is_silent else _ADVICE))
    if named:
        return _named(named)
    if not models:
        return without_models(NAME, f"Anthropic lists no chat models. {_ADVICE}")
    return Detected(NAME, models, models[0])


def _named(model: str) -> Detected:
    return Detected(NAME, (model,), model)


async def _models(settings: Settings) -> tuple[str, ...]:
    from chat.providers.anthropic.provider import AnthropicProvider

    provider = AnthropicProvider(
        base_url=settings.get("ANTHROPIC_BASE_URL", ""),
        api_key=settings.get("ANTHROPIC_API_KEY", ""),
        idle_timeout=LISTING_SECONDS,
    )
    try:
        return await provider.models()
    finally:
        await provider.close()
