"""One of everything that alice can own, for charlie to try to access."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.core.serializers import serialize

from chat import database
from chat.models import ApiToken, Conversation, Message, ProviderAccount, User
from chat.providers.base import RateLimited
from tests.api.rig import Browser
from tests.cast import session_of
from tests.chat_rig import Rig, rig

SECRET: Final = "heronry"
CSRF: Final = "c" * 32


@dataclass
class World:
    """`ids`: the ids of alice's objects, by name. `own_conversation` is charlie's. Any text with SECRET is hers."""

    chat: Rig
    ids: dict[str, str]
    anonymous: Browser
    owner: Browser
    charlie: Browser
    charlie_by_token: Browser

    async def hash(self) -> str:
        """A hash of every row of every table."""
        return await database.read(_hash)

    @property
    def upstream_calls(self) -> int:
        return len(self.chat.provider.requests)


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """The test needs `transactional_db`."""
    async with rig() as chat:
        ids = await _things_of_alice(chat)
        owner = await signed_in(chat.alice)
        yield World(
            chat=chat,
            ids={**ids, **await database.write(_credentials, chat.alice)},
            anonymous=Browser(csrf=CSRF),
            owner=owner,
            charlie=await signed_in(chat.charlie),
            charlie_by_token=await with_token(chat.charlie),
        )


async def signed_in(user: User) -> Browser:
    """A browser with a session and a valid CSRF token: it must not be CSRF that stops charlie."""
    return Browser(session=await session_of(user), csrf=CSRF)


async def with_token(user: User) -> Browser:
    token, secret = await database.write(ApiToken.objects.issue, user)
    # Mark it as used now, so that using it changes no row.
    await database.write(token.was_used)
    return Browser(token=secret)


async def _things_of_alice(chat: Rig) -> dict[str, str]:
    saved = await chat.turn(f"{SECRET} saved", f"{SECRET} answer")
    archived = await chat.turn(f"{SECRET} archived", f"{SECRET} answer")
    await chat.engine.log.forget(archived.run_id)
    deleted = await chat.turn(f"{SECRET} deleted", f"{SECRET} answer")
    await database.write(lambda: Conversation.objects.get(pk=deleted.conversation_id).delete_softly())
    waiting = await chat.turn(f"{SECRET} waiting", f"{SECRET} answer")
    await database.write(Message.objects.filter(run_id=waiting.run_id).update, status="waiting", pending=["c1"])
    failed = await chat.send(f"{SECRET} failed")
    chat.provider.say(f"{SECRET} part")
    chat.provider.put(None)
    await chat.events(failed.run_id)
    unanswered = await chat.send(f"{SECRET} unanswered")
    chat.provider.put(RateLimited(f"{SECRET} reason", retry_after=60))
    await chat.events(unanswered.run_id)
    await chat.engine.log.forget(unanswered.run_id)
    answer = await database.read(lambda: str(Conversation.objects.get(pk=saved.conversation_id).active_leaf_id))
    question = await database.read(lambda: str(Message.objects.get(pk=answer).parent_id))
    own = await database.write(
        lambda: Conversation.objects.create(owner=chat.charlie, title="Charlie's", is_named=True, id=uuid.uuid4())
    )
    live = await chat.send(f"{SECRET} live")
    await chat.provider.asked.wait()
    chat.provider.say(f"{SECRET} token")
    return {
        "conversation": saved.conversation_id,
        "saved_run": saved.run_id,
        "archived_run": archived.run_id,
        "deleted_conversation": deleted.conversation_id,
        "failed_run": failed.run_id,
        "unanswered_run": unanswered.run_id,
        "unanswered_conversation": unanswered.conversation_id,
        "live_run": live.run_id,
        "live_conversation": live.conversation_id,
        "answer": answer,
        "waiting_message": await database.read(lambda: str(Message.objects.get(run_id=waiting.run_id).pk)),
        "question": question,
        "own_conversation": str(own.pk),
    }


def _credentials(alice: User) -> dict[str, str]:
    """Objects whose ids are numbers, which occur on pages for other reasons, too."""
    token, _ = ApiToken.objects.issue(alice, "her program")
    account = ProviderAccount(name="Ours", slug="ours", kind="openai", is_active=False)
    account.set_key(SECRET)
    account.save()
    return {"sign_in": str(alice.sign_ins.get().pk), "token": str(token.pk)}


def _hash() -> str:
    rows: list[Any] = []
    for model in apps.get_models():
        rows += [serialize("json", model._default_manager.order_by("pk"))]
    return hashlib.sha256("".join(rows).encode()).hexdigest()
