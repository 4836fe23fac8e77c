from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from chat.models import ApiToken, User
from chat.models.api_token import digest
from tests.cast import make_staff

SignIn = Callable[[User], Client]
LIST = "/admin/chat/apitoken/"
SECRET = re.compile(r"chat_[\w-]{43}")


@pytest.fixture
def keeper(db: None) -> User:
    """Staff who may manage tokens, but are not superusers."""
    return make_staff("keeper", Permission.objects.filter(content_type__model="apitoken"))


def test_the_secret_is_shown_once(signed_in: SignIn, admin: User, alice: User) -> None:
    client = signed_in(admin)

    shown = client.post(f"{LIST}add/", {"owner": alice.pk, "name": "backup"}, follow=True).content.decode()

    token = ApiToken.objects.get()
    (secret,) = set(SECRET.findall(shown))
    assert ApiToken.objects.for_secret(secret) == token
    assert (token.owner, token.name) == (alice, "backup")
    for address in (LIST, f"{LIST}{token.pk}/change/", f"{LIST}{token.pk}/history/"):
        content = client.get(address).content.decode()
        assert not SECRET.search(content)
        assert token.digest not in content
    assert secret not in str(list(LogEntry.objects.values()))


def test_an_issued_token_keeps_its_owner_and_hash(signed_in: SignIn, admin: User, alice: User, bob: User) -> None:
    token, secret = ApiToken.objects.issue(alice, "before")
    sent = {"name": "after", "owner": bob.pk, "digest": digest("mine"), "prefix": "x", "revoked_at": ""}

    signed_in(admin).post(f"{LIST}{token.pk}/change/", sent)

    found = ApiToken.objects.for_secret(secret)
    assert found is not None
    assert (found.name, found.owner, found.prefix) == ("after", alice, token.prefix)


def test_a_revoked_token_is_refused(signed_in: SignIn, admin: User, alice: User) -> None:
    tokens = [ApiToken.objects.issue(alice) for _ in range(3)]
    chosen = [token.pk for token, _ in tokens[:2]]

    shown = signed_in(admin).post(LIST, {"action": "revoke", "_selected_action": chosen}, follow=True)

    assert [bool(ApiToken.objects.for_secret(secret)) for _, secret in tokens] == [False, False, True]
    assert "2 revoked" in shown.content.decode()
    assert LogEntry.objects.count() == 2


def test_the_list_is_filtered_by_valid_or_revoked(signed_in: SignIn, admin: User, alice: User) -> None:
    valid, revoked = (ApiToken.objects.issue(alice)[0] for _ in range(2))
    revoked.revoke()
    client = signed_in(admin)

    listed = [client.get(LIST, {"valid": chosen}).context["cl"].queryset for chosen in ("yes", "no")]

    assert [list(tokens) for tokens in listed] == [[valid], [revoked]]
    assert client.get(LIST).context["cl"].queryset.count() == 2


def test_a_revoked_token_cannot_be_restored(signed_in: SignIn, admin: User, alice: User) -> None:
    token, secret = ApiToken.objects.issue(alice)
    token.revoke()

    signed_in(admin).post(f"{LIST}{token.pk}/change/", {"name": "x", "revoked_at_0": "", "revoked_at_1": ""})

    assert ApiToken.objects.for_secret(secret) is None


def test_staff_create_tokens_for_themselves_only(signed_in: SignIn, keeper: User, admin: User) -> None:
    client = signed_in(keeper)
    assert 'name="owner"' not in client.get(f"{LIST}add/").content.decode()

    client.post(f"{LIST}add/", {"owner": admin.pk, "name": "mine"})

    assert ApiToken.objects.get().owner == keeper


def test_staff_with_view_permission_cannot_revoke(signed_in: SignIn, keeper: User, alice: User) -> None:
    keeper.user_permissions.set(Permission.objects.filter(codename="view_apitoken"))
    token, secret = ApiToken.objects.issue(alice)

    signed_in(keeper).post(LIST, {"action": "revoke", "_selected_action": [token.pk]})

    assert ApiToken.objects.for_secret(secret) == token


@pytest.mark.parametrize("owner", ["", "0", "999999"])
def test_a_token_needs_an_owner(signed_in: SignIn, admin: User, owner: str) -> None:
    response = signed_in(admin).post(f"{LIST}add/", {"owner": owner, "name": ""})

    assert response.status_code == 200
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("address", [LIST, f"{LIST}add/"])
def test_the_page_is_for_administrators(signed_in: SignIn, charlie: User, address: str) -> None:
    assert signed_in(charlie).post(address, {"owner": charlie.pk, "name": ""}, follow=True).status_code == 403
    assert not ApiToken.objects.exists()
