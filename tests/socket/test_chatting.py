from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest
from prometheus_client import REGISTRY

from chat import database
from chat.models import Assistant, Message
from chat.providers.base import Finish, TextDelta, ToolUse
from chat.tools import bootstrap
from tests.chat_rig import Rig
from tests.socket.conftest import Connect
from tests.socket.rig import text_of

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_turn(chat: Rig, connect: Connect) -> None:
    socket = await connect()
    ok = await socket.ask("send", text="Hello", client_message_id=str(uuid.uuid4()))
    assert (ok["type"], ok["duplicate"]) == ("ok", False)
    chat.provider.say("Hi ", "there")
    chat.provider.finish()
    events = await socket.events(ok["run_id"])
    assert [event["event"] for event in events] == ["start", "token", "done"]
    assert [event["data"]["type"] for event in events] == ["start", "token", "done"]
    message = await database.read(Message.objects.get, run_id=ok["run_id"])
    assert text_of(events) == message.text == "Hi there"
    epoch, seq = events[-1]["id"].split(".")
    assert (len(epoch), seq) == (8, "3")


@pytest.mark.parametrize("kind", ["regenerate_id", "continue_id"])
async def test_a_saved_question_can_be_regenerated(chat: Rig, connect: Connect, kind: str) -> None:
    first = await chat.send("A story")
    chat.provider.put(TextDelta("Once upon"), Finish("length"))
    done = (await chat.events(first.run_id))[-1].data
    socket = await connect()
    named = done["message_id"] if kind == "continue_id" else done["parent_id"]
    sent = await socket.ask("send", **{kind: named}, client_message_id=str(uuid.uuid4()))
    assert (sent["type"], sent["conversation_id"]) == ("ok", first.conversation_id)
    chat.provider.say(" a time.")
    chat.provider.finish()
    events = await socket.events(sent["run_id"])
    assert events[0]["data"]["user_message"]["id"] == done["parent_id"]
    assert text_of(events) == ("Once upon a time." if kind == "continue_id" else " a time.")
    wrong = await socket.ask("send", **{kind: named, "text": "and a text"})
    assert (wrong["type"], wrong["code"]) == ("error", "bad_request")


async def test_a_message_switches_the_tools_of_its_conversation(chat: Rig, connect: Connect) -> None:
    chat.engine.tools = bootstrap.registry()
    await database.write(Assistant.objects.all().update, tools={"builtin:calculator": "allow"})
    socket = await connect()
    refused = await socket.ask("send", text="Hello", tools="off")
    assert (refused["type"], refused["code"]) == ("error", "bad_request")
    ok = await socket.ask("send", text="Hello", tools=False)
    chat.provider.say("Hi")
    chat.provider.finish()
    events = await socket.events(ok["run_id"])
    assert chat.provider.requests[-1].tools == ()
    assert (events[0]["data"]["tools"], events[0]["data"]["tools_chosen"]) == (False, True)
    while (notice := await socket.receive("notice"))["kind"] != "conversation_created":
        """What comes before it."""
    assert notice["conversation"]["tools"] is False


async def test_frames_are_numbered_over_all_runs(chat: Rig, connect: Connect) -> None:
    socket = await connect()
    first = await socket.ask("send", text="One")
    second = await socket.ask("send", text="Two")
    seen: list[int] = []
    for text in ("a", "b"):
        chat.provider.say(text)
        chat.provider.finish()
    ended = set()
    while ended < {first["run_id"], second["run_id"]}:
        frame = await socket.receive("events")
        seen.append(frame["frame"])
        if frame["events"][-1]["event"] == "done":
            ended.add(frame["run_id"])
    assert seen == sorted(seen)
    assert len(set(seen)) == len(seen)


async def test_it_resumes_from_a_cursor(chat: Rig, connect: Connect) -> None:
    sent = await chat.send()
    chat.provider.say("Hel")
    one = await connect()
    await one.ask("subscribe", run_id=sent.run_id)
    before = []
    while text_of(before) != "Hel":
        before += (await one.receive("events"))["events"]
    await one.disconnect()
    chat.provider.say("lo")
    chat.provider.finish()
    two = await connect()
    await two.ask("subscribe", run_id=sent.run_id, after=before[-1]["id"])
    after = await two.events(sent.run_id)
    assert text_of(before) + text_of(after) == "Hello"
    assert "start" not in [event["event"] for event in after]


async def test_a_closed_socket_does_not_stop_the_run(chat: Rig, connect: Connect) -> None:
    socket = await connect()
    ok = await socket.ask("send", text="Hello")
    await socket.disconnect()
    chat.provider.say("Still here")
    chat.provider.finish()
    await chat.events(ok["run_id"])
    assert (await database.read(Message.objects.get, run_id=ok["run_id"])).text == "Still here"


async def test_stop(chat: Rig, connect: Connect) -> None:
    socket = await connect()
    ok = await socket.ask("send", text="Hello")
    for _ in range(2):
        assert (await socket.ask("stop", run_id=ok["run_id"]))["type"] == "ok"
    assert (await chat.events(ok["run_id"]))[-1].data["status"] == "stopped"
    assert (await socket.ask("stop", run_id=ok["run_id"]))["type"] == "ok"


async def test_unsubscribe(chat: Rig, connect: Connect) -> None:
    socket = await connect()
    ok = await socket.ask("send", text="Hello")
    await socket.receive("events")
    assert (await socket.ask("unsubscribe", run_id=ok["run_id"]))["type"] == "ok"
    chat.provider.say("Nobody hears this")
    chat.provider.finish()
    await chat.events(ok["run_id"])
    assert [(await socket.receive())["kind"] for _ in range(2)] == ["conversation_created", "run_ended"]
    assert await socket.is_silent()


@pytest.mark.parametrize("kind", ["subscribe", "stop"])
@pytest.mark.parametrize("theirs", [True, False])
async def test_a_run_of_another_user_is_not_found(chat: Rig, connect: Connect, kind: str, theirs: bool) -> None:
    sent = await chat.send()
    socket = await connect(chat.charlie)
    reply = await socket.ask(kind, run_id=sent.run_id if theirs else str(uuid.uuid4()))
    assert (reply["type"], reply["code"], reply["retryable"]) == ("error", "not_found", False)
    assert await socket.is_silent()
    run = await chat.engine.log.find(sent.run_id)
    assert run is not None
    assert run.is_live


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("", "bad_json"), ("{", "bad_json"), ("[]", "bad_json"), ("[" * 100_000, "bad_json"),
        ('{"t":NaN}', "bad_json"), ('{"n":' + "9" * 5000 + "}", "bad_json"), (b"\x00\x01", "bad_request"),
        ({}, "unknown_type"), ({"type": "dance"}, "unknown_type"), ({"type": ["send"]}, "unknown_type"),
        ({"type": "send"}, "bad_request"), ({"type": "send", "text": 5}, "bad_request"),
        ({"type": "send", "text": " \n"}, "empty_text"), ({"type": "send", "text": "x" * 100_001}, "text_too_long"),
        ({"type": "send", "text": "x", "client_message_id": "abc"}, "bad_request"),
        ({"type": "send", "text": "x", "conversation_id": "abc"}, "not_found"),
        ({"type": "send", "text": "x", "conversation_id": str(uuid.UUID(int=5))}, "not_found"),
        ({"type": "send", "text": "x", "conversation_id": 7}, "bad_request"),
        ({"type": "send", "text": "x", "assistant": "nobody"}, "not_found"),
        ({"type": "send", "text": "x", "attachments": ["a"]}, "bad_request"),
        ({"type": "subscribe"}, "not_found"), ({"type": "subscribe", "run_id": {}}, "not_found"),
        ({"type": "stop", "run_id": "\ud800"}, "not_found"), ({"type": "ack"}, "bad_request"),
        ({"type": "ack", "frame": 10**9}, "bad_request"), ({"type": "ack", "frame": -1}, "bad_request"),
        ({"type": "ack", "frame": True}, "bad_request"), ({"type": "stop", "ref": {}}, "bad_request"),
        ({"type": "stop", "ref": "x" * 1000}, "bad_request"),
    ],
)  # fmt: skip
async def test_a_bad_frame_is_an_error_reply_and_the_socket_stays_open(
    chat: Rig, connect: Connect, frame: object, code: str
) -> None:
    socket = await connect()
    await socket.receive("hello")
    await socket.send(frame)  # type: ignore[arg-type]
    reply = await socket.receive()
    assert (reply["type"], reply["code"]) == ("error", code)
    assert reply["message"].endswith(".")
    assert (await socket.ask("send", text="Still alive?"))["type"] == "ok"


@pytest.mark.parametrize("after", ["", "abc", 5, "-1", "1e309", "x" * 10_000, "abcdefgh.1\r\n", {}])
async def test_a_malformed_cursor_is_bad_cursor(chat: Rig, connect: Connect, after: object) -> None:
    sent = await chat.send()
    socket = await connect()
    assert (await socket.ask("subscribe", run_id=sent.run_id, after=after))["code"] == "bad_cursor"


async def test_a_cursor_of_another_log_gets_a_reset_and_everything(chat: Rig, connect: Connect) -> None:
    sent = await chat.turn("Q", "A")
    socket = await connect()
    await socket.ask("subscribe", run_id=sent.run_id, after="abcdefgh.7")
    assert [event["event"] for event in await socket.events(sent.run_id)] == ["reset", "start", "token", "done"]


async def test_a_frame_that_is_too_big_closes_with_4413(chat: Rig, connect: Connect) -> None:
    socket = await connect()
    await socket.send(json.dumps({"type": "ack", "x": "x" * 128 * 1024}))
    assert (await socket.receive("bye"))["code"] == 4413
    assert (await socket.receive("close"))["code"] == 4413


async def test_a_flood_closes_with_4429(chat: Rig, connect: Connect) -> None:
    socket = await connect()
    for _ in range(61):
        await socket.send({"type": "ack", "frame": 0})
    assert (await socket.receive("close"))["code"] == 4429


async def test_many_sends_are_rate_limited_with_a_retry_after(chat: Rig, connect: Connect, settings: object) -> None:
    # On a fast machine, these frames would count as a flood.
    settings.CHAT_FRAMES_PER_SECOND = 1000  # type: ignore[attr-defined]
    socket = await connect()
    for number in range(30):
        ok = await socket.ask("send", text=str(number))
        await socket.ask("stop", run_id=ok["run_id"])
        await chat.events(ok["run_id"])
    reply = await socket.ask("send", text="one more")
    assert (reply["code"], reply["retryable"]) == ("rate_limited", True)
    assert 0 < reply["retry_after"] <= 60


@pytest.mark.parametrize("setting", ["CHAT_LIVE_RUNS", "CHAT_RUNS_PER_MINUTE"])
async def test_an_overloaded_site_is_unavailable_with_a_retry_after(
    chat: Rig, connect: Connect, settings: object, setting: str
) -> None:
    setattr(settings, setting, 1)
    socket = await connect()
    assert (await socket.ask("send", text="Hi"))["type"] == "ok"
    reply = await socket.ask("send", text="Hi")
    assert (reply["code"], reply["retryable"]) == ("unavailable", True)
    assert reply["message"].startswith("The site")
    assert 0 < reply["retry_after"] <= 60


async def test_the_window_limits_unacknowledged_data(chat: Rig, connect: Connect) -> None:
    text = "0123456789 " * 30_000
    sent = await chat.turn("Long", text)
    socket = await connect()
    await socket.receive("hello")
    await socket.send({"type": "subscribe", "run_id": sent.run_id})
    await socket.receive("ok")
    received, size, frames = [], 0, 0
    while not await socket.is_silent():
        frame = await socket.receive()
        size += len(json.dumps(frame, separators=(",", ":")))
        frames = frame["frame"]
        received += frame["events"]
    assert 48 * 1024 < size <= 65_536
    await socket.send({"type": "ack", "frame": frames})
    received += await socket.events(sent.run_id)
    assert text_of(received) == text


@pytest.mark.parametrize("word", ["word ", '"\n', "\x01", "\N{GRINNING FACE}"])
async def test_a_saved_answer_comes_in_frames_that_fit_the_window(chat: Rig, connect: Connect, word: str) -> None:
    text = word * 40_000
    sent = await chat.turn("Long", text)
    await chat.engine.log.forget(sent.run_id)
    socket = await connect()
    await socket.receive("hello")
    await socket.send({"type": "subscribe", "run_id": sent.run_id})
    await socket.receive("ok")
    received: list[dict[str, Any]] = []
    while not received or received[-1]["event"] != "done":
        frame = await socket.receive("events")
        assert len(json.dumps(frame, separators=(",", ":"), ensure_ascii=False).encode()) <= 16 * 1024
        received += frame["events"]
        await socket.send({"type": "ack", "frame": frame["frame"]})
    assert text_of(received) == text


async def test_a_reader_that_acknowledges_nothing_is_closed_with_4408(
    chat: Rig, connect: Connect, settings: object
) -> None:
    settings.CHAT_STALLED_SECONDS = 0.05  # type: ignore[attr-defined]
    sent = await chat.turn("Q", "A")
    socket = await connect()
    await socket.ask("subscribe", run_id=sent.run_id)
    assert (await socket.receive("bye"))["code"] == 4408
    assert (await socket.receive("close"))["code"] == 4408


async def test_a_ping_contains_the_tips_and_stalled_runs(chat: Rig, connect: Connect, settings: object) -> None:
    settings.CHAT_HEARTBEAT_SECONDS = 0.05  # type: ignore[attr-defined]
    sent = await chat.send()
    socket = await connect()
    await socket.ask("subscribe", run_id=sent.run_id)
    first = await socket.receive("events")
    await socket.send({"type": "ack", "frame": first["frame"]})
    await socket.receive("ping")
    ping = await socket.receive("ping")
    assert ping["tips"] == {sent.run_id: first["events"][-1]["id"]}
    assert ping["stalled"] == [sent.run_id]


async def test_another_tab_is_notified_when_a_run_starts_and_ends(chat: Rig, connect: Connect) -> None:
    one, two = await connect(), await connect()
    other = await connect(chat.charlie)
    for socket in (one, two, other):
        await socket.receive("hello")
    ok = await one.ask("send", text="Hello")
    began = await two.receive("notice")
    assert (began["kind"], began["run_id"], began["title"]) == ("run_started", ok["run_id"], "Hello")
    chat.provider.say("Hi")
    chat.provider.finish()
    made = await two.receive("notice")
    assert (made["kind"], made["conversation"]["title"]) == ("conversation_created", "Hello")
    ended = await two.receive("notice")
    assert (ended["kind"], ended["status"]) == ("run_ended", "completed")
    assert await other.is_silent()


async def test_stop_and_send_are_answered_while_an_answer_streams(chat: Rig, connect: Connect) -> None:
    socket = await connect()
    ok = await socket.ask("send", text="One")
    streaming = asyncio.create_task(chat.events(ok["run_id"]))
    for _ in range(5_000):
        chat.provider.say("word ")
    assert (await socket.ask("send", text="Two"))["type"] == "ok"
    assert (await socket.ask("stop", run_id=ok["run_id"]))["type"] == "ok"
    assert (await streaming)[-1].name == "done"


def counted(name: str) -> float:
    labels = {"transport": "websocket", "provider": "scripted", "model": "m-1"}
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_disconnects_and_slow_readers_are_counted_by_model(chat: Rig, connect: Connect) -> None:
    names = ("chat_disconnects_total", "chat_backpressure_waits_total")
    before = [counted(name) for name in names]
    sent = await chat.send()
    socket = await connect()
    await socket.receive("hello")
    await socket.ask("subscribe", run_id=sent.run_id)
    for _ in range(20):
        chat.provider.say("x" * 8 * 1024)
    async with asyncio.timeout(20):
        while counted(names[1]) == before[1]:
            await asyncio.sleep(0.01)
    await socket.disconnect()
    assert [counted(name) - count for name, count in zip(names, before, strict=True)] == [1, 1]


async def test_a_decision_goes_on_with_a_waiting_answer(connect: Connect, chat: Rig) -> None:
    chat.engine.tools = bootstrap.registry()
    await database.write(Assistant.objects.all().update, tools={"builtin:calculator": "ask"})
    socket = await connect()
    chat.provider.put(ToolUse("c00000001", "calculator", json.dumps({"expression": "6 * 7"})), Finish("tool_calls"))
    asked = await socket.ask("send", text="How much?")
    done = (await socket.events(asked["run_id"]))[-1]["data"]
    assert (done["status"], done["pending"]) == ("waiting", ["c00000001"])

    reply = {"message_id": done["message_id"], "decisions": [{"call_id": "c00000001", "decision": "allow"}]}
    for wrong in ({"message_id": 5}, {"message_id": "one"}, {"decisions": []}, {"decisions": None}):
        refused = await socket.ask("approve", **{**reply, **wrong})
        assert (refused["type"], refused["code"]) in (("error", "bad_request"), ("error", "not_found"))
    chat.provider.say("42.")
    chat.provider.finish()
    ok = await socket.ask("approve", **reply, client_message_id=str(uuid.uuid4()))
    events = await socket.events(ok["run_id"])
    assert (ok["conversation_id"], ok["duplicate"]) == (asked["conversation_id"], False)
    assert [event["event"] for event in events[1:5]] == ["tool_start", "approval_request", "approval", "tool_result"]
    assert text_of(events) == "42."
    late = await socket.ask("approve", **reply)
    assert (late["code"], late["run_id"], late["conversation_id"]) == ("answered", ok["run_id"], ok["conversation_id"])


async def test_an_answer_to_a_question_goes_on(connect: Connect, chat: Rig) -> None:
    chat.engine.tools = bootstrap.registry()
    await database.write(Assistant.objects.all().update, tools={"builtin:ask_person": "allow"})
    socket = await connect()
    chat.provider.put(ToolUse("c00000001", "ask_person", json.dumps({"question": "Which?"})), Finish("tool_calls"))
    asked = await socket.ask("send", text="Choose")
    done = (await socket.events(asked["run_id"]))[-1]["data"]
    chat.provider.say("Blue.")
    chat.provider.finish()
    ok = await socket.ask("answer", message_id=done["message_id"], call_id="c00000001", text="blue")

    assert text_of(await socket.events(ok["run_id"])) == "Blue."
