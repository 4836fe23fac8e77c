"""Detects what the providers of the environment offer, and builds the registry of all providers.

A server that the environment names comes first, then one that is only guessed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from chat.providers import known_windows
from chat.providers.base import ProviderError
from chat.providers.detected import Detected, without_models
from chat.providers.http.chat_models import chats
from chat.providers.kinds import FIRST_TOKEN_SECONDS, IDLE_SECONDS, Account, Kind, OnFailure, Settings, kinds
from chat.providers.registry import Registry

LISTING_SECONDS: Final = 5.0
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104  (compared, not bound)
_PORTS: Final = {"http": 80, "https": 443}


async def detect(
    settings: Settings,
    *,
    accounts: Mapping[str, tuple[Kind, Account]] = MappingProxyType({}),
    known: Mapping[str, Kind] | None = None,
    is_doubted: bool = False,
) -> tuple[Detected, ...]:
    """Asks the servers that the settings name, those of the accounts, and those that are only guessed.

    The best choice comes first. known: the kinds, by default all. If the model is configured, the server is contacted
    only if `is_doubted`, and only to see whether it responds. Never raises, whatever a server does.
    """
    set_up = {
        name: kind.environment
        for name, kind in (known or kinds()).items()
        if kind.environment and kind.environment.detect and kind.environment.is_set(settings)
    }
    named = {_place(each.account(settings)) for each in set_up.values() if not each.is_guess}
    named |= {_place(account) for _, account in accounts.values()}
    asking = [each.detect(settings, is_doubted) for each in set_up.values() if each.detect and not each.is_guess]
    asking += [listed(kind, account) for kind, account in accounts.values()]
    asking += [
        each.detect(settings, is_doubted)
        for each in set_up.values()
        if each.detect and each.is_guess and _place(each.account(settings)) not in named - {None}
    ]
    found = await asyncio.gather(*asking)
    addresses = {name: each.account(settings).base_url for name, each in set_up.items()}
    addresses |= {account.name: account.base_url for _, account in accounts.values()}
    return _without_repeated(
        [await known_windows.with_windows(each, addresses.get(each.provider_name, "")) for each in found]
    )


async def listed(kind: Kind, account: Account) -> Detected:
    """What the server of an account lists. Never raises, whatever it does."""
    name = account.name
    try:
        models = await models_of(kind, account)
    except ProviderError as error:
        problem = f"{name} does not list its models ({error.message})"
        return Detected(name, (), "", problem, error, kind=kind.name)
    if not models:
        return replace(without_models(name, f"{name} lists no chat models."), kind=kind.name)
    described = await kind.described(account, models) if kind.described else models
    return Detected(name, described, models[0], kind=kind.name)


async def models_of(kind: Kind, account: Account) -> tuple[str, ...]:
    """The chat models that the server lists. Raises ProviderError."""
    patience = min(account.idle_timeout, LISTING_SECONDS)
    # In a thread: for some kinds, the first one imports a large package.
    provider = await asyncio.to_thread(kind.build, replace(account, idle_timeout=patience), lambda _: None)
    try:
        return tuple(filter(chats, await provider.models()))
    finally:
        await provider.close()


def _place(account: Account) -> tuple[str, int | None] | None:
    """Host and port of the server; None if the address has none."""
    try:
        parts = urlsplit(account.base_url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        return None
    return "localhost" if host in _LOCAL else host, port or _PORTS.get(parts.scheme)


def _without_repeated(found: Sequence[Detected]) -> tuple[Detected, ...]:
    """Drop a guess if the first server lists all of its models: it may be the same server under another name."""
    first = found[0] if found else None
    return tuple(
        each
        for each in found
        if each is first or first is None or not (each.is_guess and each.models and {*each.models} <= {*first.models})
    )


def build(settings: Settings, *, on_failure: OnFailure = lambda _: None) -> Registry:
    """The providers of the environment, named like their kinds, each created and connected on first use.

    on_failure: called with the error of each failed answer.
    """
    own = {name: kind for name, kind in kinds().items() if kind.environment}
    return Registry(
        {name: partial(kind.build, account_of(kind, settings), on_failure) for name, kind in own.items()},
        demos=frozenset(name for name, kind in own.items() if kind.stand_in),
    )


def account_of(kind: Kind, settings: Settings) -> Account:
    """The account of this kind that the environment describes."""
    if kind.environment is None:
        raise ValueError(f"The environment names no account of the kind {kind.name!r}.")
    return replace(
        kind.environment.account(settings),
        first_token_timeout=settings.get("CHAT_FIRST_TOKEN_TIMEOUT", FIRST_TOKEN_SECONDS),
        idle_timeout=settings.get("CHAT_IDLE_TIMEOUT", IDLE_SECONDS),
    )
