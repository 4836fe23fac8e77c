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


def form(assistant: Assistant, tools: list[str]) -> dict[str, Any]:
    return {
        "name": assistant.name,
        "slug": assistant.slug,
        "provider": "demo",
        "model": "demo",
        "position": 0,
        "is_active": "on",
        "tools": tools,
    }


def address(assistant: Assistant) -> str:
    return reverse("admin:chat_assistant_change", args=[assistant.pk])


def test_the_form_shows_the_tools_and_which_are_on(admin_client: Client, assistant: Assistant) -> None:
    page = admin_client.get(address(assistant)).content.decode()

    assert 'value="builtin:current_time"' in page
    assert page.count(" checked") >= 1
    # Not offered: nobody would be asked, so nobody could answer.
    assert "builtin:ask_person" not in page


def test_tools_are_switched_on_and_off(admin_client: Client, assistant: Assistant) -> None:
    response = admin_client.post(address(assistant), form(assistant, ["builtin:current_time"]))

    assert response.status_code == 302
    assistant.refresh_from_db()
    assert assistant.tools == {"builtin:current_time": "allow"}
    admin_client.post(address(assistant), form(assistant, []))
    assistant.refresh_from_db()
    assert assistant.tools == {}


def test_an_unknown_tool_is_refused(admin_client: Client, assistant: Assistant) -> None:
    response = admin_client.post(address(assistant), form(assistant, ["builtin:launch_missiles"]))

    assert response.status_code == 200
    assert "launch_missiles" in response.content.decode()
    assistant.refresh_from_db()
    assert assistant.tools == {"builtin:calculator": "allow"}


def test_a_tool_no_longer_offered_is_kept_until_it_is_unchecked(admin_client: Client, assistant: Assistant) -> None:
    assistant.tools = {"builtin:calculator": "allow", "builtin:ask_person": "allow"}
    assistant.save()
    assert "builtin:ask_person (not available at the moment)" in admin_client.get(address(assistant)).content.decode()

    admin_client.post(address(assistant), form(assistant, ["builtin:calculator", "builtin:ask_person"]))

    assistant.refresh_from_db()
    assert assistant.tools == {"builtin:calculator": "allow", "builtin:ask_person": "allow"}


def test_a_tool_missing_at_the_moment_is_kept(admin_client: Client, assistant: Assistant) -> None:
    assistant.tools = {"builtin:calculator": "allow", "local:weather": "allow"}
    assistant.save()
    assert "local:weather (not available at the moment)" in admin_client.get(address(assistant)).content.decode()

    admin_client.post(address(assistant), form(assistant, ["builtin:calculator", "local:weather"]))

    assistant.refresh_from_db()
    assert assistant.tools == {"builtin:calculator": "allow", "local:weather": "allow"}
