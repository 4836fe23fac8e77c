"""The `autocomplete` values that tell browsers and password managers what each field is for
(https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#autofill)."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

from django.core import mail
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from chat.auth import first_run
from chat.models import User
from tests.cast import sign_in

SignIn = Callable[[User], Client]

NEW_TWICE = {"password1": "new-password", "password2": "new-password"}


class Fields(HTMLParser):
    """The `autocomplete` of each field that a person, or a password manager, fills in."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, str | None] = {}
        self.known_as: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag != "input" or found.get("type") in {"hidden", "checkbox", "submit"}:
            return
        if "hidden" in found:
            self.known_as = found["value"]
            assert (found["name"], found["autocomplete"]) == ("username", "username")
            assert "readonly" in found
        else:
            self.told[str(found["name"])] = found.get("autocomplete")


def fields(response: HttpResponse | Any) -> Fields:
    parser = Fields()
    parser.feed(response.content.decode())
    return parser


def test_the_administrator_s_form(client: Client, db: None) -> None:
    link = first_run.setup_link("")
    assert link is not None
    told = fields(client.get(link, follow=True)).told
    assert told == {"username": "username", "email": "email", **NEW_TWICE}


def test_signing_up(client: Client, alice: User, settings: Settings) -> None:
    settings.CHAT_SIGNUP = True
    told = fields(client.get("/accounts/signup/")).told
    assert told == {"username": "username", "email": "email", **NEW_TWICE}


def test_signing_in_accepts_username_or_email(client: Client, alice: User) -> None:
    page = fields(client.get("/accounts/login/"))
    assert page.told == {"login": "username", "password": "current-password"}
    assert page.known_as is None


def test_asking_for_a_reset(client: Client, alice: User) -> None:
    assert fields(client.get("/accounts/password/reset/")).told == {"email": "email"}


class TestAPasswordAlone:
    """A hidden username field tells password managers whose password it is."""

    def test_the_reset_form_names_the_account(self, client: Client, alice: User) -> None:
        client.post("/accounts/password/reset/", {"email": "alice@example.org"})
        link = re.search(r"http://[^/]+(/accounts/password/reset/key/\S+)", str(mail.outbox[-1].body))
        assert link is not None
        page = fields(client.get(link[1], follow=True))
        assert (page.told, page.known_as) == (NEW_TWICE, "alice")

    def test_the_change_form_names_the_account(self, signed_in: SignIn, alice: User) -> None:
        page = fields(signed_in(alice).get("/accounts/password/change/"))
        assert (page.told, page.known_as) == ({"oldpassword": "current-password", **NEW_TWICE}, "alice")

    def test_the_first_password_form_names_the_account(self, signed_in: SignIn, alice: User) -> None:
        client = signed_in(alice)
        alice.set_unusable_password()
        alice.save()
        sign_in(alice, client)
        page = fields(client.get("/accounts/password/set/"))
        assert (page.told, page.known_as) == (NEW_TWICE, "alice")

    def test_the_reauthentication_form_names_the_account(self, signed_in: SignIn, alice: User) -> None:
        page = fields(signed_in(alice).get("/accounts/reauthenticate/"))
        assert (page.told, page.known_as) == ({"password": "current-password"}, "alice")

    def test_a_failed_login_names_no_account(self, client: Client, alice: User) -> None:
        page = fields(client.post("/accounts/login/", {"login": "alice", "password": "wrong"}))
        assert page.known_as is None
