from __future__ import annotations

import asyncio
import base64
import itertools
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chat import database
from chat.generation.model_watch import ModelWatch, Outlook, Problem
from chat.models import Assistant, Conversation, Message
from chat.notices import channel
from chat.providers.base import ProviderUnavailable
from chat.tools import bootstrap
from tests.api.rig import Browser
from tests.chat_rig import Rig

# The time in this cursor is out of range in UTC.
FORGED = base64.urlsafe_b64encode(f"0001-01-01T00:00:00+14:00 {uuid.UUID(int=1)}".encode()).decode().rstrip("=")

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_lists_newest_first_in_pages(chat: Rig, owner: Browser, stranger: Browser) -> None:
    def make() -> list[str]:
        now = timezone.now()
        return [
            str(
                Conversation.objects.create(
                    owner=chat.alice, title=str(n), updated_at=now + timedelta(seconds=n // 2)
                ).pk
            )
            for n in range(7)
        ]

    made = await database.write(make)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await owner.get(f"/api/conversations?limit=3&cursor={cursor}")).data
        seen += [each["id"] for each in page["items"]]
        cursor = page["next"]
    assert sorted(seen) == sorted(made)
    titles = [int((await owner.get(f"/api/conversations/{each}")).data["title"]) // 2 for each in seen]
    assert titles == sorted(titles, reverse=True)
    assert (await stranger.get("/api/conversations")).data == {"items": [], "next": None}


@pytest.mark.parametrize(
    "query", ["cursor=x", "cursor=%00", "cursor=eA", "limit=0", "limit=201", "limit=x", "limit=²"]
)
async def test_a_bad_page_is_400(chat: Rig, owner: Browser, query: str) -> None:
    assert (await owner.get(f"/api/conversations?{query}")).status == 400


async def test_messages_of_the_tree_are_listed_newest_first(chat: Rig, owner: Browser) -> None:
    sent = await chat.turn("Q", "A")
    items = (await owner.get(f"/api/conversations/{sent.conversation_id}/messages")).data["items"]
    assert [(each["role"], each["text"]) for each in items] == [("assistant", "A"), ("user", "Q")]
    answer, question = items
    assert answer["parent_id"] == question["id"]
    assert (answer["run_id"], question["client_message_id"]) == (sent.run_id, sent.client_message_id)
    assert (answer["model"], answer["assistant"], answer["status"]) == ("m-1", "scripted", "completed")
    conversation = (await owner.get(f"/api/conversations/{sent.conversation_id}")).data
    assert conversation["active_leaf_id"] == answer["id"]


async def test_rename_and_choose_a_branch(chat: Rig, owner: Browser) -> None:
    first = await chat.turn("One", "1")
    await chat.turn("Two", "2", conversation_id=first.conversation_id, parent_id="root")
    path = f"/api/conversations/{first.conversation_id}"
    answer = await database.read(Message.objects.get, run_id=first.run_id)
    assert (await owner.ask("PATCH", path, {"title": "  New\n name "})).data["title"] == "New name"
    assert await database.read(lambda: Conversation.objects.get(pk=first.conversation_id).is_named)
    changed = await owner.ask("PATCH", path, {"active_leaf_id": str(answer.pk)})
    assert changed.data["active_leaf_id"] == str(answer.pk)
    await chat.turn("More", "3", conversation_id=first.conversation_id)
    assert [prompt.text for prompt in chat.provider.requests[-1].messages] == ["One", "1", "More"]


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"title": ""}, 400), ({"title": 5}, 400), ({"title": "x" * 121}, 400), ({"owner": 1}, 400),
     ({"active_leaf_id": "QUESTION"}, 404), ({"active_leaf_id": None}, 400),
     ({"active_leaf_id": str(uuid.UUID(int=3))}, 404), (b"{", 400), ({"branch_id": None}, 400),
     ({"branch_id": str(uuid.UUID(int=3))}, 404), ({"pinned": 1}, 400), ({"archived": "true"}, 400),
     ({"unread": None}, 400), ({"title": "Other", "pinned": "no"}, 400),
     ({"tools": None}, 400), ({"tools": "off"}, 400), ({"tools": {}, "pinned": True}, 400),
     ({"branch_id": str(uuid.UUID(int=3)), "active_leaf_id": str(uuid.UUID(int=3))}, 400)],
)  # fmt: skip
async def test_a_bad_change_changes_nothing(chat: Rig, owner: Browser, body: Any, status: int) -> None:
    sent = await chat.turn()
    path = f"/api/conversations/{sent.conversation_id}"
    before = (await owner.get(path)).data
    if isinstance(body, dict) and body.get("active_leaf_id") == "QUESTION":
        question = await database.read(Message.objects.get, client_message_id=sent.client_message_id)
        body = {"active_leaf_id": str(question.pk)}
    assert (await owner.ask("PATCH", path, body)).status == status
    assert (await owner.get(path)).data == before


async def test_an_answer_is_unread_until_it_is_marked_as_read(chat: Rig, owner: Browser) -> None:
    sent = await chat.turn()
    path = f"/api/conversations/{sent.conversation_id}"
    assert (await owner.get(path)).data["unread"] is True
    assert (await owner.ask("PATCH", path, {"unread": False})).data["unread"] is False
    await chat.turn(conversation_id=sent.conversation_id)
    assert (await owner.get(path)).data["unread"] is True


async def test_archived_conversations_are_hidden_and_pinned_can_be_filtered(chat: Rig, owner: Browser) -> None:
    made = {name: (await chat.turn(name)).conversation_id for name in ("plain", "pinned", "archived", "both")}
    await owner.ask("PATCH", f"/api/conversations/{made['pinned']}", {"pinned": True})
    await owner.ask("PATCH", f"/api/conversations/{made['archived']}", {"archived": True})
    await owner.ask("PATCH", f"/api/conversations/{made['both']}", {"pinned": True, "archived": True})

    async def titles(query: str) -> list[str]:
        return [each["title"] for each in (await owner.get(f"/api/conversations?{query}")).data["items"]]

    assert await titles("") == ["pinned", "plain"]
    assert await titles("pinned=1") == ["pinned"]
    assert await titles("archived=1") == ["both", "archived"]
    assert await titles("archived=1&pinned=1") == ["both"]
    first = (await owner.get("/api/conversations?limit=1")).data
    assert [each["title"] for each in first["items"]] == ["pinned"]
    assert await titles(f"cursor={first['next']}") == ["plain"]
    changed = await owner.ask("PATCH", f"/api/conversations/{made['both']}", {"pinned": False, "archived": False})
    assert (changed.data["pinned"], changed.data["archived"]) == (False, False)
    assert await titles("") == ["both", "pinned", "plain"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"title": "Other"}, "conversation_renamed"),
        ({"title": "Other", "pinned": True}, "conversation_renamed"),
        ({"pinned": True}, "conversation_changed"),
        ({"archived": True}, "conversation_changed"),
        ({"unread": False}, "conversation_changed"),
        ({"tools": False}, "conversation_changed"),
    ],
)
async def test_every_tab_is_notified_of_a_change(chat: Rig, owner: Browser, body: dict[str, Any], kind: str) -> None:
    sent = await chat.turn()
    async with channel.listen(chat.alice.pk) as heard:
        changed = await owner.ask("PATCH", f"/api/conversations/{sent.conversation_id}", body)
        async with asyncio.timeout(60):
            notice = await anext(heard)
    assert (notice["kind"], notice["conversation"]) == (kind, changed.data)


async def test_a_leaf_of_another_conversation_is_not_found(chat: Rig, owner: Browser) -> None:
    one, two = await chat.turn("One", "1"), await chat.turn("Two", "2")
    leaf = (await owner.get(f"/api/conversations/{two.conversation_id}")).data["active_leaf_id"]
    changed = await owner.ask("PATCH", f"/api/conversations/{one.conversation_id}", {"active_leaf_id": leaf})
    assert changed.status == 404


async def test_delete_can_be_undone_for_a_while(chat: Rig, owner: Browser, settings: Any) -> None:
    sent = await chat.turn()
    path = f"/api/conversations/{sent.conversation_id}"
    before = (await owner.get(path)).data
    assert (await owner.ask("DELETE", path)).status == 204
    assert (await owner.get(path)).status == 404
    assert (await owner.ask("DELETE", path)).status == 404
    assert (await owner.get(f"/api/runs/{sent.run_id}/events")).status == 404
    assert (await owner.post("/api/runs", {"text": "x", "conversation_id": sent.conversation_id})).status == 404
    assert (await owner.post(f"{path}/restore")).data == before
    assert (await owner.post(f"{path}/restore")).status == 200
    await owner.ask("DELETE", path)
    settings.CHAT_UNDO_SECONDS = 0
    assert (await owner.post(f"{path}/restore")).status == 404
    assert await database.write(Conversation.objects.purge) == 1
    assert await database.read(Conversation.objects.filter(pk=sent.conversation_id).exists) is False


async def test_deleting_stops_the_live_run(chat: Rig, owner: Browser) -> None:
    sent = await chat.send()
    path = f"/api/conversations/{sent.conversation_id}"
    assert (await owner.ask("DELETE", path)).status == 204
    assert chat.provider.open == 0
    assert (await owner.get("/api/conversations")).data["items"] == []
    assert (await owner.post(f"{path}/restore")).status == 200
    assert len((await owner.get("/api/conversations")).data["items"]) == 1


@pytest.mark.parametrize("theirs", [True, False])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/conversations/{conversation}", None),
        ("PATCH", "/api/conversations/{conversation}", {"title": "Mine"}),
        ("PATCH", "/api/conversations/{conversation}", {"tools": False}),
        ("DELETE", "/api/conversations/{conversation}", None),
        ("POST", "/api/conversations/{conversation}/restore", None),
        ("GET", "/api/conversations/{conversation}/messages", None),
        ("GET", "/api/runs/{run}/events", None),
        ("POST", "/api/runs/{run}/stop", None),
        ("POST", "/api/runs/{run}/keep", None),
    ],
)
async def test_objects_of_others_are_not_found(
    chat: Rig, stranger: Browser, anonymous: Browser, theirs: bool, method: str, path: str, body: Any
) -> None:
    sent = await chat.turn()
    ids = {"conversation": sent.conversation_id, "run": sent.run_id}
    path = path.format(**(ids if theirs else dict.fromkeys(ids, str(uuid.uuid4()))))
    response = await stranger.ask(method, path, body)
    assert (response.status, response.data["error"]["code"]) == (404, "not_found")
    refused = await anonymous.ask(method, path, body, x_requested_with="test")
    assert refused.status == (401 if method == "GET" else 403)


@pytest.mark.parametrize(
    "path",
    ["/api/runs", "/api/runs/stream", "/api/events", "/api/conversations", "/api/assistants",
     "/api/conversations/00000000-0000-0000-0000-000000000000"],
)  # fmt: skip
async def test_a_wrong_method_is_405_with_an_allow_header(chat: Rig, owner: Browser, path: str) -> None:
    response = await owner.ask("PUT", path, {})
    assert (response.status, response.data["error"]["code"]) == (405, "method_not_allowed")
    assert response.headers["allow"]


@pytest.mark.parametrize("path", ["/api/nothing", "/api/conversations/x", "/api/runs/1/events", "/api/"])
async def test_an_unknown_address_is_json_too(chat: Rig, owner: Browser, path: str) -> None:
    response = await owner.get(path)
    assert (response.status, response.data["error"]["code"]) == (404, "not_found")


class ComesLater:
    """A model server that is unreachable until `has_come` is set."""

    def __init__(self, chat: Rig) -> None:
        self.has_come = False
        chat.engine.models = ModelWatch(self.look, clock=itertools.count(step=10).__next__)

    async def look(self, _: bool) -> Outlook:
        await database.write(Assistant.objects.all().update, is_available=self.has_come)
        error = ProviderUnavailable("The model server could not be reached.")
        return (
            Outlook()
            if self.has_come
            else Outlook((Problem("scripted", error, is_silent=True),), is_settled=False, is_urgent=True)
        )


async def test_assistants_report_an_unreachable_server_until_it_is_up(chat: Rig, owner: Browser) -> None:
    server = ComesLater(chat)
    await chat.engine.models.begin()
    assert (await owner.get("/api/assistants")).data == {
        "items": [],
        "problems": [
            {
                "provider": "scripted",
                "silent": True,
                "code": "provider_unavailable",
                "message": "The model server could not be reached.",
            }
        ],
    }
    server.has_come = True
    answer = (await owner.get("/api/assistants")).data
    assert ([each["slug"] for each in answer["items"]], answer["problems"]) == (["scripted"], [])


async def test_a_message_is_refused_until_the_model_server_is_up(chat: Rig, owner: Browser) -> None:
    server = ComesLater(chat)
    await chat.engine.models.begin()
    refused = await owner.post("/api/runs", {"text": "Hi"})
    error = refused.data["error"]
    assert (refused.status, error["code"], error["retryable"]) == (503, "unavailable", True)
    assert error["message"] == "The model server does not answer."
    assert int(refused.headers["retry-after"]) <= 5
    server.has_come = True
    assert (await owner.post("/api/runs", {"text": "Hi"})).status == 201


async def test_assistants_available_to_the_user_are_listed(chat: Rig, owner: Browser) -> None:
    assert (await owner.get("/api/assistants")).data["items"] == [
        {"slug": "scripted", "name": "Scripted", "description": "", "provider": "scripted", "model": "m-1",
         "default": True, "demo": False, "tools": False}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "tools"),
    [
        ({"tools": {"builtin:calculator": "allow"}}, True),
        ({"tools": {"builtin:calculator": "allow"}, "can_use_tools": False}, False),
        ({"tools": {"builtin:ask_person": "ask"}}, True),
        ({"tools": {"builtin:calculator": "off", "mcp:gone/tool": "allow"}}, False),
    ],
)
async def test_an_assistant_says_whether_it_has_tools_but_not_which(
    chat: Rig, owner: Browser, fields: dict[str, Any], tools: bool
) -> None:
    chat.engine.tools = bootstrap.registry()
    await database.write(Assistant.objects.all().update, **fields)
    [assistant] = (await owner.get("/api/assistants")).data["items"]
    assert assistant["tools"] is tools


async def test_a_conversation_remembers_whether_its_tools_are_on(chat: Rig, owner: Browser) -> None:
    sent = await chat.turn()
    path = f"/api/conversations/{sent.conversation_id}"
    assert (await owner.get(path)).data["tools"] is True
    assert (await owner.ask("PATCH", path, {"tools": False})).data["tools"] is False
    await chat.turn(conversation_id=sent.conversation_id)
    [listed] = (await owner.get("/api/conversations")).data["items"]
    assert listed["tools"] is False
    assert (await owner.ask("PATCH", path, {"tools": True})).data["tools"] is True


async def test_every_response_is_private(chat: Rig, owner: Browser) -> None:
    response = await owner.get("/api/conversations")
    assert response.headers["cache-control"] == "no-store"
    assert "Cookie" in response.headers["vary"]


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/readyz", 200)])
async def test_health_is_public(chat: Rig, anonymous: Browser, path: str, status: int) -> None:
    assert (await anonymous.get(path)).status == status


async def test_metrics_count(chat: Rig, anonymous: Browser) -> None:
    await chat.turn()
    await asyncio.sleep(0)
    text = (await anonymous.get("/metrics")).body.decode()
    assert 'chat_runs_ended_total{provider="scripted",status="completed"}' in text
    for histogram in ("chat_time_to_first_token_seconds", "chat_run_duration_seconds"):
        assert f'{histogram}_count{{model="m-1",provider="scripted"}}' in text
