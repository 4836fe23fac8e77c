"""At the start: which models are there, and an assistant for each of them."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.db import Error as DatabaseError
from django.utils.text import slugify

from chat import database
from chat.models import Assistant
from chat.providers.catalogue import DEMO, Detected, ProviderSettings, build, detect
from chat.providers.registry import Registry

logger = logging.getLogger(__name__)

# An Ollama with a hundred models would bury the choice; the administrator can add any other by hand.
DETECTED_MODELS: Final = 30
# In the log.
SHOWN_MODELS: Final = 5
FIRST_WAIT_SECONDS: Final = 5.0
LONGEST_WAIT_SECONDS: Final = 300.0


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


async def connect(
    configured: ProviderSettings, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> Registry:
    """The providers to use, after the assistants of what was found have been brought up to date.

    Comes up whatever a server says. One that does not list its models is asked again, until it does or the registry is
    closed. Raises django.db.Error while the database is away.
    """
    for problem in settings.SETTING_PROBLEMS:
        # Under daphne and uvicorn no system check has told of it.
        logger.error("settings: %s %s", problem.message, problem.hint)
    found = await _found(configured)
    if found.problem:
        logger.warning("providers: %s", found.problem)
    await _bring_up_to_date(found)
    providers = build(configured)
    # In a thread: the openai package takes a second to import, in which the first message would stop every stream.
    await asyncio.to_thread(providers.__getitem__, found.provider_name)
    if found.problem:
        asking = _ask_again(configured, sleep)
        providers.hold(asyncio.create_task(asking, name="models", context=contextvars.Context()))
    return providers


async def _found(configured: ProviderSettings) -> Detected:
    environment = {
        "OPENAI_API_KEY": configured.openai_api_key,
        "OPENAI_BASE_URL": configured.openai_base_url,
        "OPENAI_MODEL": configured.openai_model,
    }
    return await detect(environment, ollama_url=configured.ollama_url)


async def _ask_again(configured: ProviderSettings, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Until the server lists its models: it may have been started at the same time as the site."""
    wait = FIRST_WAIT_SECONDS
    while True:
        await sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT_SECONDS)
        try:
            found = await _found(configured)
            if not found.problem:
                await _bring_up_to_date(found)
                return
        except DatabaseError as error:
            logger.warning("providers: the models were not saved, trying again: %s", type(error).__name__)


async def _bring_up_to_date(found: Detected) -> None:
    """Raises django.db.Error while the database is away."""
    if found.models:
        more = len(found.models) - SHOWN_MODELS
        shown = ", ".join(found.models[:SHOWN_MODELS]) + (f" and {more} more" if more > 0 else "")
        logger.info("Answers come from %s: %s.", found.provider_name, shown)
    try:
        try:
            await database.write(show_detected, found)
        except IntegrityError:
            # Another process has made the same assistants at the same moment: now they are there.
            await database.write(show_detected, found)
    except (DataError, IntegrityError) as error:
        logger.warning("providers: the models of %s were not saved: %s", found.provider_name, type(error).__name__)


@transaction.atomic
def show_detected(found: Detected) -> None:
    """An assistant for each model that was found; those of models that are gone are hidden, not deleted.

    What an administrator made, hid or chose is left alone. Only where no default can be used any more, the model that
    was found becomes it. Where the server did not list its models, those that it listed last stay; if there are none,
    the demo stands in for them.
    """
    limit: int | None = DETECTED_MODELS
    if not found.models and (known := _last_known(found.provider_name)):
        found, limit = known, None
    elif not found.models:
        found = DEMO
    models = list(dict.fromkeys([found.default_model, *found.models]))[:limit]
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


def _last_known(provider: str) -> Detected | None:
    usable = Assistant.objects.filter(provider=provider, is_active=True, is_available=True)
    models = tuple(usable.order_by("-is_default", "position", "pk").values_list("model", flat=True))
    return Detected(provider, models, models[0]) if models else None


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
