"""At the start: which models are there, and an assistant for each of them."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils.text import slugify

from chat import database
from chat.models import Assistant
from chat.providers.catalogue import Detected, ProviderSettings, build, detect
from chat.providers.registry import Registry

logger = logging.getLogger(__name__)

# An Ollama with a hundred models would bury the choice; the administrator can add any other by hand.
DETECTED_MODELS: Final = 30


def provider_settings() -> ProviderSettings:
    return ProviderSettings(
        openai_base_url=settings.OPENAI_BASE_URL,
        openai_api_key=settings.OPENAI_API_KEY,
        openai_model=settings.OPENAI_MODEL,
        ollama_url=settings.OLLAMA_URL,
        demo_tokens_per_second=settings.CHAT_DEMO_TOKENS_PER_SECOND,
        first_token_timeout=settings.CHAT_FIRST_TOKEN_TIMEOUT,
        idle_timeout=settings.CHAT_IDLE_TIMEOUT,
    )


async def connect(configured: ProviderSettings) -> Registry:
    """The providers to use, after the assistants of what was found have been brought up to date."""
    environment = {
        "OPENAI_API_KEY": configured.openai_api_key,
        "OPENAI_BASE_URL": configured.openai_base_url,
        "OPENAI_MODEL": configured.openai_model,
    }
    found = await detect(environment, ollama_url=configured.ollama_url)
    if found.problem:
        logger.warning("%s", found.problem)
    logger.info("Answers come from %s: %s.", found.provider_name, ", ".join(found.models) or found.default_model)
    await database.write(show_detected, found)
    providers = build(configured)
    # In a thread: the openai package takes a second to import, in which the first message would stop every stream.
    await asyncio.to_thread(providers.__getitem__, found.provider_name)
    return providers


@transaction.atomic
def show_detected(found: Detected) -> None:
    """An assistant for each model that was found; those of models that are gone are hidden, not deleted.

    What an administrator made, hid or chose is left alone. Only where no default can be used any more, the model that
    was found becomes it.
    """
    models = list(dict.fromkeys([found.default_model, *found.models]))[:DETECTED_MODELS]
    detected = Assistant.objects.filter(is_detected=True)
    there = detected.filter(provider=found.provider_name, model__in=models)
    detected.exclude(pk__in=there.values("pk")).update(is_available=False)
    there.update(is_available=True)
    for model in models:
        _show(found.provider_name, model)
    if not Assistant.objects.filter(is_default=True, is_active=True, is_available=True).exists():
        default = there.filter(model=found.default_model, is_active=True).first()
        if default is not None:
            default.is_default = True
            default.save()


def _show(provider: str, model: str) -> None:
    """One that is there already, an administrator's own too, stands for the model."""
    if not Assistant.objects.filter(provider=provider, model=model).exists():
        name = "Demo" if provider == "demo" else model
        Assistant.objects.create(name=name[:100], slug=_slug(name), provider=provider, model=model, is_detected=True)


def _slug(name: str) -> str:
    """A free slug made of the name."""
    base = slugify(name.replace(".", "-").replace(":", "-").replace("/", "-"))[:100] or "assistant"
    taken = set(Assistant.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(
        slug for slug in (base, *(f"{base}-{number}" for number in range(2, len(taken) + 3))) if slug not in taken
    )
