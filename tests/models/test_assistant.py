from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from chat.models import Assistant, ProviderAccount, User


def make(name: str, **fields: object) -> Assistant:
    return Assistant.objects.create(name=name, slug=name.lower(), provider="demo", model="demo", **fields)


def usable(user: User) -> list[str]:
    return [assistant.name for assistant in Assistant.objects.usable_by(user)]


def test_the_default_comes_first_then_position_then_name(alice: User) -> None:
    make("Zoe", position=1)
    make("Adam", position=2)
    make("Default", position=9, is_default=True)
    make("Bea", position=1)

    assert usable(alice) == ["Default", "Bea", "Zoe", "Adam"]


def test_an_assistant_for_groups_is_for_their_members_only(alice: User, bob: User, charlie: User) -> None:
    staff, friends = Group.objects.create(name="staff"), Group.objects.create(name="friends")
    make("Everybody")
    make("Secret").groups.add(staff, friends)
    alice.groups.add(staff, friends)
    bob.groups.add(friends)

    assert usable(alice) == ["Everybody", "Secret"]
    assert usable(bob) == ["Everybody", "Secret"]
    assert usable(charlie) == ["Everybody"]


def test_an_inactive_assistant_is_for_no_one(admin: User) -> None:
    make("Retired", is_active=False)

    assert usable(admin) == []


def test_an_assistant_with_a_disabled_account_is_for_no_one(admin: User) -> None:
    for slug, is_active in (("on", True), ("off", False)):
        ProviderAccount.objects.create(name=slug, slug=slug, kind="openai", is_active=is_active)
        Assistant.objects.create(name=slug, slug=slug, provider=slug, model="m")
    make("Demo")

    assert usable(admin) == ["Demo", "on"]

    ProviderAccount.objects.filter(slug="off").update(is_active=True)
    assert usable(admin) == ["Demo", "off", "on"]


def test_a_new_default_replaces_the_previous_one(db: None) -> None:
    first = make("First", is_default=True)

    second = make("Second", is_default=True)

    first.refresh_from_db()
    assert (first.is_default, second.is_default) == (False, True)


def test_the_database_holds_one_default(db: None) -> None:
    make("First", is_default=True)
    second = make("Second")

    with pytest.raises(IntegrityError), transaction.atomic():
        Assistant.objects.filter(pk=second.pk).update(is_default=True)


@pytest.mark.parametrize(
    ("field", "value"), [("temperature", -0.1), ("temperature", 2.1), ("max_output_tokens", 0), ("provider", "x" * 51)]
)
def test_impossible_values_are_refused(db: None, field: str, value: object) -> None:
    assistant = make("Odd")
    setattr(assistant, field, value)

    with pytest.raises(ValidationError) as caught:
        assistant.full_clean()

    assert list(caught.value.message_dict) == [field]
