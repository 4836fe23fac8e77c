from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from django.test import Client, override_settings

from chat.models import User
from chat.pages.server_texts import SENTENCES

SignIn = Callable[[User], Client]
DATA = re.compile(r'<script id="translations" type="application/json">(.*?)</script>')


def page(client: Client, address: str = "/accounts/login/", **headers: str) -> str:
    return client.get(address, headers=headers).content.decode()


def scripts_texts(html: str) -> dict[str, Any]:
    (data,) = DATA.findall(html)
    found: dict[str, Any] = json.loads(data)
    return found


@pytest.mark.parametrize(
    ("wanted", "language", "title"),
    [
        ("de", "de", "Willkommen zurück"),
        ("de-AT,de;q=0.8,en;q=0.5", "de", "Willkommen zurück"),
        ("en-GB,en", "en", "Welcome back"),
        ("tlh", "en", "Welcome back"),
    ],
)
def test_a_page_is_in_the_browsers_language(
    client: Client, alice: User, wanted: str, language: str, title: str
) -> None:
    html = page(client, **{"Accept-Language": wanted})

    assert f'<html lang="{language}" dir="ltr"' in html
    assert title in html


def test_the_chosen_language_overrides_the_browsers(client: Client, alice: User) -> None:
    response = client.post("/language", {"language": "de"}, headers={"Referer": "http://testserver/accounts/login/"})

    assert (response.status_code, response["Location"]) == (302, "http://testserver/accounts/login/")
    cookie = client.cookies["language"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("de", True, "Lax")
    assert "Willkommen zurück" in page(client, **{"Accept-Language": "en"})


def test_an_unknown_language_is_not_stored(client: Client, alice: User) -> None:
    client.post("/language", {"language": "tlh"})

    assert "language" not in client.cookies
    client.cookies["language"] = '"><script>'
    assert '<html lang="en"' in page(client)


def test_choosing_needs_post_and_a_csrf_token(client: Client, alice: User) -> None:
    client.get("/language", {"language": "de"})
    assert "language" not in client.cookies
    assert Client(enforce_csrf_checks=True).post("/language", {"language": "de"}).status_code == 403


def test_choosing_does_not_redirect_to_other_sites(client: Client, alice: User) -> None:
    response = client.post("/language", {"language": "de", "next": "https://evil.example/"})

    assert response["Location"] == "/"


@pytest.mark.parametrize("address", ["/accounts/login/", "/"])
def test_each_language_is_listed_in_its_own_words(
    signed_in: SignIn, client: Client, alice: User, address: str
) -> None:
    html = page(signed_in(alice) if address == "/" else client, address, **{"Accept-Language": "de"})

    assert re.search(r'value="en" lang="en"\s*>English<', html)
    assert re.search(r'value="de" lang="de" aria-current="true"\s*>Deutsch<', html)


def test_the_scripts_get_their_texts_with_the_page(signed_in: SignIn, alice: User, tmp_path: Path) -> None:
    texts = Catalog(locale="de")
    texts.add("Save", "Speichern </script>")
    texts.add(("%(count)s answer", "%(count)s answers"), ("%(count)s Antwort", "%(count)s Antworten"))
    (folder := tmp_path / "de" / "LC_MESSAGES").mkdir(parents=True)
    with (folder / "djangojs.mo").open("wb") as file:
        write_mo(file, texts)

    with override_settings(LOCALE_PATHS=[tmp_path]):
        found = scripts_texts(page(signed_in(alice), "/", **{"Accept-Language": "de"}))

    plural = ["%(count)s Antwort", "%(count)s Antworten"]
    messages = {text: own for text, own in found["messages"].items() if text not in SENTENCES}
    assert found["language"] == "de"
    assert messages == {"Save": "Speichern </script>", "%(count)s answer": plural}


def test_in_english_the_scripts_need_none(signed_in: SignIn, alice: User) -> None:
    assert DATA.findall(page(signed_in(alice), "/")) == []


@pytest.mark.parametrize("address", ["/nowhere", "/api/nowhere"])
def test_the_language_is_known_where_nothing_is(client: Client, address: str) -> None:
    response = client.get(address, headers={"Accept-Language": "de"})

    assert response.status_code == 404
    assert response["Content-Language"] == "de"
    assert "Accept-Language" in response["Vary"]
