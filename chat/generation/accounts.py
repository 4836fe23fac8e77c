"""Keeps the providers of this process as their accounts are in the database, without a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import Error as DatabaseError

from chat import database
from chat.models import ProviderAccount
from chat.models.sealing import NoKey
from chat.providers.kinds import CONNECT_SECONDS, Account, Kind, OnFailure, kinds
from chat.providers.registry import Registry, Replaceable

logger = logging.getLogger(__name__)

# Polling finds changes made by other processes or directly in the database.
EVERY_SECONDS: Final = 3.0
# Changes whenever an account does.
Versions = tuple[tuple[Any, ...], ...]


class Accounts:
    """Looks for changed accounts every `seconds` and on `ring`, until it is closed. Belongs to one event loop.

    Two small columns are read, never in the way of a message. `changed`: called after the providers were replaced.
    """

    def __init__(
        self,
        providers: Registry,
        *,
        on_failure: OnFailure = lambda _: None,
        changed: Callable[[], None] = lambda: None,
        seconds: float = EVERY_SECONDS,
    ) -> None:
        self._providers = providers
        self._on_failure = on_failure
        self._changed = changed
        self._seconds = seconds
        self._bell = asyncio.Event()
        self._seen: Versions = ()
        # Those to try again, with the problem that was logged.
        self._unusable: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None
        self.known: dict[str, tuple[Kind, Account]] = {}
        self.changed_at: dict[str, datetime] = {}
        self.quiet: frozenset[str] = frozenset()

    def start(self) -> None:
        self._task = asyncio.create_task(self._watch(), name="provider accounts")
        _watching[self] = asyncio.get_running_loop()

    def ring(self) -> None:
        """Look now."""
        self._bell.set()

    async def close(self) -> None:
        _watching.pop(self, None)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> bool:
        """Replace the providers whose accounts have changed. Returns whether any has. Raises django.db.Error."""
        await self._providers.tidy()
        versions = await database.read(_versions)
        # A key may become readable without a change of its account.
        if versions == self._seen and not self._unusable:
            return False
        rows = await database.read(lambda: list(ProviderAccount.objects.filter(is_active=True)))
        before = self._seen, {*self._unusable}
        self._take(rows)
        self._seen = versions
        return (versions, {*self._unusable}) != before

    def _take(self, rows: list[ProviderAccount]) -> None:
        changed_at = {row.slug: row.changed_at for row in rows}
        # Whatever has not changed is not decrypted again.
        kept = {name: found for name, found in self.known.items() if self.changed_at.get(name) == changed_at.get(name)}
        opened = {row.slug: found for row in rows if (found := kept.get(row.slug) or self._open(row))}
        self._unusable = {
            name: why for name, why in self._unusable.items() if name in changed_at.keys() - opened.keys()
        }
        self.known, self.changed_at = opened, changed_at
        self.quiet = frozenset(row.slug for row in rows if not row.makes_assistants)
        self._providers.replace(
            {
                name: Replaceable(
                    (kind.name, changed_at[name]),
                    partial(kind.build, account, self._on_failure),
                    is_demo=kind.stand_in is not None,
                )
                for name, (kind, account) in self.known.items()
            }
        )

    def _open(self, row: ProviderAccount) -> tuple[Kind, Account] | None:
        """None if it cannot be used now. Logs that once. Never raises: one account costs no other its provider."""
        try:
            return _opened(row)
        except NoKey as error:
            problem = f"the key of the account {row.slug} cannot be read: {error}"
        except Exception as error:  # noqa: BLE001  (the next account is tried)
            # Its text may quote a secret.
            problem = f"the account {row.slug} cannot be used: {type(error).__name__}"
        if self._unusable.get(row.slug) != problem:
            logger.error("providers: %s", problem)
        self._unusable[row.slug] = problem
        return None

    async def _watch(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await self._bell.wait()
            self._bell.clear()
            try:
                if await self.look():
                    logger.info("providers: accounts changed, now %s", ", ".join(sorted(self.known)) or "none")
                    self._changed()
            except DatabaseError as error:
                logger.warning("providers: looking for changed accounts failed, retrying: %s", type(error).__name__)
            except Exception:
                logger.exception("providers: looking for changed accounts failed, retrying")


# The running watchers, with their event loops.
_watching: WeakKeyDictionary[Accounts, asyncio.AbstractEventLoop] = WeakKeyDictionary()


def look_now() -> None:
    """Use changed accounts in this process at once. Thread-safe. Call it after the change is committed."""
    for accounts, loop in list(_watching.items()):
        with suppress(RuntimeError):  # The loop has been closed.
            loop.call_soon_threadsafe(accounts.ring)


def account_of(row: ProviderAccount) -> tuple[Kind, Account] | None:
    """The account with its secrets; None, and a line in the log, if it cannot be used."""
    try:
        return _opened(row)
    except NoKey as error:
        logger.error("providers: the key of the account %s cannot be read: %s", row.slug, error)
        return None


def _opened(row: ProviderAccount) -> tuple[Kind, Account] | None:
    """As account_of. Raises NoKey."""
    kind = kinds().get(row.kind)
    if kind is None or row.slug in kinds():
        logger.error("providers: the account %s has an unknown kind, or the name of a kind", row.slug)
        return None
    return kind, Account(
        row.slug,
        base_url=row.base_url or kind.default_base_url,
        api_key=row.api_key,
        headers=row.headers,
        connect_timeout=row.connect_timeout or CONNECT_SECONDS,
        first_token_timeout=row.first_token_timeout or settings.CHAT_FIRST_TOKEN_TIMEOUT,
        idle_timeout=row.idle_timeout or settings.CHAT_IDLE_TIMEOUT,
    )


def _versions() -> Versions:
    return tuple(ProviderAccount.objects.order_by("pk").values_list("pk", "changed_at"))
