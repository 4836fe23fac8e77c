"""The kinds of providers: one record for each API that the site speaks, found in the vendors' folders.

A folder here that has a `kind.py` with `KINDS` is a vendor. Nothing else in the project names it.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from chat.providers.base import Provider, ProviderError
from chat.providers.detected import Detected

OnFailure = Callable[[ProviderError], None]
# The site's settings by name. Missing ones count as empty.
Settings = Mapping[str, Any]

CONNECT_SECONDS: Final = 5.0
FIRST_TOKEN_SECONDS: Final = 60.0
IDLE_SECONDS: Final = 45.0
# Apply to the account of every kind that the environment names.
COMMON_SETTINGS: Final = ("CHAT_FIRST_TOKEN_TIMEOUT", "CHAT_IDLE_TIMEOUT")


class SiteSettings(dict[str, Any]):
    """Settings whose text has only their names, as some are keys."""

    def __repr__(self) -> str:
        return f"<settings: {', '.join(sorted(self))}>"


@dataclass(frozen=True, slots=True)
class Account:
    """What it takes to use a provider. `name`: as assistants name it. Timeouts are in seconds.

    An empty `base_url` is the kind's default. `options`: understood by this kind alone.
    """

    name: str
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    connect_timeout: float = CONNECT_SECONDS
    first_token_timeout: float = FIRST_TOKEN_SECONDS
    idle_timeout: float = IDLE_SECONDS
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def authorization(self) -> dict[str, str]:
        """The headers of a request that is made without the provider."""
        return {**({"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}), **self.headers}

    @property
    def connection(self) -> dict[str, Any]:
        """The arguments of a provider that is a server."""
        return {
            "name": self.name,
            "base_url": self.base_url,
            "api_key": self.api_key,
            "headers": self.headers,
            "connect_timeout": self.connect_timeout,
            "first_token_timeout": self.first_token_timeout,
            "idle_timeout": self.idle_timeout,
        }


@dataclass(frozen=True, slots=True)
class Environment:
    """The account of a kind that environment variables describe; assistants name it like the kind.

    settings: those that `account` and `detect` read. needs: without one of these, there is no account. is_guess: its
    address is only tried, and may well not exist. detect: asks the server; the second argument is whether it is
    doubted, so that it is asked even if the model is configured. Never raises.
    """

    settings: tuple[str, ...]
    account: Callable[[Settings], Account]
    detect: Callable[[Settings, bool], Awaitable[Detected]] | None = None
    needs: tuple[str, ...] = ()
    is_guess: bool = False

    def is_set(self, settings: Settings) -> bool:
        return not self.needs or any(settings.get(name) for name in self.needs)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of provider.

    name: as stored in the database: never change it. title: for people, marked with `gettext_noop` if it is no name.
    position: of the assistants that are created for its models; lower ones come first in the menu. build: makes a
    provider without asking the server. described: the models as ListedModel, where the list alone says too little;
    never raises. stand_in: what it offers while there is no other provider; its answers are
    no model's.
    """

    name: str
    title: str
    position: int
    build: Callable[[Account, OnFailure], Provider]
    environment: Environment | None = None
    needs_key: bool = False
    has_address: bool = True
    default_base_url: str = ""
    stand_in: Detected | None = None
    described: Callable[[Account, Sequence[str]], Awaitable[tuple[str, ...]]] | None = None


@cache
def kinds() -> Mapping[str, Kind]:
    """All kinds by name, the first in the menu first."""
    package = "chat.providers"
    found: list[Kind] = []
    for module in pkgutil.iter_modules([str(Path(__file__).parent)], f"{package}."):
        if module.ispkg and find_spec(f"{module.name}.kind"):
            found += import_module(f"{module.name}.kind").KINDS
    return MappingProxyType({kind.name: kind for kind in sorted(found, key=lambda kind: (kind.position, kind.name))})


def environments() -> dict[str, Environment]:
    """How the environment names an account, by kind."""
    return {name: kind.environment for name, kind in kinds().items() if kind.environment}


def settings_read() -> tuple[str, ...]:
    """The names of all settings that the kinds read."""
    of_kinds = (name for environment in environments().values() for name in environment.settings)
    return tuple(dict.fromkeys([*COMMON_SETTINGS, *of_kinds]))


def stand_ins() -> tuple[Detected, ...]:
    return tuple(kind.stand_in for kind in kinds().values() if kind.stand_in)
