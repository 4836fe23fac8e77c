from __future__ import annotations

import pytest
from django.test import Client

from chat.models import User


@pytest.mark.parametrize("theme", ["light", "dark", "system"])
def test_the_chosen_theme_is_in_the_page_from_the_start(client: Client, alice: User, theme: str) -> None:
    assert client.post("/theme", {"theme": theme}).status_code == 204

    assert f'data-theme="{theme}"' in client.get("/accounts/login/").content.decode()


@pytest.mark.parametrize("theme", ["", "neon", '"><script>'])
def test_another_theme_is_refused_and_not_shown(client: Client, alice: User, theme: str) -> None:
    assert client.post("/theme", {"theme": theme}).status_code == 400
    assert client.cookies.get("theme") is None

    client.cookies["theme"] = theme
    assert 'data-theme="system"' in client.get("/accounts/login/").content.decode()


def test_choosing_needs_post_and_a_csrf_token(client: Client, alice: User) -> None:
    assert client.get("/theme").status_code == 405
    assert Client(enforce_csrf_checks=True).post("/theme", {"theme": "dark"}).status_code == 403
