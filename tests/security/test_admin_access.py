"""S11, the admin: closed to others, and staff see no more of alice's data than their permissions allow."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission

from chat import database
from chat.models import ApiToken, Assistant, Conversation, Message, ProviderAccount, UnansweredQuestion
from tests.api.rig import Browser, Response
from tests.cast import make_staff
from tests.security.matrix import RULES, Access
from tests.security.routes import Route, routes
from tests.security.world import SECRET, World, signed_in, world

pytestmark = pytest.mark.django_db(transaction=True)

ADMIN: Final = [
    route for route in routes() if RULES.get(route.pattern) and RULES[route.pattern].access is Access.STAFF
]
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
FORM: Final = b"post=yes&_save=Save&title=taken&username=taken&name=taken&action=delete_selected&_selected_action="
FORM_TYPE: Final = "application/x-www-form-urlencoded"
# The permission to read other people's conversations.
READ_ANY: Final = "read_any_conversation"


async def values_of(made: World, route: Route) -> dict[str, str]:
    """Parameters for the address: the id of alice's object of its model."""
    alice = made.chat.alice
    token = await database.read(lambda: ApiToken.objects.order_by("pk").first())
    assistant = await database.read(lambda: Assistant.objects.get())
    ids: dict[str, Any] = {
        "chat/conversation": made.ids["conversation"],
        "chat/apitoken": token.pk if token else 1,
        "chat/assistant": assistant.pk,
        "chat/provideraccount": await database.read(lambda: ProviderAccount.objects.get().pk),
        "chat/user": alice.pk,
    }
    found = next((str(ids[model]) for model in ids if model in route.pattern), "1")
    return {"object_id": found, "id": str(alice.pk), "content_type_id": "1", "app_label": "chat", "url": "nothing/"}


async def submit(browser: Browser, method: str, path: str, selected: str = "") -> Response:
    body = FORM + selected.encode() if method != "GET" else b""
    return await browser.ask(method, path, body, content_type=FORM_TYPE)


async def test_the_admin_is_closed_to_users_who_are_not_staff() -> None:
    async with world() as made:
        before = await made.hash()
        for route in ADMIN:
            path = route.path(await values_of(made, route))
            for browser in (made.anonymous, made.charlie, made.charlie_by_token):
                for method in METHODS:
                    answer = await submit(browser, method, path)
                    where = answer.headers.get("location", "")
                    sent_away = answer.status == 302 and where.startswith(("/accounts/login/", "/admin/"))
                    assert sent_away or answer.status in {403, 404, 405}, f"{method} {path}: {answer.status} {where}"
                    assert SECRET.encode() not in answer.body
        assert await made.hash() == before


async def staff(*, read_any: bool) -> Browser:
    permissions = Permission.objects.filter(content_type__app_label__in=["chat", "auth"])
    allowed = permissions if read_any else permissions.exclude(codename=READ_ANY)
    return await signed_in(await database.write(make_staff, "sam", allowed))


async def test_staff_without_the_permission_read_nothing_of_alices() -> None:
    async with world() as made:
        sam = await staff(read_any=False)
        before = await rows_of_alice()
        for route in ADMIN:
            if "logout" in route.pattern:
                continue
            path = route.path(await values_of(made, route))
            answer = await submit(sam, "GET", path)
            assert answer.status < 500, path
            assert SECRET.encode() not in answer.body, path
        for suffix in ("", "?q=alice", f"?q={made.ids['conversation']}", "?owner__username=alice"):
            answer = await submit(sam, "GET", f"/admin/chat/conversation/{suffix}")
            assert SECRET.encode() not in answer.body, suffix
            assert f"/{made.ids['conversation']}/".encode() not in answer.body, suffix
        for path in ("", f"{made.ids['conversation']}/change/", f"{made.ids['conversation']}/delete/"):
            answer = await submit(sam, "POST", f"/admin/chat/conversation/{path}", made.ids["conversation"])
            assert SECRET.encode() not in answer.body, path
        assert await rows_of_alice() == before


async def test_control_staff_with_the_permission_read_it() -> None:
    async with world() as made:
        sam = await staff(read_any=True)
        answer = await submit(sam, "GET", f"/admin/chat/conversation/{made.ids['conversation']}/change/")
        assert answer.status == 200
        assert SECRET.encode() in answer.body


async def rows_of_alice() -> list[Any]:
    def read() -> list[Any]:
        return [
            list(model._default_manager.filter(owner__username="alice").order_by("pk").values())
            for model in (Conversation, Message, ApiToken, UnansweredQuestion)
        ]

    return await database.read(read)


def test_every_model_is_covered() -> None:
    """Fails if a model is added: these tests must cover it, too."""
    assert {model.__name__ for model in apps.get_app_config("chat").get_models()} == {
        "ApiToken", "Assistant", "Conversation", "Decision", "Message", "ModelListing", "Part", "ProviderAccount",
        "SignIn", "Step", "Suggestion", "SideEffect", "ToolPermission", "UnansweredQuestion", "User",
    }  # fmt: skip
