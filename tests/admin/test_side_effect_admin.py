"""The audit trail of tools that change something can be read by administrators, and changed by nobody."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from chat.models import SideEffect, User
from tests.cast import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(alice: User) -> SideEffect:
    begun = SideEffect.objects.begin(
        owner_id=alice.pk,
        client_message_id=str(uuid.uuid4()),
        run_id=str(uuid.uuid4()),
        call_id="c12345678",
        tool="local:send_mail",
        arguments={"to": "bob"},
    )
    assert begun
    return SideEffect.objects.get()


def test_an_administrator_sees_who_used_which_tool(admin_client: Client, row: SideEffect) -> None:
    page = admin_client.get(reverse("admin:chat_sideeffect_changelist")).content.decode()

    assert "local:send_mail" in page
    assert "alice" in page
    assert "bob" not in page


@pytest.mark.parametrize("action", ["add", "delete", "change"])
def test_side_effects_are_read_only(admin_client: Client, row: SideEffect, action: str) -> None:
    arguments = [] if action == "add" else [row.pk]
    response = admin_client.post(reverse(f"admin:chat_sideeffect_{action}", args=arguments), {"state": "done"})

    assert response.status_code == 403
    assert SideEffect.objects.get().state == "running"


def test_other_users_see_nothing(client: Client, alice: User, row: SideEffect) -> None:
    assert sign_in(alice, client).get(reverse("admin:chat_sideeffect_changelist")).status_code in (302, 403)
