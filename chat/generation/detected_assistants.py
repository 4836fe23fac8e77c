"""Finds the available models and keeps one assistant for each, at startup and as model servers come and go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.utils.text import slugify

from chat import database
from chat.generation.accounts import Accounts
from chat.generation.model_watch import ModelWatch, Outlook, Problem
from chat.generation.toolbox import ALLOW, ASK
from chat.models import Assistant, ModelListing
from chat.providers.detected import Detected, facts_of
from chat.providers.detection import build, detect
from chat.providers.kinds import SiteSettings, environments, kinds, settings_read, stand_ins
from chat.providers.registry import Registry

logger = logging.getLogger(__name__)

# An Ollama server with a hundred models would flood the menu; administrators can add any other model by hand.
DETECTED_MODELS: Final = 30
# Of the demo, so that a new site can show what tools are, and what permission and questions look like.
SHOWN_TOOLS: Final = {
    "builtin:ask_person": ALLOW,
    "builtin:calculator": ALLOW,
    "builtin:current_time": ALLOW,
    "builtin:search_conversations": ASK,
}
# Listed in the log line.
SHOWN_MODELS: Final = 5


def provider_settings() -> SiteSettings:
    """What the kinds of providers read of the site's settings."""
    return SiteSettings({name: getattr(settings, name) for name in settings_read()})


async def connect(
    configured: SiteSettings, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> tuple[Registry, ModelWatch, Accounts]:
    """Detect the models and update their assistants. Returns the providers, and the watches that keep them current.

    That of the accounts is not started.

    Succeeds whatever the servers respond. Raises django.db.Error while the database is unavailable.
    """
    for problem in settings.SETTING_PROBLEMS:
        # daphne and uvicorn do not run the system checks.
        logger.error("settings: %s %s", problem.message, problem.hint)
    looking = Looking(configured)
    watch = ModelWatch(looking.look, sleep=sleep)
    providers = build(configured, on_failure=watch.doubt)
    looking.accounts = Accounts(providers, on_failure=watch.doubt, changed=watch.refresh)
    await looking.accounts.look()
    for name in looking.named:
        # In a thread, and now: importing openai takes a second; on the first message it would block every stream.
        await asyncio.to_thread(providers.__getitem__, name)
    await watch.begin()
    await asyncio.to_thread(providers.__getitem__, looking.first_provider)
    return providers, watch, looking.accounts


class Looking:
    """Asks the configured servers for their models and keeps the assistants up to date."""

    def __init__(self, configured: SiteSettings, accounts: Accounts | None = None) -> None:
        self._configured = configured
        self.accounts = accounts
        self._shown: list[tuple[Detected, object]] | None = None
        self._known: frozenset[str] = frozenset()
        self._told: frozenset[tuple[str, str]] = frozenset()

    @property
    def named(self) -> list[str]:
        """The servers that the environment names."""
        return [
            name
            for name, each in environments().items()
            if each.detect and not each.is_guess and each.is_set(self._configured)
        ]

    @property
    def first_provider(self) -> str:
        """The preferred provider among those that have assistants."""
        names = [each.provider_name for each, _ in self._shown or ()] + [each.provider_name for each in stand_ins()]
        return next((name for name in names if name in self._known), names[-1])

    async def look(self, is_doubted: bool) -> Outlook:
        """Ask the servers. Changes are saved and logged once. Raises django.db.Error."""
        accounts = self.accounts.known if self.accounts else {}
        quiet = self.accounts.quiet if self.accounts else frozenset()
        found = await detect(self._configured, accounts=accounts, is_doubted=is_doubted)
        # An account that was deleted and made again has lost its assistants.
        changed_at = self.accounts.changed_at if self.accounts else {}
        offered: list[tuple[Detected, object]] = [
            (replace(each, problem=""), (each.facts, name in quiet, changed_at.get(name)))
            for each in found
            for name in [each.provider_name]
        ]
        if offered != self._shown:
            self._known = await _bring_up_to_date(found, quiet)
            self._shown = offered
        troubled = [each for each in found if each.error and (not each.is_guess or each.provider_name in self._known)]
        self._tell(troubled)
        problems = tuple(Problem(each.provider_name, each.error, each.is_silent) for each in troubled if each.error)
        is_settled = bool(self._known - _stand_in_names())
        return Outlook(problems, is_settled=is_settled, is_urgent=self._is_urgent(troubled))

    def _is_urgent(self, troubled: Sequence[Detected]) -> bool:
        """Whether to look again soon. Not for a missing Ollama if others work: they would be polled along with it."""
        silent = [each for each in troubled if each.is_silent]
        has_others = bool(self._known - {each.provider_name for each in silent})
        return any(not (each.is_guess and has_others) for each in silent)

    def _tell(self, troubled: Sequence[Detected]) -> None:
        told = frozenset((each.provider_name, each.error.code) for each in troubled if each.error)
        for each in troubled:
            if each.error and (each.provider_name, each.error.code) not in self._told:
                logger.warning("providers: %s", each.problem)
        for provider in sorted({name for name, _ in self._told} - {name for name, _ in told}):
            logger.info("providers: %s is available again", provider)
        self._told = told


async def _bring_up_to_date(found: Sequence[Detected], quiet: frozenset[str]) -> frozenset[str]:
    """Save the changes and return the providers that have assistants. Raises django.db.Error."""
    for each in found:
        if each.models:
            more = len(each.models) - SHOWN_MODELS
            shown = ", ".join(each.models[:SHOWN_MODELS]) + (f" and {more} more" if more > 0 else "")
            logger.info("providers: %s offers %s", each.provider_name, shown)
    try:
        try:
            return await database.write(show_detected, found, quiet)
        except IntegrityError:
            # Another process created the same assistants at the same moment: this time they exist.
            return await database.write(show_detected, found, quiet)
    except (DataError, IntegrityError) as error:
        names = ", ".join(each.provider_name for each in found)
        logger.warning("providers: saving the models of %s failed: %s", names, type(error).__name__)
        return await database.read(_providers_with_assistants)


@transaction.atomic
def show_detected(found: Sequence[Detected], quiet: frozenset[str] = frozenset()) -> frozenset[str]:
    """Create an assistant for each model found, and hide, but never delete, those whose models are gone.

    What the servers list is noted for the admin. quiet: providers whose models get no assistants.

    Whatever an administrator created, hid or chose stays unchanged, even a default that is currently not listed. If a
    server did not list its models, those of its last list stay. The stand-in (the demo) is used if no server is
    configured and none is known. Returns the providers that have assistants now. Atomic.
    """
    for each in found:
        _note(each)
    found = [each for each in found if each.provider_name not in quiet]
    offers = [each for each in found if each.models]
    names = [each.provider_name for each in found]
    if not offers and all(each.is_guess for each in found) and not _providers_with_assistants() & {*names}:
        offers = list(stand_ins())
        names = [each.provider_name for each in offers]
    detected = Assistant.objects.filter(is_detected=True)
    detected.exclude(provider__in=names).update(is_available=False)
    for offer in offers:
        _show_all(offer)
    if offers:
        _choose_default(offers, names)
    return _providers_with_assistants()


def _providers_with_assistants() -> frozenset[str]:
    usable = Assistant.objects.filter(is_active=True, is_available=True)
    return frozenset(usable.values_list("provider", flat=True))


def _show_all(offer: Detected) -> None:
    models = list(dict.fromkeys([offer.default_model, *offer.models]))[:DETECTED_MODELS]
    detected = Assistant.objects.filter(is_detected=True, provider=offer.provider_name)
    detected.exclude(model__in=models).update(is_available=False)
    detected.filter(model__in=models).update(is_available=True)
    for model in models:
        _show(offer, model)


def _note(listed: Detected) -> None:
    """Keep what a server says of its models, for its assistants and for the admin. Of a silent one, the last stays."""
    if not listed.models:
        return
    models = [{"name": str(model), **facts_of(model)} for model in listed.models]
    ModelListing.objects.update_or_create(provider=listed.provider_name, defaults={"listed": models})
    facts = {str(model): dict(facts_of(model)) for model in listed.models}
    for assistant in Assistant.objects.filter(provider=listed.provider_name, model__in=facts):
        if assistant.detected != facts[assistant.model]:
            Assistant.objects.filter(pk=assistant.pk).update(detected=facts[assistant.model])


def _choose_default(offers: Sequence[Detected], names: Sequence[str]) -> None:
    """Make the best provider's default model the default.

    An administrator's choice stays, and so does an equally good default.
    """
    best = offers[0]
    before = Assistant.objects.filter(is_default=True).first()
    if before is not None and not _may_be_replaced(before, names[: names.index(best.provider_name) + 1]):
        return
    found = Assistant.objects.filter(provider=best.provider_name, model=best.default_model, is_detected=True)
    default = found.filter(is_active=True, is_available=True).first()
    if default is not None:
        default.is_default = default.is_found_default = True
        default.save()


def _may_be_replaced(default: Assistant, better: Sequence[str]) -> bool:
    if default.is_detected and default.provider in _stand_in_names():
        return True
    serves = default.is_active and default.is_available and default.provider in better
    return default.is_found_default and not serves


def _show(offer: Detected, model: str) -> None:
    """Create an assistant for the model, unless it has one; one that an administrator created counts too."""
    provider = offer.provider_name
    if Assistant.objects.filter(provider=provider, model=model).exists():
        return
    kind = kinds()[offer.kind or provider]
    name = kind.title if kind.stand_in else model
    Assistant.objects.create(
        name=name[:100],
        slug=_slug(name),
        provider=provider,
        model=model,
        position=kind.position,
        detected=dict(facts_of(model)),
        tools=dict(SHOWN_TOOLS) if kind.stand_in else {},
        is_detected=True,
    )


def _stand_in_names() -> frozenset[str]:
    return frozenset(each.provider_name for each in stand_ins())


def _slug(name: str) -> str:
    """A slug for this name that is not in use."""
    base = slugify(name.replace(".", "-").replace(":", "-").replace("/", "-"))[:100] or "assistant"
    taken = set(Assistant.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(
        slug for slug in (base, *(f"{base}-{number}" for number in range(2, len(taken) + 3))) if slug not in taken
    )
