"""Nothing in a request is silently ignored: flags may be spelled differently, unknown names are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chat import database
from chat.models import Conversation
from tests.api.rig import Browser, names
from tests.chat_rig import Rig

YES = ["true", "1", "True", "TRUE"]
NO = ["false", "0", "False"]
# Each flag with its address.
FLAGS = [("/api/conversations", "archived"), ("/api/conversations", "pinned"), ("/api/runs", "active"),
         ("/api/runs", "unanswered")]  # fmt: skip


async def titles(owner: Browser, query: str) -> list[str]:
    return [each["title"] for each in (await owner.get(f"/api/conversations{query}")).data["items"]]


def make(chat: Rig) -> None:
    for title, flags in {"plain": {}, "archived": {"is_archived": True}, "pinned": {"is_pinned": True}}.items():
        Conversation.objects.create(owner=chat.alice, title=title, **flags)


async def test_a_flag_is_accepted_in_any_case(chat: Rig, owner: Browser) -> None:
    await database.write(make, chat)

    for yes in YES:
        assert await titles(owner, f"?archived={yes}") == ["archived"], yes
        assert await titles(owner, f"?pinned={yes}") == ["pinned"], yes
    for no in NO:
        assert sorted(await titles(owner, f"?archived={no}&pinned={no}")) == ["pinned", "plain"], no


async def test_runs_are_filtered_by_a_flag(chat: Rig, owner: Browser) -> None:
    await chat.turn()
    live = await chat.send()

    for yes in YES:
        active = (await owner.get(f"/api/runs?active={yes}")).data["items"]
        assert [each["run_id"] for each in active] == [live.run_id], yes
        assert (await owner.get(f"/api/runs?unanswered={yes}")).data["items"] == [], yes
    for no in NO:
        assert len((await owner.get(f"/api/runs?active={no}&unanswered={no}")).data["items"]) == 2, no


async def test_an_invalid_flag_is_refused(chat: Rig, owner: Browser) -> None:
    for path, flag in FLAGS:
        for value in ("yes", "", "2", "on", "truefalse", "%00", "%C2%B2"):
            response = await owner.get(f"{path}?{flag}={value}")

            assert (response.status, response.data["error"]["code"]) == (400, "bad_request"), (path, value)
            assert response.data["error"]["message"] == f"{flag} must be true or false."


async def test_an_unknown_choice_is_refused(chat: Rig, owner: Browser) -> None:
    path = f"/api/conversations/{(await chat.turn()).conversation_id}/messages"

    for value in ("Active", "all", "true", "%00"):
        response = await owner.get(f"{path}?branch={value}")

        assert (response.status, response.data["error"]["code"]) == (400, "bad_request"), value


async def test_an_unknown_parameter_is_refused(chat: Rig, owner: Browser) -> None:
    for path in ("/api/conversations?archive=true", "/api/conversations?Archived=true", "/api/runs?state=live",
                 "/api/search?query=heron", "/api/assistants?limit=3", "/api/conversations?%F0%9F%98%80=1",
                 "/api/runs?=1"):  # fmt: skip
        response = await owner.get(path)

        assert (response.status, response.data["error"]["code"]) == (400, "bad_request"), path
        assert response.data["error"]["message"].startswith("There is no parameter '")


async def test_the_refusal_lists_the_valid_names(chat: Rig, owner: Browser) -> None:
    refused = await owner.get(f"/api/conversations?{'archive' * 100}=true")
    message = refused.data["error"]["message"]

    assert "There are cursor, limit, archived, pinned." in message
    assert len(message) < 300
    path = f"/api/conversations/{(await chat.turn()).conversation_id}"
    message = (await owner.get(f"{path}?x=1")).data["error"]["message"]
    assert message == "There is no parameter 'x' here. This call takes no parameter."


async def test_event_source_clients_may_add_a_cache_buster(chat: Rig, owner: Browser) -> None:
    sent = await chat.turn()

    assert names((await owner.get(f"/api/runs/{sent.run_id}/events?_=17")).events)[-1] == "done"
    stream = await owner.open("GET", "/api/events?_=17")
    assert stream.status == 200
    await stream.close()


BODIES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/api/runs", {"text": "Hi"}),
    ("POST", "/api/runs/stream", {"text": "Hi"}),
    ("POST", "/api/runs/wait", {"text": "Hi"}),
    ("PATCH", "/api/conversations/{conversation_id}", {"pinned": True}),
]


@pytest.mark.parametrize(("method", "path", "body"), BODIES, ids=[path for _, path, _ in BODIES])
async def test_an_unknown_field_is_refused(
    chat: Rig, owner: Browser, method: str, path: str, body: dict[str, Any]
) -> None:
    sent = await chat.turn()
    path = path.format(conversation_id=sent.conversation_id)

    for name in ("conversationId", "stream", "", "\ud800", "x" * 10_000):
        refused = await owner.ask(method, path, {**body, name: "x"})

        assert (refused.status, refused.data["error"]["code"]) == (400, "bad_request")
        message = refused.data["error"]["message"]
        assert message.startswith(f"There is no field '{name[:100]}'" if name.isascii() else "There is no field '�'")
        assert next(iter(body)) in message
        assert len(message) < 400
    assert len((await owner.get("/api/runs")).data["items"]) == 1
    assert (await owner.get(f"/api/conversations/{sent.conversation_id}")).data["pinned"] is False


async def test_fields_of_each_kind_are_accepted(chat: Rig, owner: Browser) -> None:
    """The fields that the page's own client sends."""
    body = {
        "client_message_id": "0198f2a4-5d3b-7c11-9a52-6f1f3a9be001",
        "text": "Hi",
        "parent_id": "root",
        "assistant": "scripted",
        "attachments": [],
    }

    assert (await owner.post("/api/runs", json.loads(json.dumps(body)))).status == 201
