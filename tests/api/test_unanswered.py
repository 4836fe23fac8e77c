"""Failed questions over HTTP: only their owner can list, follow, repeat and dismiss them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from chat.generation.engine import Sent
from chat.notices import channel
from chat.providers.base import RateLimited
from tests.api.rig import Browser, names
from tests.chat_rig import Rig

pytestmark = pytest.mark.django_db(transaction=True)


async def failed(chat: Rig, text: str = "What is a heron?", *, in_log: bool = False, **fields: object) -> Sent:
    sent = await chat.send(text, **fields)
    chat.provider.put(RateLimited("Too many requests.", retry_after=60))
    await chat.events(sent.run_id)
    if not in_log:
        await chat.engine.log.forget(sent.run_id)
    return sent


async def unanswered(browser: Browser) -> list[Any]:
    items: list[Any] = (await browser.get("/api/runs?unanswered=1")).data["items"]
    return items


async def test_unanswered_questions_are_listed_newest_first(chat: Rig, owner: Browser, stranger: Browser) -> None:
    first, second = await failed(chat), await failed(chat, "And an egret?", in_log=True)

    items = await unanswered(owner)

    assert [each["run_id"] for each in items] == [second.run_id, first.run_id]
    assert items[1] == {
        "run_id": first.run_id,
        "conversation_id": first.conversation_id,
        "client_message_id": first.client_message_id,
        "title": "What is a heron?",
        "cursor": items[1]["cursor"],
        "state": "error",
        "unanswered": {"failed_at": items[1]["unanswered"]["failed_at"], "first": True},
        "events_url": f"/api/runs/{first.run_id}/events",
        "stop_url": f"/api/runs/{first.run_id}/stop",
    }
    assert await unanswered(stranger) == []


async def test_a_question_in_an_existing_conversation_is_not_the_first(chat: Rig, owner: Browser) -> None:
    saved = await chat.turn("One", "1")
    await failed(chat, "Two", conversation_id=saved.conversation_id)
    [listed] = await unanswered(owner)
    assert (listed["conversation_id"], listed["unanswered"]["first"]) == (saved.conversation_id, False)


async def test_runs_list_each_unanswered_question_once(chat: Rig, owner: Browser) -> None:
    old = await failed(chat)
    saved = await chat.turn("One", "1")
    recent = await failed(chat, "And an egret?", in_log=True)
    live = await chat.send()

    items = (await owner.get("/api/runs")).data["items"]

    assert [(each["run_id"], each["state"], each["unanswered"] is not None) for each in items] == [
        (live.run_id, "live", False),
        (recent.run_id, "error", True),
        (saved.run_id, "completed", False),
        (old.run_id, "error", True),
    ]
    assert [each["run_id"] for each in (await owner.get("/api/runs?active=1")).data["items"]] == [live.run_id]


async def test_events_contain_the_question_and_the_error(chat: Rig, owner: Browser) -> None:
    sent = await failed(chat)
    path = f"/api/runs/{sent.run_id}/events"

    answer = await owner.get(path)

    assert names(answer.events) == ["start", "error"]
    [listed] = await unanswered(owner)
    assert answer.events[-1].id == listed["cursor"]
    assert (await owner.get(path, last_event_id=listed["cursor"])).status == 204


async def test_a_question_answered_on_retry_is_removed(chat: Rig, owner: Browser, stranger: Browser) -> None:
    sent = await failed(chat)
    body = {"text": "What is a heron?", "conversation_id": sent.conversation_id}
    assert (await stranger.post("/api/runs", body)).status == 404

    made = await owner.post("/api/runs", body)
    chat.provider.say("A bird.")
    chat.provider.finish()
    await chat.events(made.data["run_id"])

    assert (made.status, made.data["conversation_id"]) == (201, sent.conversation_id)
    assert await unanswered(owner) == []
    assert (await owner.get(f"/api/conversations/{sent.conversation_id}")).status == 200


async def test_only_its_owner_can_dismiss_it(
    chat: Rig, owner: Browser, stranger: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []

    async def publish(owner_id: int, notice: Any) -> None:
        told.append((owner_id, notice))

    sent = await failed(chat)
    monkeypatch.setattr(channel, "publish", publish)
    path = f"/api/runs/{sent.run_id}"
    assert (await Browser(csrf="c" * 32).ask("DELETE", path)).status == 401
    assert (await stranger.ask("DELETE", path)).status == 404
    assert told == []

    assert (await owner.ask("DELETE", path)).status == 204

    notice = {"kind": "run_dismissed", "run_id": sent.run_id, "conversation_id": sent.conversation_id}
    assert told == [(chat.alice.pk, notice)]
    assert await unanswered(owner) == []
    assert (await owner.ask("DELETE", path)).status == 404
    assert (await owner.get(f"{path}/events")).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_a_run_itself_can_only_be_shown_and_dismissed(chat: Rig, owner: Browser, method: str) -> None:
    answer = await owner.ask(method, f"/api/runs/{uuid.uuid4()}")
    assert (answer.status, answer.headers["allow"]) == (405, "DELETE, GET")


async def test_an_invalid_id_is_not_found(chat: Rig, owner: Browser) -> None:
    assert (await owner.ask("DELETE", f"/api/runs/{uuid.uuid4()}")).status == 404
    assert (await owner.ask("DELETE", "/api/runs/heron")).status == 404


async def test_live_or_saved_runs_cannot_be_dismissed(chat: Rig, owner: Browser) -> None:
    saved, live = await chat.turn(), await chat.send()
    for run in (saved, live):
        refused = await owner.ask("DELETE", f"/api/runs/{run.run_id}")
        assert (refused.status, refused.data["error"]["code"]) == (409, "conflict")


async def test_a_conversation_without_messages_is_deleted_with_it(
    chat: Rig, owner: Browser, stranger: Browser
) -> None:
    sent = await failed(chat)
    path = f"/api/conversations/{sent.conversation_id}"
    assert (await stranger.ask("DELETE", path)).status == 404
    assert len(await unanswered(owner)) == 1

    assert (await owner.ask("DELETE", path)).status == 204

    assert await unanswered(owner) == []
    assert (await owner.ask("DELETE", path)).status == 404


async def test_it_is_restored_with_its_conversation(chat: Rig, owner: Browser) -> None:
    saved = await chat.turn("One", "1")
    sent = await failed(chat, "Two", conversation_id=saved.conversation_id)
    path = f"/api/conversations/{saved.conversation_id}"

    assert (await owner.ask("DELETE", path)).status == 204
    assert await unanswered(owner) == []
    # A deleted conversation's question cannot be dismissed.
    assert (await owner.ask("DELETE", path)).status == 404
    assert (await owner.get(f"/api/runs/{sent.run_id}/events")).status == 404
    assert (await owner.post(f"{path}/restore")).status == 200
    assert [each["run_id"] for each in await unanswered(owner)] == [sent.run_id]
