"""The people of the tests: alice owns, bob is allowed, charlie must never see it; administrators, staff and guests.

`tests/members.py` makes the same people in a site that runs in a process of its own.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, Final, TypeVar

from asgiref.sync import sync_to_async
from django.contrib.auth.models import Permission
from django.test import AsyncClient, Client

from chat.models import ApiToken, Conversation, Message, User

# Everybody's.
PASSWORD: Final = "correct horse battery staple"

AnyClient = TypeVar("AnyClient", Client, AsyncClient)


# --- People


def make_user(name: str, *, email: str | None = None, password: str | None = PASSWORD, **fields: Any) -> User:
    """`email`: without one, `name@example.org`. `fields`: of the model."""
    address = f"{name}@example.org" if email is None else email
    return User.objects.create_user(name, address, password, **fields)


def make_admin(name: str = "admin", **fields: Any) -> User:
    return make_user(name, is_staff=True, is_superuser=True, **fields)


def make_staff(name: str, permissions: Iterable[Permission]) -> User:
    """Someone who may open the admin, but is no superuser."""
    user = make_user(name, is_staff=True)
    user.user_permissions.set(permissions)
    return user


def issue_token(user: User) -> str:
    """The secret of a new API token."""
    return ApiToken.objects.issue(user, "tests")[1]


def sign_in(user: User, client: AnyClient) -> AnyClient:
    """The client, with a new session of the user."""
    client.force_login(user)
    return client


async def session_of(user: User) -> str:
    """The key of a new session."""
    return await sync_to_async(_session_of)(user)


def _session_of(user: User) -> str:
    return str(sign_in(user, Client()).session.session_key)


def credentials(user: User) -> dict[str, object]:
    """Of a `Member`: a session and a token that has not been used yet."""
    return {"id": user.pk, "token": issue_token(user), "session": _session_of(user)}


# --- What they say


def make_conversation(owner: User, question: str, answer: str, *, title: str = "") -> Conversation:
    conversation = Conversation.objects.create(owner=owner, title=title or question)
    add_turn(conversation, question, answer)
    return conversation


def add_turn(conversation: Conversation, question: str, answer: str, *, parent: Message | None = None) -> Message:
    """A question and its answer below `parent`; the answer becomes the active leaf and is returned."""
    asked = conversation.messages.create(
        owner=conversation.owner,
        parent=parent,
        role=Message.Role.USER,
        text=question,
        client_message_id=uuid.uuid4(),
    )
    answered = conversation.messages.create(
        owner=conversation.owner,
        parent=asked,
        role=Message.Role.ASSISTANT,
        text=answer,
        model="demo",
        run_id=uuid.uuid4(),
        input_tokens=12,
        output_tokens=34,
    )
    conversation.active_leaf = answered
    conversation.save(update_fields=["active_leaf"])
    return answered
