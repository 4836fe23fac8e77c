"""Ids as clients in other languages write them: in upper case (Swift), without dashes (.NET)."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from chat import database
from chat.models import Message
from tests.api.rig import Browser, names
from tests.chat_rig import Rig


def undashed(text: str) -> str:
    return text.replace("-", "")


def both(text: str) -> str:
    return undashed(text).upper()


Written = Callable[[str], str]
FORMS = pytest.mark.parametrize("written", [str.upper, undashed, both], ids=["capitals", "undashed", "both"])


@FORMS
async def test_ids_are_accepted_in_paths(chat: Rig, owner: Browser, stranger: Browser, written: Written) -> None:
    sent = await chat.turn()
    conversation = f"/api/conversations/{written(sent.conversation_id)}"
    run = f"/api/runs/{written(sent.run_id)}"

    shown = await owner.get(conversation)
    assert (shown.status, shown.data["id"]) == (200, sent.conversation_id)
    assert len((await owner.get(f"{conversation}/messages")).data["items"]) == 2
    assert (await owner.ask("PATCH", conversation, {"pinned": True})).data["pinned"] is True
    assert names((await owner.get(f"{run}/events")).events) == ["start", "token", "done"]
    assert (await owner.post(f"{run}/stop")).data == {"run_id": sent.run_id}
    assert (await owner.post(f"{run}/keep")).status == 200
    assert (await stranger.get(conversation)).status == 404
    assert (await stranger.get(f"{run}/events")).status == 404
    assert (await owner.ask("DELETE", conversation)).status == 204
    assert (await owner.post(f"{conversation}/restore")).status == 200


@FORMS
async def test_ids_are_accepted_in_bodies(chat: Rig, owner: Browser, written: Written) -> None:
    sent = await chat.turn()
    answer = await database.read(Message.objects.get, run_id=sent.run_id)
    key = str(uuid.uuid4())
    body = {"text": "More", "conversation_id": written(sent.conversation_id), "parent_id": written(str(answer.pk))}

    made = await owner.post("/api/runs", {**body, "client_message_id": written(key)})
    again = await owner.post("/api/runs", {**body, "client_message_id": key})

    assert (made.status, again.status) == (201, 200)
    assert made.data == again.data
    assert made.data["conversation_id"] == sent.conversation_id
    path = f"/api/conversations/{sent.conversation_id}"
    changed = await owner.ask("PATCH", path, {"active_leaf_id": written(str(answer.pk))})
    assert changed.data["active_leaf_id"] == str(answer.pk)
    assert (await owner.ask("PATCH", path, {"branch_id": written(str(answer.parent_id))})).status == 200


@FORMS
async def test_ids_are_accepted_in_queries(chat: Rig, owner: Browser, written: Written) -> None:
    sent = await chat.turn()
    answer = await database.read(Message.objects.get, run_id=sent.run_id)

    page = await owner.get(f"/api/conversations/{sent.conversation_id}/messages?around={written(str(answer.pk))}")

    assert page.status == 200
    assert str(answer.pk) in [each["id"] for each in page.data["items"]]


@pytest.mark.parametrize("text", ["x", "0" * 31, "0" * 33, "{00000000-0000-4000-8000-000000000000}", "0-" * 16])
async def test_an_invalid_id_is_not_found(chat: Rig, owner: Browser, text: str) -> None:
    assert (await owner.get(f"/api/conversations/{text}")).status == 404
