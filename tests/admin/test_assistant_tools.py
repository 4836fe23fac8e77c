"""Administrators choose the tools of an assistant."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chat.models import Assistant

pytestmark = pytest.mark.django_db


@pytest.fixture
def assistant() -> Assistant:
    return Assistant.objects.create(
        name="Ada", slug="ada", provider="demo", model="demo", tools={"builtin:calculator": "allow"}
    )


def form(assistant: Assistant, tools: dict[str, str]) -> dict[str, Any]:
    return {
        "name": assistant.name,
        "slug": assistant.slug,
        "provider": "demo",
        "model": "demo",
        "position": 0,
        "is_active": "on",
        **{f"tools.{key}": mode for key, mode in tools.items()},
    }


def address(assistant: Assistant) -> str:
    return reverse("admin:chat_assistant_change", args=[assistant.pk])


def test_the_form_shows_the_tools_and_which_are_on(admin_client: Client, assistant: Assistant) -> None:
    page = admin_client.get(address(assistant)).content.decode()

    assert 'name="tools.builtin:current_time"' in page
    assert 'name="tools.builtin:ask_person"' in page
    assert page.count('<option value="allow" selected>') == 1


def test_tools_are_switched_on_and_off(admin_client: Client, assistant: Assistant) -> None:
    chosen = {"builtin:current_time": "allow", "builtin:search_conversations": "ask", "builtin:calculator": ""}
    response = admin_client.post(address(assistant), form(assistant, chosen))

    assert response.status_code == 302
    assistant.refresh_from_db()
    assert assistant.tools == {"builtin:current_time": "allow", "builtin:search_conversations": "ask"}
    admin_client.post(address(assistant), form(assistant, {}))
    assistant.refresh_from_db()
    assert assistant.tools == {}


@pytest.mark.parametrize("chosen", [{"builtin:launch_missiles": "allow"}, {"builtin:calculator": "always"}])
def test_an_unknown_tool_or_mode_is_refused(
    admin_client: Client, assistant: Assistant, chosen: dict[str, str]
) -> None:
    response = admin_client.post(address(assistant), form(assistant, chosen))

    assert response.status_code == 200
    [(wrong, mode)] = chosen.items()
    assert (wrong if mode == "allow" else mode) in response.content.decode()
    assistant.refresh_from_db()
    assert assistant.tools == {"builtin:calculator": "allow"}


def test_a_tool_missing_at_the_moment_is_kept(admin_client: Client, assistant: Assistant) -> None:
    assistant.tools = {"builtin:calculator": "allow", "local:weather": "ask"}
    assistant.save()
    assert "local:weather (not available at the moment)" in admin_client.get(address(assistant)).content.decode()

    admin_client.post(address(assistant), form(assistant, {"builtin:calculator": "allow", "local:weather": "ask"}))

    assistant.refresh_from_db()
    assert assistant.tools == {"builtin:calculator": "allow", "local:weather": "ask"}
