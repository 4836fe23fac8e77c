from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, Permission
from django.test import Client

from chat import database
from chat.auth.sign_in_watch import signed_out
from chat.generation.owners import Owners
from chat.models import User
from tests.cast import PASSWORD, issue_token, make_admin, make_staff
from tests.chat_rig import rig

SignIn = Callable[[User], Client]
LIST = "/admin/chat/user/"


@pytest.fixture
def helpdesk(db: None) -> User:
    """Staff who may change users, but are not superusers."""
    return make_staff("helpdesk", Permission.objects.filter(content_type__model="user"))


def form(user: User, **changed: str) -> dict[str, str]:
    return {
        "username": user.username,
        "email": user.email,
        "is_active": "on",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
        **changed,
    }


def test_an_administrator_creates_a_user_who_can_log_in(signed_in: SignIn, admin: User) -> None:
    sent = {"username": "dora", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}

    assert signed_in(admin).post(f"{LIST}add/", sent).status_code == 302

    client = Client()
    client.post("/accounts/login/", {"login": "dora", "password": PASSWORD})
    assert client.get("/").status_code == 200


def test_an_administrator_grants_permissions(signed_in: SignIn, admin: User, alice: User) -> None:
    response = signed_in(admin).post(f"{LIST}{alice.pk}/change/", form(alice, is_staff="on"))

    assert response.status_code == 302
    alice.refresh_from_db()
    assert alice.is_staff


def test_disabling_an_account_ends_its_sessions(signed_in: SignIn, admin: User, alice: User) -> None:
    hers = signed_in(alice)
    off = form(alice)
    del off["is_active"]

    signed_in(admin).post(f"{LIST}{alice.pk}/change/", off)

    assert hers.get("/").status_code == 302


def test_the_helpdesk_cannot_grant_permissions(signed_in: SignIn, helpdesk: User, alice: User) -> None:
    group = Group.objects.create(name="powerful")
    client = signed_in(helpdesk)

    for user in (alice, helpdesk):
        address = f"new-{user.username}@example.org"
        sent = form(user, is_superuser="on", groups=str(group.pk), email=address)
        assert client.post(f"{LIST}{user.pk}/change/", sent).status_code == 302
        user.refresh_from_db()
        assert (user.email, user.is_superuser, user.groups.count()) == (address, False, 0)
    assert not alice.is_staff


@pytest.mark.parametrize("view", ["change", "password", "delete"])
def test_the_helpdesk_cannot_become_an_administrator(
    signed_in: SignIn, helpdesk: User, admin: User, view: str
) -> None:
    client, address = signed_in(helpdesk), f"{LIST}{admin.pk}/{view}/"

    sent = {"password1": "taken over 123", "password2": "taken over 123", "usable_password": "true", "post": "yes"}

    assert client.get(address).status_code in {302, 404}
    assert client.post(address, {**form(admin), **sent}).status_code in {302, 404}
    admin.refresh_from_db()
    assert admin.check_password(PASSWORD)
    assert "admin@example.org" not in client.get(LIST).content.decode()


def test_the_helpdesk_sets_a_users_password(signed_in: SignIn, helpdesk: User, alice: User) -> None:
    new = "another long and good password"
    sent = {"password1": new, "password2": new, "usable_password": "true"}

    signed_in(helpdesk).post(f"{LIST}{alice.pk}/password/", sent)

    alice.refresh_from_db()
    assert alice.check_password(new)


def test_the_previous_address_no_longer_logs_in(signed_in: SignIn, admin: User, alice: User) -> None:
    EmailAddress.objects.create(user=alice, email="alice@example.org", primary=True, verified=True)

    signed_in(admin).post(f"{LIST}{alice.pk}/change/", form(alice, email="new@example.org"))

    old, new = Client(), Client()
    old.post("/accounts/login/", {"login": "alice@example.org", "password": PASSWORD})
    new.post("/accounts/login/", {"login": "new@example.org", "password": PASSWORD})
    assert (old.get("/").status_code, new.get("/").status_code) == (302, 200)


@pytest.mark.parametrize("address", [LIST, f"{LIST}add/", "/admin/", "/admin/chat/", "/admin/auth/group/"])
def test_charlie_and_anonymous_users_have_no_access(
    signed_in: SignIn, client: Client, charlie: User, address: str
) -> None:
    assert client.get(address, follow=True).redirect_chain[-1][0].startswith("/accounts/login/")
    assert signed_in(charlie).get(address, follow=True).status_code == 403


def test_the_admin_has_no_login_form_of_its_own(client: Client, alice: User) -> None:
    response = client.post("/admin/login/", {"username": "alice", "password": PASSWORD})

    assert response["Location"].startswith("/accounts/login/")
    assert "_auth_user_id" not in client.session


def test_the_admin_shows_our_models_and_groups_only(signed_in: SignIn, admin: User) -> None:
    models = [
        model["object_name"] for app in signed_in(admin).get("/admin/").context["app_list"] for model in app["models"]
    ]

    assert sorted(models) == [
        "ApiToken",
        "Assistant",
        "Conversation",
        "Group",
        "McpServer",
        "ProviderAccount",
        "SideEffect",
        "Suggestion",
        "User",
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("{pk}/change/", {"is_active": ""}),
        ("{pk}/delete/", {"post": "yes"}),
        ("", {"action": "delete_selected", "_selected_action": "{pk}", "post": "yes"}),
    ],
    ids=["switched off", "deleted", "deleted in the list"],
)
async def test_their_connections_and_runs_end_immediately(
    signed_in: SignIn, address: str, sent: dict[str, str]
) -> None:
    async with rig() as chat:
        # No regular check happens during the test.
        chat.engine._owners = Owners(chat.engine.log, chat.engine._runner, seconds=3_600)
        chat.engine.owners.start()
        run = await chat.send()
        await chat.provider.asked.wait()
        secret = await database.write(issue_token, chat.alice)
        scope = {"headers": [(b"authorization", f"Bearer {secret}".encode())]}
        reading = asyncio.create_task(signed_out(scope, chat.alice.pk))
        admin = await database.write(make_admin)
        client = await sync_to_async(signed_in)(admin)
        fields = {
            name: value.format(pk=chat.alice.pk) for name, value in {**form(chat.alice), **sent}.items() if value
        }

        response = await sync_to_async(client.post)(f"{LIST}{address.format(pk=chat.alice.pk)}", fields)

        assert response.status_code == 302
        async with asyncio.timeout(60):
            while chat.provider.open:
                await asyncio.sleep(0.01)
            await reading
        assert (await chat.events(run.run_id))[-1].name in {"done", "error"}
