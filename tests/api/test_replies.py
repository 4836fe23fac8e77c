"""Decisions on the calls of a waiting message, and answers to a model's questions, over HTTP."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chat import database
from chat.models import Assistant, Message
from chat.providers.base import Finish, ToolUse
from chat.tools.builtin.ask import ask_person
from chat.tools.definitions import define, tool
from chat.tools.registry import Registry as Tools
from tests.api.openapi.openapi import check
from tests.api.rig import Browser
from tests.chat_rig import Rig, rig

pytestmark = pytest.mark.django_db(transaction=True)

sent_to: list[str] = []


@tool(side_effects=True)
async def send(to: str) -> str:
    """Send something."""
    sent_to.append(to)
    return f"sent to {to}"


TOOLS = Tools([define(send, source="local"), define(ask_person, source="builtin")])
SEND = ToolUse("c00000001", "send", json.dumps({"to": "Ann"}))
ASK = ToolUse("c00000002", "ask_person", json.dumps({"question": "Which one?"}))
ALLOW = {"decisions": [{"call_id": SEND.call_id, "decision": "allow"}]}
ANSWER = {"call_id": ASK.call_id, "text": "The blue one."}


@pytest.fixture
async def chat(transactional_db: None) -> AsyncIterator[Rig]:
    sent_to.clear()
    async with rig(tools=TOOLS) as made:
        await Assistant.objects.all().aupdate(tools={"local:send": "ask", "builtin:ask_person": "allow"})
        yield made


async def waiting(chat: Rig, *uses: ToolUse) -> str:
    """The id of a message that waits with these calls."""
    chat.provider.put(*uses, Finish("tool_calls"))
    sent = await chat.send("Go")
    await chat.events(sent.run_id)
    chat.provider.say("Done.")
    chat.provider.finish()
    return str((await Message.objects.aget(run_id=sent.run_id)).pk)


async def test_allowing_a_call_starts_the_run_that_goes_on(chat: Rig, owner: Browser) -> None:
    message_id = await waiting(chat, SEND)
    body = {**ALLOW, "client_message_id": str(uuid.uuid4())}
    made = await owner.post(f"/api/messages/{message_id}/approvals", body)
    await chat.events(made.data["run_id"])
    again = await owner.post(f"/api/messages/{message_id}/approvals", body)

    assert (made.status, again.status) == (201, 200)
    assert made.headers["location"] == f"/api/runs/{made.data['run_id']}"
    assert made.data == again.data
    assert sent_to == ["Ann"]


async def test_answering_a_question_starts_the_run_that_goes_on(chat: Rig, owner: Browser) -> None:
    message_id = await waiting(chat, ASK)
    made = await owner.post(f"/api/messages/{message_id}/answers", ANSWER)
    await chat.events(made.data["run_id"])

    assert made.status == 201
    message = await Message.objects.aget(run_id=made.data["run_id"])
    assert (message.text, message.status) == ("Done.", "completed")


async def test_the_messages_say_what_waits_and_what_was_decided(chat: Rig, owner: Browser) -> None:
    message_id = await waiting(chat, SEND, ASK)
    message = await Message.objects.aget(pk=message_id)
    path = f"/api/conversations/{message.conversation_id}/messages?branch=active"
    page = await owner.get(path)
    check(page.data, "MessagePage")
    [shown] = [each for each in page.data["items"] if each["id"] == message_id]
    assert (shown["status"], shown["pending"]) == ("waiting", [SEND.call_id, ASK.call_id])
    allowed, asked = shown["parts"]
    assert (allowed["state"], allowed["approval"]["reason"]) == ("waiting", "side_effects")
    assert asked["question"] == {"text": "Which one?", "choices": [], "allows_text": True}

    made = await owner.post(f"/api/messages/{message_id}/approvals", ALLOW)
    await chat.events(made.data["run_id"])
    page = await owner.get(path)
    check(page.data, "MessagePage")
    decided = page.data["items"][0]
    assert decided["siblings"] == [decided["id"]]
    assert decided["parts"][0]["approval"]["decision"] == "allow"


async def test_the_second_decision_names_the_first_ones_run(chat: Rig, owner: Browser) -> None:
    message_id = await waiting(chat, SEND)
    made = await owner.post(f"/api/messages/{message_id}/approvals", ALLOW)
    await chat.events(made.data["run_id"])
    late = await owner.post(f"/api/messages/{message_id}/approvals", ALLOW)

    assert (late.status, late.data["error"]["code"]) == (409, "answered")
    check(late.data, "Error")
    for name in ("run_id", "conversation_id"):
        assert late.data["error"][name] == made.data[name]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("approvals", {}),
        ("approvals", {"decisions": []}),
        ("approvals", {"decisions": [{"call_id": SEND.call_id, "decision": "perhaps"}]}),
        ("approvals", {"decisions": [*ALLOW["decisions"], *ALLOW["decisions"]]}),
        ("approvals", {"decisions": [{"call_id": "c99999999", "decision": "allow"}]}),
        ("approvals", {"decisions": [{"call_id": ASK.call_id, "decision": "allow"}]}),
        ("approvals", {**ALLOW, "client_message_id": "one"}),
        ("approvals", {**ALLOW, "anything": True}),
        ("answers", {}),
        ("answers", {**ANSWER, "text": "  "}),
        ("answers", {**ANSWER, "text": 5}),
        ("answers", {**ANSWER, "call_id": SEND.call_id}),
    ],
)
async def test_a_wrong_body_changes_nothing(chat: Rig, owner: Browser, path: str, body: dict[str, Any]) -> None:
    message_id = await waiting(chat, SEND, ASK)
    refused = await owner.post(f"/api/messages/{message_id}/{path}", body)

    assert refused.status == 400
    assert await Message.objects.acount() == 2
    assert sent_to == []


async def test_others_see_nothing(chat: Rig, stranger: Browser, anonymous: Browser) -> None:
    message_id = await waiting(chat, SEND, ASK)
    for path, body in (("approvals", ALLOW), ("answers", ANSWER)):
        assert (await stranger.post(f"/api/messages/{message_id}/{path}", body)).status == 404
        assert (await anonymous.post(f"/api/messages/{message_id}/{path}", body)).status in (401, 403)
    assert sent_to == []


async def test_an_answer_that_waits_for_nothing_cannot_be_decided_on(chat: Rig, owner: Browser) -> None:
    sent = await chat.turn()
    message = await Message.objects.aget(run_id=sent.run_id)
    refused = await owner.post(f"/api/messages/{message.pk}/approvals", ALLOW)
    question = await owner.post(f"/api/messages/{message.parent_id}/approvals", ALLOW)

    assert (refused.status, refused.data["error"]["code"]) == (409, "conflict")
    assert question.status == 409


async def test_a_message_of_a_deleted_conversation_cannot_be_decided_on(chat: Rig, owner: Browser) -> None:
    message_id = await waiting(chat, SEND)
    conversation = await database.read(lambda: Message.objects.select_related("conversation").get(pk=message_id))
    await database.write(conversation.conversation.delete_softly)

    assert (await owner.post(f"/api/messages/{message_id}/approvals", ALLOW)).status == 404
    assert sent_to == []
