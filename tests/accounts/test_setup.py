from __future__ import annotations

import pytest
from django.test import Client

from chat.auth import first_run
from chat.models import User
from tests.cast import PASSWORD

FIELDS = {"username": "ada", "email": "ada@example.org", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def link(db: None) -> str:
    link = first_run.setup_link("")
    assert link is not None
    return link


def test_the_link_shows_the_form(client: Client, link: str) -> None:
    response = client.get(link, follow=True)

    assert response.status_code == 200
    assert list(response.context["form"].fields) == ["username", "email", "password1", "password2"]
    assert "no-store" in response["Cache-Control"]


def test_the_form_page_has_no_token_in_its_url(client: Client, link: str) -> None:
    moved = client.get(link)

    assert (moved.status_code, moved["Location"]) == (302, "/setup/")
    assert (moved["Referrer-Policy"], "no-store" in moved["Cache-Control"]) == ("no-referrer", True)
    assert client.post("/setup/", FIELDS).status_code == 302
    assert User.objects.get().is_superuser


def test_a_client_without_the_link_gets_no_form(client: Client, link: str) -> None:
    client.get(link)

    assert Client().get("/setup/").status_code == 403


def test_an_opened_link_expires_with_its_use(client: Client, link: str) -> None:
    """Also in another browser that has the form open already."""
    waiting = Client()
    waiting.get(link)

    client.post(link, FIELDS)

    assert waiting.get("/setup/").status_code == 404
    assert waiting.post("/setup/", {**FIELDS, "username": "mallory"}).status_code == 404
    assert User.objects.count() == 1


def test_the_form_makes_the_administrator_and_logs_them_in(client: Client, link: str) -> None:
    response = client.post(link, FIELDS)

    assert (response.status_code, response["Location"]) == (302, "/")
    ada = User.objects.get()
    assert (ada.username, ada.email, ada.is_superuser, ada.is_staff) == ("ada", "ada@example.org", True, True)
    assert client.session["_auth_user_id"] == str(ada.pk)


def test_the_link_works_once(client: Client, link: str) -> None:
    client.post(link, FIELDS)

    assert Client().get(link).status_code == 404
    assert Client().post(link, {**FIELDS, "username": "mallory"}).status_code == 404
    assert User.objects.count() == 1


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", "?token=%00", "?token=%ED%A0%80", "?other=1"])
def test_the_site_cannot_be_claimed_without_the_token(client: Client, link: str, query: str) -> None:
    for response in (client.get(f"/setup/{query}"), client.post(f"/setup/{query}", FIELDS)):
        assert response.status_code == 403
        assert "the setup link that the server printed" in response.content.decode()
        assert 'name="password1"' not in response.content.decode()
    assert not User.objects.exists()


def test_a_token_in_the_form_is_ignored(client: Client, link: str) -> None:
    token = link.partition("token=")[2]

    assert client.post("/setup/", {**FIELDS, "token": token}).status_code == 403


def test_a_site_with_a_user_has_no_such_page(client: Client, link: str, alice: User) -> None:
    assert client.get(link).status_code == 404
    assert client.post(link, FIELDS).status_code == 404
    assert client.get("/setup/").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", ""),
        ("username", "two words"),
        ("username", "ada@example.org"),
        ("username", "x" * 151),
        ("username", "a\0b"),
        ("email", "no address"),
        ("password2", "another one entirely"),
        ("password1", ""),
    ],
)
def test_an_error_is_shown_and_creates_no_account(client: Client, link: str, field: str, value: str) -> None:
    response = client.post(link, {**FIELDS, field: value})

    assert response.status_code == 200
    assert response.context["form"].errors
    assert not User.objects.exists()


@pytest.mark.parametrize("password", ["password", "12345678901", "short", "ada@example.org"])
def test_a_weak_password_is_refused(client: Client, link: str, password: str) -> None:
    response = client.post(link, {**FIELDS, "password1": password, "password2": password})

    assert response.status_code == 200
    assert response.context["form"].errors
    assert not User.objects.exists()


def test_other_methods_are_refused(client: Client, link: str) -> None:
    assert client.put(link).status_code == 405
    assert client.delete(link).status_code == 405


def test_a_forged_form_is_refused(link: str) -> None:
    assert Client(enforce_csrf_checks=True).post(link, FIELDS).status_code == 403
    assert not User.objects.exists()
