from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import Settings

from chat.models import Conversation, Message, User
from tests.cast import add_turn


def deleted_ago(conversation: Conversation, seconds: float) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(deleted_at=timezone.now() - timedelta(seconds=seconds))


def test_a_deleted_conversation_is_hidden_but_restorable(conversation: Conversation) -> None:
    conversation.delete_softly()

    assert not Conversation.objects.kept().exists()
    assert Conversation.objects.restorable().get() == conversation


def test_a_restored_conversation_has_its_messages(conversation: Conversation) -> None:
    conversation.delete_softly()

    conversation.restore()

    assert Conversation.objects.kept().get() == conversation
    assert conversation.messages.count() == 2


def test_a_conversation_not_deleted_is_not_restorable(conversation: Conversation) -> None:
    assert not Conversation.objects.restorable().exists()


def test_undo_expires(conversation: Conversation, settings: Settings) -> None:
    settings.CHAT_UNDO_SECONDS = 60
    deleted_ago(conversation, 59)
    assert Conversation.objects.restorable().exists()

    deleted_ago(conversation, 61)

    assert not Conversation.objects.restorable().exists()


def test_purging_removes_only_unrestorable_conversations(
    conversation: Conversation, alice: User, settings: Settings
) -> None:
    settings.CHAT_UNDO_SECONDS = 60
    recent, kept = (Conversation.objects.create(owner=alice, title=title) for title in ("recent", "kept"))
    recent.delete_softly()
    deleted_ago(conversation, 61)

    assert Conversation.objects.purge() == 1

    assert set(Conversation.objects.all()) == {recent, kept}
    assert not Message.objects.exists()


def test_purging_nothing_is_fine(db: None) -> None:
    assert Conversation.objects.purge() == 0


def test_branches_share_their_beginning(conversation: Conversation) -> None:
    first = conversation.active_leaf
    left = add_turn(conversation, "And its nest?", "In trees.", parent=first)
    right = add_turn(conversation, "And its food?", "Fish.", parent=first)

    assert first is not None
    assert {child.text for child in first.children.all()} == {"And its nest?", "And its food?"}
    assert left.parent.parent == right.parent.parent == first  # type: ignore[union-attr]
    assert conversation.active_leaf == right


def test_a_client_message_id_is_unique_per_owner(conversation: Conversation, bob: User) -> None:
    used = uuid.uuid4()
    conversation.messages.create(owner=conversation.owner, role="user", text="once", client_message_id=used)
    theirs = Conversation.objects.create(owner=bob, title="theirs")

    theirs.messages.create(owner=bob, role="user", text="bob may", client_message_id=used)
    with pytest.raises(IntegrityError), transaction.atomic():
        conversation.messages.create(owner=conversation.owner, role="user", text="again", client_message_id=used)


def test_a_run_is_saved_once(conversation: Conversation) -> None:
    run_id = uuid.uuid4()
    conversation.messages.create(owner=conversation.owner, role="assistant", text="a", run_id=run_id)

    with pytest.raises(IntegrityError), transaction.atomic():
        conversation.messages.create(owner=conversation.owner, role="assistant", text="b", run_id=run_id)


def test_deleting_the_owner_deletes_everything(conversation: Conversation, alice: User) -> None:
    alice.delete()

    assert not Conversation.objects.exists()
    assert not Message.objects.exists()
