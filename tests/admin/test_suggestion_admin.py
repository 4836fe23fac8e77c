from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from chat.models import Suggestion, User

SignIn = Callable[[User], Client]
LIST = "/admin/chat/suggestion/"
FORM = {"title": "Cook", "text": "What can I cook with leeks?", "position": "7", "is_active": "on"}


def test_an_administrator_adds_edits_and_hides_a_suggestion(signed_in: SignIn, admin: User) -> None:
    client = signed_in(admin)

    assert client.post(f"{LIST}add/", FORM).status_code == 302
    cook = Suggestion.objects.get(title="Cook")
    assert (cook.text, cook.position, cook.is_active) == (FORM["text"], 7, True)

    hidden = {name: value for name, value in FORM.items() if name != "is_active"}
    assert client.post(f"{LIST}{cook.pk}/change/", {**hidden, "title": "Bake"}).status_code == 302
    cook.refresh_from_db()
    assert (cook.title, cook.is_active) == ("Bake", False)
    assert cook not in Suggestion.objects.shown()


def test_the_list_escapes_text(signed_in: SignIn, admin: User) -> None:
    Suggestion.objects.create(title="<script>x</script>", text="<img src=x>" + "y" * 200)

    page = signed_in(admin).get(LIST).content.decode()

    assert "<script>x</script>" not in page
    assert "<img src=x>" not in page
    assert "y" * 100 not in page


@pytest.mark.parametrize("field", ["title", "text"])
def test_an_empty_suggestion_is_refused(signed_in: SignIn, admin: User, field: str) -> None:
    response = signed_in(admin).post(f"{LIST}add/", {**FORM, field: " "})

    assert list(response.context["adminform"].form.errors) == [field]


def test_other_users_have_no_access(signed_in: SignIn, alice: User) -> None:
    assert signed_in(alice).get(LIST).status_code == 302
    assert signed_in(alice).post(f"{LIST}add/", FORM).status_code == 302
    assert not Suggestion.objects.filter(title="Cook").exists()
