"""chat.models.prepared: the same rows as the query set, from SQL that is built once."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

from chat.models import ApiToken, Conversation, User
from chat.models.prepared import A_MOMENT, A_NUMBER, A_TEXT, AN_ID, Insertion, Prepared

pytestmark = pytest.mark.django_db


@pytest.fixture
def conversation(alice: User) -> Conversation:
    made: Conversation = alice.conversations.create(title="Tea")
    alice.conversations.create(title="Other")
    return made


def test_it_returns_the_same_rows_as_the_queryset(alice: User, charlie: User, conversation: Conversation) -> None:
    kept = Prepared(
        lambda owner_id, pk: Conversation.objects.kept().select_related("owner").filter(owner_id=owner_id, pk=pk),
        A_NUMBER,
        AN_ID,
    )

    assert kept.first(alice.pk, conversation.pk) == conversation
    assert kept.first(charlie.pk, conversation.pk) is None
    assert kept.first(alice.pk, uuid.uuid4()) is None
    conversation.delete_softly()
    assert kept.first(alice.pk, conversation.pk) is None


def test_values_are_converted_to_python(
    alice: User, conversation: Conversation, django_assert_num_queries: Any
) -> None:
    found = Prepared(lambda pk: Conversation.objects.select_related("owner", "assistant").filter(pk=pk), AN_ID)

    with django_assert_num_queries(1):
        row = found.first(conversation.pk)
        assert row is not None
        assert (row.pk, row.created_at, row.owner, row.assistant) == (
            conversation.pk, conversation.created_at, alice, None,
        )  # fmt: skip


def test_order_and_all(alice: User, conversation: Conversation) -> None:
    mine = Prepared(lambda owner_id: Conversation.objects.filter(owner_id=owner_id).order_by("-title"), A_NUMBER)

    assert [each.title for each in mine.all(alice.pk)] == ["Tea", "Other"]


def test_datetimes_are_compared(alice: User) -> None:
    made, _ = ApiToken.objects.issue(alice, expires_at=timezone.now() + timedelta(hours=1))
    alive = Prepared(lambda now: ApiToken.objects.filter(expires_at__gt=now), A_MOMENT)

    assert alive.first(timezone.now()) == made
    assert alive.first(timezone.now() + timedelta(hours=2)) is None


def test_an_argument_can_be_used_several_times(alice: User, conversation: Conversation) -> None:
    either = Prepared(lambda text: User.objects.filter(username=text) | User.objects.filter(email=text), A_TEXT)

    assert either.first("alice") == alice
    assert either.first(A_TEXT) is None


def test_the_sql_is_built_once(alice: User, conversation: Conversation, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Prepared(lambda pk: Conversation.objects.filter(pk=pk), AN_ID)
    found.first(conversation.pk)
    monkeypatch.setattr(SQLCompiler, "as_sql", None)

    assert found.first(conversation.pk) == conversation


def test_an_argument_not_used_in_the_query_is_an_error() -> None:
    with pytest.raises(ValueError, match="not used"):
        Prepared(lambda pk: Conversation.objects.all(), AN_ID).all(uuid.uuid4())


def test_rows_are_built_like_those_of_the_model(alice: User) -> None:
    tea = Conversation(owner=alice, title="Tea", is_pinned=True)

    assert Insertion(Conversation).make(tea, Conversation(owner=alice, title="Other")) == 2

    found = Conversation.objects.get(pk=tea.pk)
    assert (found.owner, found.title, found.is_pinned, found.deleted_at) == (alice, "Tea", True, None)
    assert found.created_at == tea.created_at
    # Saving it again updates its row.
    tea.title = "Green tea"
    tea.save()
    assert set(alice.conversations.values_list("title", flat=True)) == {"Green tea", "Other"}


def test_an_existing_row_is_kept(alice: User, conversation: Conversation) -> None:
    again = Conversation(pk=conversation.pk, owner=alice, title="Coffee")

    assert Insertion(Conversation, unless_there=True).make(again) == 0
    assert Conversation.objects.get(pk=conversation.pk).title == "Tea"
    with pytest.raises(IntegrityError), transaction.atomic():
        Insertion(Conversation).make(again)
