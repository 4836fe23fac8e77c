"""Sessions older than the list of sessions: they appear in it, and can be ended like all others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module

from django.apps import apps
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from chat.models import SignIn, User

SignInAs = Callable[[User], Client]
migration = import_module("chat.migrations.0010_known_sessions")


def test_existing_sessions_are_listed(signed_in: SignInAs, alice: User, bob: User) -> None:
    hers, his = (str(signed_in(user).session.session_key) for user in (alice, bob))
    nobodys = Client().session
    nobodys.create()
    ended = str(signed_in(alice).session.session_key)
    Session.objects.filter(pk=ended).update(expire_date=timezone.now() - timedelta(days=1))
    SignIn.objects.all().delete()

    migration.note(apps, None)

    assert dict(SignIn.objects.values_list("session_key", "owner")) == {hers: alice.pk, his: bob.pk}
    assert abs(SignIn.objects.get(owner=alice).last_seen_at - timezone.now()) < timedelta(minutes=5)


def test_an_existing_address_is_as_old_as_its_account(alice: User) -> None:
    User.objects.update(date_joined=timezone.now() - timedelta(days=9), email_since=timezone.now())

    migration.note(apps, None)

    alice.refresh_from_db()
    assert alice.email_since == alice.date_joined
