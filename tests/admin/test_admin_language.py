"""In a German session the admin is German: our labels, hints, filters, actions and messages, beside Django's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.db.models import Model
from django.test import Client
from django.utils import translation

from chat.models import ApiToken, Assistant, Conversation, ProviderAccount, Suggestion, User
from tests.cast import make_conversation

SignIn = Callable[[User], Client]
OURS: Final = (ApiToken, Assistant, Conversation, ProviderAccount, Suggestion, User)
# The same in both languages.
SAME: Final = {"", "Name", "name", "Status", "Text", "text", "Demo", "Ollama", "Assistant", "ID", "id", "Slug", "slug"}


def texts(model: type[Model]) -> Iterator[str]:
    """All texts that the admin shows about a model, in the current language."""
    registered = admin.site._registry[model]
    yield from (str(model._meta.verbose_name), str(model._meta.verbose_name_plural))
    yield str(getattr(registered, "search_help_text", "") or "")
    for field in model._meta.get_fields():
        if hasattr(field, "verbose_name"):
            yield from (str(field.verbose_name), str(getattr(field, "help_text", "")))
            yield from (str(label) for _, label in getattr(field, "flatchoices", ()))
    for name in (*registered.list_display, *registered.readonly_fields):
        yield str(label_for_field(str(name), model, registered))
    yield from (str(title) for title, _ in registered.fieldsets or () if title)
    for action in registered.actions or ():
        yield str(getattr(getattr(registered, str(action)), "short_description", ""))
    yield from (str(each.title) for each in registered.list_filter if isinstance(each, type))


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_model_texts_are_german(model: type[Model]) -> None:
    with translation.override("en"):
        english = list(texts(model))
    with translation.override("de"):
        german = list(texts(model))

    same = {text for text, other in zip(english, german, strict=True) if text == other}
    assert same - SAME == set()


def page(client: Client, path: str, **sent: Any) -> str:
    ask = client.post if sent else client.get
    html = ask(f"/admin/{path}", sent or None, headers={"Accept-Language": "de"}, follow=True).content.decode()
    return re.sub(r"\s+", " ", html)


def test_admin_pages_are_german(signed_in: SignIn, admin: User, alice: User) -> None:
    conversation = make_conversation(alice, "What is a heron?", "A bird.")
    token, _ = ApiToken.objects.issue(alice)
    client = signed_in(admin)

    assert "Verwaltung" in page(client, "")
    transcript = page(client, f"chat/conversation/{conversation.pk}/change/")
    assert "Nachrichten</h2>" in transcript
    assert "12 Eingabe-Tokens" in transcript
    for english in ("input tokens", "Messages", "on another branch", "Whole message"):
        assert english not in transcript
    assert "Gültigkeit" in page(client, "chat/apitoken/")
    made = page(client, "chat/apitoken/add/", owner=alice.pk, name="x")
    assert "Kopieren Sie das Token jetzt" in made
    revoked = page(client, "chat/apitoken/", action="revoke", _selected_action=token.pk)
    assert "1 widerrufen" in revoked


def test_a_missing_setting_is_reported_in_german(signed_in: SignIn, admin: User, settings: Any) -> None:
    settings.OPENAI_API_KEY = settings.OPENAI_BASE_URL = ""
    Assistant.objects.create(name="Writer", slug="writer", provider="openai", model="m")
    client = signed_in(admin)

    assert "nicht eingerichtet" in page(client, "chat/assistant/")
    assert "Writer kann nicht antworten" in page(client, f"chat/assistant/{Assistant.objects.get().pk}/change/")
