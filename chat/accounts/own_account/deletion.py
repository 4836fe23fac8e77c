"""Deletion of an account with all its data, after stopping its runs."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from django.db import transaction

from chat import database
from chat.auth.sign_in_watch import look_now
from chat.generation.bootstrap import engine
from chat.generation.engine import Engine
from chat.models import Conversation, User
from chat.streams.base import LogUnavailable

logger = logging.getLogger(__name__)

# Conversations per transaction, so that other writers get their turn.
CONVERSATIONS_AT_ONCE: Final = 20
# A run whose process is gone ends later; it is not saved, as its owner no longer exists.
STOP_SECONDS: Final = 10.0


class LastAdministrator(Exception):
    """The site would be left without an administrator. Nothing was deleted."""


def is_last_administrator(user: User) -> bool:
    """Whether the user is a superuser and no other one can sign in."""
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    return user.is_superuser and not others.exists()


async def delete(user: User) -> None:
    """Delete the account permanently. Can be repeated after an interruption. Raises LastAdministrator."""
    if await database.read(is_last_administrator, user):
        raise LastAdministrator
    # First, so that nothing new starts: from here on, all the user's connections and programs are refused.
    await database.write(_sign_out, user)
    look_now(user.pk)
    chat = await engine()
    await _end_runs(chat, user.pk)
    while await database.write(_delete_conversations, user.pk):
        """Repeat until none are left."""
    await database.write(_delete_user, user.pk)
    # Runs that started just before.
    await _end_runs(chat, user.pk)
    logger.info("account: user %s deleted their account", user.pk)


def _sign_out(user: User) -> None:
    user.sign_ins.all().end()
    user.api_tokens.all().delete()


async def _end_runs(chat: Engine, user_id: int) -> None:
    """Stop the user's runs and drop their logs, which hold the user's text too."""
    try:
        async with asyncio.timeout(STOP_SECONDS):
            for run in await chat.log.runs_of(user_id):
                await chat.stop_and_wait(run)
                await chat.log.forget(run.run_id)
    except (TimeoutError, LogUnavailable) as error:
        logger.warning("account: runs of user %s did not stop in time: %r", user_id, error)


def _delete_conversations(user_id: int) -> bool:
    chosen = Conversation.objects.filter(owner_id=user_id).values_list("pk", flat=True)[:CONVERSATIONS_AT_ONCE]
    deleted, _ = Conversation.objects.filter(pk__in=list(chosen)).delete()
    return bool(deleted)


def _delete_user(user_id: int) -> None:
    with transaction.atomic():
        administrators = User.objects.select_for_update().filter(is_superuser=True, is_active=True)
        if list(administrators.values_list("pk", flat=True)) == [user_id]:
            raise LastAdministrator
        User.objects.filter(pk=user_id).delete()
