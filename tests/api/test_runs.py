from __future__ import annotations

import asyncio
import json
import re
import uuid
from typing import Any

import pytest
from django.db import OperationalError

from chat import database
from chat.models import ApiToken, Assistant, Message
from chat.notices import channel
from chat.providers.base import Finish, Incomplete, RateLimited, TextDelta
from chat.streams.base import LogUnavailable, RunInfo
from chat.tools import bootstrap
from tests.api.rig import Browser, names, text_of
from tests.cast import session_of
from tests.chat_rig import Rig

pytestmark = pytest.mark.django_db(transaction=True)


async def test_start_returns_where_to_follow_and_stop(chat: Rig, owner: Browser) -> None:
    key = str(uuid.uuid4())
    made = await owner.post("/api/runs", {"text": "Hi", "client_message_id": key})
    again = await owner.post("/api/runs", {"text": "Hi", "client_message_id": key})
    other = await owner.post("/api/runs", {"text": "Other", "client_message_id": key})
    assert (made.status, again.status, other.status) == (201, 200, 409)
    run_id = made.data["run_id"]
    assert made.data == again.data
    assert made.data["events_url"] == f"/api/runs/{run_id}/events"
    assert made.data["stop_url"] == f"/api/runs/{run_id}/stop"
    assert other.data["error"]["code"] == "conflict"


@pytest.mark.parametrize("path", ["/api/runs", "/api/runs/stream", "/api/runs/wait"])
async def test_a_message_switches_the_tools_of_its_conversation(
    chat: Rig, owner: Browser, stranger: Browser, anonymous: Browser, path: str
) -> None:
    chat.engine.tools = bootstrap.registry()
    await database.write(Assistant.objects.all().update, tools={"builtin:calculator": "allow"})
    conversation_id = (await chat.turn()).conversation_id
    assert [each.name for each in chat.provider.requests[-1].tools] == ["calculator"]
    body = {"text": "Hi", "conversation_id": conversation_id, "tools": False}
    assert (await owner.post(path, {**body, "tools": "off"})).status == 400
    assert (await stranger.post(path, body)).status == 404
    assert (await anonymous.post(path, body, x_requested_with="test")).status == 403

    chat.provider.say("Hi")
    chat.provider.finish()
    assert (await owner.post(path, body)).status in (200, 201)
    async with asyncio.timeout(60):
        while (await owner.get("/api/runs?active=true")).data["items"]:
            await asyncio.sleep(0)
    assert chat.provider.requests[-1].tools == ()
    assert (await owner.get(f"/api/conversations/{conversation_id}")).data["tools"] is False


async def test_a_created_run_has_a_location(chat: Rig, owner: Browser, stranger: Browser) -> None:
    body = {"text": "Hi", "client_message_id": str(uuid.uuid4())}
    made, again = [await owner.post("/api/runs", body) for _ in range(2)]
    path = made.headers["location"]
    assert path == f"/api/runs/{made.data['run_id']}"
    assert "location" not in again.headers
    assert (await owner.get(path)).data["state"] == "live"
    assert (await owner.get(path)).data == (await owner.get("/api/runs")).data["items"][0]
    assert (await stranger.get(path)).status == 404


async def test_a_run_is_shown_while_it_is_known(chat: Rig, owner: Browser) -> None:
    saved = await chat.turn("Q", "The answer")
    listed = (await owner.get(f"/api/runs/{saved.run_id}")).data
    assert (listed["state"], listed["unanswered"]) == ("completed", None)
    await chat.engine.log.forget(saved.run_id)
    archived = (await owner.get(f"/api/runs/{saved.run_id}")).data
    assert {**archived, "cursor": ""} == {**listed, "cursor": ""}
    assert (await owner.get(f"{archived['events_url']}?after={archived['cursor']}")).status == 204


async def test_a_failed_run_is_shown_with_its_unanswered_question(chat: Rig, owner: Browser) -> None:
    chat.provider.put(TextDelta("Half"), Incomplete("It broke off."))
    await owner.post("/api/runs/wait", {"text": "Hello"})
    [listed] = (await owner.get("/api/runs")).data["items"]
    path = f"/api/runs/{listed['run_id']}"
    assert (listed["state"], listed["unanswered"]["first"]) == ("error", True)
    assert (await owner.get(path)).data == listed
    await chat.engine.log.forget(listed["run_id"])
    [kept] = (await owner.get("/api/runs?unanswered=true")).data["items"]
    assert (await owner.get(path)).data == kept
    assert (await owner.ask("DELETE", path)).status == 204
    assert (await owner.get(path)).status == 404


async def test_a_send_meant_for_another_user_is_refused(chat: Rig, owner: Browser) -> None:
    refused = await owner.post("/api/runs", {"text": "Hi"}, x_user_id=str(chat.charlie.pk))
    assert (refused.status, refused.data["error"]["code"]) == (403, "another_user")
    assert (await owner.get("/api/runs")).data["items"] == []
    assert (await owner.post("/api/runs", {"text": "Hi"}, x_user_id=str(chat.alice.pk))).status == 201


async def test_one_request_streams_a_complete_turn(chat: Rig, owner: Browser) -> None:
    stream = await owner.open("POST", "/api/runs/stream", {"text": "Hi"})
    assert stream.status == 200
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.headers["cache-control"] == "no-cache, no-transform"
    assert stream.headers["x-accel-buffering"] == "no"
    assert stream.headers["content-encoding"] == "identity"
    assert "content-length" not in stream.headers
    chat.provider.say("Hel", "lo")
    chat.provider.finish()
    events = await stream.rest()
    assert names(events) == ["start", "token", "done"]
    saved = await database.read(Message.objects.get, pk=json.loads(events[-1].data)["message_id"])
    assert text_of(events) == saved.text == "Hello"


@pytest.mark.parametrize(("zone", "status"), [("Europe/Berlin", 201), ("Mars/Olympus_Mons", 201), (5, 400)])
async def test_a_message_may_name_a_time_zone(chat: Rig, owner: Browser, zone: object, status: int) -> None:
    assert (await owner.post("/api/runs", {"text": "Hi", "time_zone": zone})).status == status


async def test_a_cut_stream_resumes_by_its_last_event_id(chat: Rig, owner: Browser) -> None:
    stream = await owner.open("POST", "/api/runs/stream", {"text": "Hi"})
    chat.provider.say("Hel")
    before = await stream.until("token")
    await stream.close()
    chat.provider.say("lo")
    chat.provider.finish()
    run_id = json.loads(before[0].data)["run_id"]
    by_header = await owner.get(f"/api/runs/{run_id}/events", last_event_id=before[-1].id or "")
    by_query = await owner.get(f"/api/runs/{run_id}/events?after={before[-1].id}")
    assert by_header.body == by_query.body
    assert text_of(before) + text_of(by_header.events) == "Hello"
    end = await owner.get(f"/api/runs/{run_id}/events", last_event_id=by_header.events[-1].id or "")
    assert (end.status, end.body) == (204, b"")
    assert not {"content-length", "content-type"} & set(end.headers)


async def test_a_forgotten_run_is_answered_from_the_database(chat: Rig, owner: Browser) -> None:
    sent = await chat.turn("Q", "The answer")
    path = f"/api/runs/{sent.run_id}/events"
    held = await owner.get(path)
    await chat.engine.log.forget(sent.run_id)
    saved = await owner.get(path)
    assert names(saved.events) == ["start", "token", "done"]
    assert [event.data for event in saved.events] == [event.data for event in held.events]
    resumed = await owner.get(path, last_event_id=held.events[1].id or "")
    assert names(resumed.events) == ["reset", "start", "token", "done"]
    end = await owner.get(path, last_event_id=saved.events[-1].id or "")
    assert end.status == 204


@pytest.mark.parametrize("cursor", ["abc", "-1", "1e309", "x" * 5000, "abcdefgh.1e3", "\xff\xfe", "abcdefgh.-1"])
@pytest.mark.parametrize("path", ["/api/runs/{run_id}/events", "/api/events"])
async def test_a_malformed_cursor_is_400(chat: Rig, owner: Browser, cursor: str, path: str) -> None:
    sent = await chat.turn()
    response = await owner.get(path.format(run_id=sent.run_id), last_event_id=cursor)
    assert (response.status, response.data["error"]["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize("cursor", ["abcdefgh.1", "EPOCH.99"])
async def test_an_unusable_cursor_gets_a_reset_and_everything(chat: Rig, owner: Browser, cursor: str) -> None:
    sent = await chat.turn()
    run = await chat.engine.log.find(sent.run_id)
    assert run is not None
    cursor = cursor.replace("EPOCH", run.cursor.epoch)
    response = await owner.get(f"/api/runs/{sent.run_id}/events?after={cursor}")
    assert names(response.events) == ["reset", "start", "token", "done"]


async def test_a_disconnecting_reader_does_not_stop_the_run(chat: Rig, owner: Browser) -> None:
    stream = await owner.open("POST", "/api/runs/stream", {"text": "Hi"})
    start = await stream.until("start")
    await stream.close()
    run_id = json.loads(start[0].data)["run_id"]
    chat.provider.say("Whole")
    chat.provider.finish()
    assert (await chat.events(run_id))[-1].data["status"] == "completed"


async def test_wait_returns_the_saved_message(chat: Rig, owner: Browser) -> None:
    chat.provider.say("Hi")
    chat.provider.finish()
    response = await owner.post("/api/runs/wait", {"text": "Hello"})
    assert response.status == 200
    assert (response.data["role"], response.data["text"], response.data["status"]) == ("assistant", "Hi", "completed")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(RateLimited("Later.", retry_after=99), 429, "rate_limited"), (Incomplete("It broke off."), 502, "incomplete")],
)
async def test_wait_returns_the_error(chat: Rig, owner: Browser, error: Exception, status: int, code: str) -> None:
    chat.provider.put(TextDelta("Half"), error)
    response = await owner.post("/api/runs/wait", {"text": "Hello"})
    assert (response.status, response.data["error"]["code"]) == (status, code)
    assert response.headers.get("retry-after") == ("99" if status == 429 else None)


async def test_an_error_after_the_200_is_an_event(chat: Rig, owner: Browser) -> None:
    chat.provider.put(TextDelta("Half"), Incomplete("It broke off."))
    response = await owner.post("/api/runs/stream", {"text": "Hello"})
    assert names(response.events) == ["start", "token", "error"]


async def test_stop_is_202_and_then_200(chat: Rig, owner: Browser) -> None:
    made = await owner.post("/api/runs", {"text": "Hi"})
    assert [(await owner.post(made.data["stop_url"])).status for _ in range(2)] == [202, 200]
    await chat.events(made.data["run_id"])
    assert (await owner.post(made.data["stop_url"])).status == 200


async def test_keep_returns_the_saved_message(chat: Rig, owner: Browser) -> None:
    chat.provider.put(TextDelta("Half"), Incomplete("It broke off."))
    response = await owner.post("/api/runs/stream", {"text": "Hello"})
    run_id = json.loads(response.events[0].data)["run_id"]
    kept = [await owner.post(f"/api/runs/{run_id}/keep") for _ in range(2)]
    assert [each.status for each in kept] == [200, 200]
    assert kept[0].data == kept[1].data
    assert (kept[0].data["text"], kept[0].data["status"]) == ("Half", "stopped")


async def test_it_lists_live_and_recent_runs(chat: Rig, owner: Browser, stranger: Browser) -> None:
    ended = await chat.turn()
    live = await chat.send()
    active = (await owner.get("/api/runs?active=1")).data["items"]
    assert [(run["run_id"], run["state"]) for run in active] == [(live.run_id, "live")]
    assert {run["run_id"] for run in (await owner.get("/api/runs")).data["items"]} == {ended.run_id, live.run_id}
    assert (await stranger.get("/api/runs")).data["items"] == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_json"), (b"{", 400, "bad_json"), (b"[1]", 400, "bad_json"), (b"\xff", 400, "bad_json"),
        (b"[" * 100_000, 400, "bad_json"), (b'{"text": NaN}', 400, "bad_json"), ({}, 400, "bad_request"),
        ({"text": ""}, 400, "empty_text"), ({"text": " \n\t"}, 400, "empty_text"), ({"text": 1}, 400, "bad_request"),
        ({"text": "x" * 100_001}, 400, "text_too_long"), ({"text": "x", "client_message_id": 1}, 400, "bad_request"),
        ({"text": "x", "conversation_id": str(uuid.UUID(int=1))}, 404, "not_found"),
        ({"text": "x", "assistant": "nobody"}, 404, "not_found"), (b" " * 3_000_000, 413, "body_too_big"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/api/runs", "/api/runs/stream", "/api/runs/wait"])
async def test_a_bad_body_is_a_clear_error(
    chat: Rig, owner: Browser, path: str, body: object, status: int, code: str
) -> None:
    response = await owner.post(path, body)
    assert (response.status, response.data["error"]["code"]) == (status, code)
    assert response.data["error"]["message"].endswith(".")
    assert not chat.provider.requests


async def test_busy_and_limit_errors_have_retry_after(chat: Rig, owner: Browser) -> None:
    made = await owner.post("/api/runs", {"text": "Hi"})
    busy = await owner.post("/api/runs", {"text": "More", "conversation_id": made.data["conversation_id"]})
    assert (busy.status, busy.data["error"]["code"]) == (409, "busy")
    for _ in range(2):
        await owner.post("/api/runs", {"text": "Hi"})
    many = await owner.post("/api/runs", {"text": "Hi"})
    assert (many.status, many.data["error"]["code"], many.headers["retry-after"]) == (429, "too_many_runs", "5")


@pytest.mark.parametrize("path", ["/api/runs", "/api/runs/stream", "/api/runs/wait"])
@pytest.mark.parametrize("setting", ["CHAT_LIVE_RUNS", "CHAT_RUNS_PER_MINUTE"])
async def test_an_overloaded_site_is_503_with_retry_after(
    chat: Rig, owner: Browser, settings: Any, path: str, setting: str
) -> None:
    setattr(settings, setting, 1)
    assert (await owner.post("/api/runs", {"text": "Hi"})).status == 201
    refused = await owner.post(path, {"text": "Hi"})
    error = refused.data["error"]
    assert (refused.status, error["code"], error["retryable"]) == (503, "unavailable", True)
    assert error["message"].startswith("The site")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert len((await owner.get("/api/runs")).data["items"]) == 1


async def test_without_an_assistant_the_error_is_not_retryable(chat: Rig, owner: Browser) -> None:
    await Assistant.objects.aupdate(is_active=False)
    refused = await owner.post("/api/runs", {"text": "Hi"})
    error = refused.data["error"]
    assert (refused.status, error["code"], error["retryable"]) == (409, "no_model", False)
    assert "Ask your administrator" in error["message"]


async def test_a_session_needs_the_csrf_token_and_a_bearer_token_does_not(chat: Rig) -> None:
    session = await session_of(chat.alice)
    without = await Browser(session=session).post("/api/runs", {"text": "Hi"})
    assert (without.status, without.data["error"]["code"]) == (403, "forbidden")
    csrf = "a" * 32
    assert (await Browser(session=session, csrf=csrf).post("/api/runs", {"text": "Hi"})).status == 201
    wrong = await Browser(session=session, csrf=csrf, token="chat_wrong").post("/api/runs", {"text": "Hi"})
    assert (wrong.status, wrong.data["error"]["code"]) == (401, "not_signed_in")
    assert "www-authenticate" in wrong.headers


async def test_a_browsers_session_streams_and_waits_too(chat: Rig) -> None:
    browser = Browser(session=await session_of(chat.alice), csrf="a" * 32)
    stream = await browser.open("GET", "/api/events")
    sent = await chat.send()
    await stream.until("start")
    await stream.close()
    chat.provider.say("Hi")
    chat.provider.finish()
    assert names((await browser.get(f"/api/runs/{sent.run_id}/events")).events)[-1] == "done"
    chat.provider.say("Hi")
    chat.provider.finish()
    assert (await browser.post("/api/runs/wait", {"text": "Hi"})).status == 200


async def test_the_multiplex_carries_every_run_and_notices(chat: Rig, owner: Browser, stranger: Browser) -> None:
    other = await stranger.open("GET", "/api/events")
    first = await chat.send("One")
    stream = await owner.open("GET", "/api/events")
    (start,) = await stream.until("start")
    assert json.loads(start.data)["run_id"] == first.run_id
    second = await chat.send("Two")
    events = await stream.until("start")
    notice = json.loads(events[0].data)
    assert (notice["kind"], notice["run_id"]) == ("run_started", second.run_id)
    assert events[-1].id is not None
    assert {part.split(":")[0] for part in events[-1].id.split(",")} == {first.run_id, second.run_id}
    await stream.close()

    for _ in range(2):
        chat.provider.say("x")
        chat.provider.finish()
    await asyncio.gather(chat.events(first.run_id), chat.events(second.run_id))
    resumed = await owner.open("GET", "/api/events", last_event_id=events[-1].id)
    ends = await resumed.until("done") + await resumed.until("done")
    assert {json.loads(event.data)["run_id"] for event in ends if event.event == "done"} == {
        first.run_id, second.run_id,
    }  # fmt: skip
    assert "start" not in names(ends)
    await resumed.close()
    await other.chunk()
    assert await other.is_silent()
    await other.close()


async def test_while_it_streams_no_database_connection_is_held(chat: Rig, owner: Browser) -> None:
    """Django keeps a connection until its response ends. Here, its part ends while the body still streams."""
    from django.db.backends.base.base import BaseDatabaseWrapper

    connect, close = BaseDatabaseWrapper.connect, BaseDatabaseWrapper.close
    held: set[int] = set()

    def connecting(self: BaseDatabaseWrapper) -> None:
        connect(self)
        held.add(id(self))

    def closing(self: BaseDatabaseWrapper) -> None:
        close(self)
        held.discard(id(self))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseWrapper, "connect", connecting)
        patch.setattr(BaseDatabaseWrapper, "close", closing)
        streams = [await owner.open("POST", "/api/runs/stream", {"text": "Hi"}) for _ in range(2)]
        waiting = asyncio.create_task(owner.post("/api/runs/wait", {"text": "Hi"}))
        for stream in streams:
            await stream.until("start")
        async with asyncio.timeout(60):
            while held:
                await asyncio.sleep(0)
        assert not any(stream.ended for stream in streams)
        assert not waiting.done()
        for _ in range(3):
            chat.provider.say("Hi")
            chat.provider.finish()
        assert (await waiting).status == 200
        for stream in streams:
            await stream.close()


async def test_a_form_is_refused_as_bad_json(chat: Rig) -> None:
    browser = Browser(session=await session_of(chat.alice), csrf="a" * 32)
    form = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nhi\r\n--x--\r\n'
    response = await browser.post("/api/runs", form, content_type="multipart/form-data; boundary=x")
    assert (response.status, response.data["error"]["code"]) == (400, "bad_json")


@pytest.mark.parametrize("value", [{}, "", 0, False, ["x"], "x"])
async def test_attachments_must_be_null_or_empty(chat: Rig, owner: Browser, value: object) -> None:
    assert (await owner.post("/api/runs", {"text": "x", "attachments": value})).status == 400


async def test_an_unavailable_database_is_503(chat: Rig, owner: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OperationalError("no such server")

    monkeypatch.setattr("chat.api.authentication.user_of_token", away)
    response = await owner.get("/api/conversations")
    assert (response.status, response.data["error"]["code"]) == (503, "unavailable")
    assert response.headers["retry-after"] == "5"


async def test_head_is_the_headers_only(chat: Rig, owner: Browser) -> None:
    sent = await chat.send()
    for path in (f"/api/runs/{sent.run_id}/events", "/api/events"):
        response = await owner.ask("HEAD", path)
        assert (response.status, response.body) == (200, b"")
        assert response.headers["content-type"].startswith("text/event-stream")
        assert "content-length" not in response.headers


async def test_the_multiplex_resumes_a_run_that_left_the_log(chat: Rig, owner: Browser) -> None:
    sent = await chat.send()
    stream = await owner.open("GET", "/api/events")
    (start,) = await stream.until("start")
    await stream.close()
    chat.provider.say("The end")
    chat.provider.finish()
    await chat.events(sent.run_id)
    await chat.engine.log.forget(sent.run_id)
    resumed = await owner.open("GET", f"/api/events?after={start.id}")
    events = await resumed.until("done")
    assert names(events) == ["reset", "start", "token", "done"]
    assert text_of(events) == "The end"
    await resumed.close()


async def test_the_id_of_the_multiplex_does_not_grow_with_ended_runs(chat: Rig, owner: Browser) -> None:
    stream = await owner.open("GET", "/api/events")
    for _ in range(5):
        await chat.turn()
    events = []
    while names(events).count("done") < 5:
        events += await stream.until("done")
    assert max(len((event.id or "").split(",")) for event in events) == 1
    await stream.close()


@pytest.mark.parametrize("path", ["/api/runs/{run_id}/events", "/api/events"])
async def test_a_stream_ends_when_its_user_is_signed_out(
    chat: Rig, owner: Browser, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr("chat.auth.sign_in_watch.EVERY_SECONDS", 0.01)
    monkeypatch.setattr("chat.auth.sign_in_watch.AGE_SECONDS", 0)
    sent = await chat.send()
    stream = await owner.open("GET", path.format(run_id=sent.run_id))
    await stream.until("start")
    await database.write(lambda: [token.revoke() for token in ApiToken.objects.all()])
    # The response has to end. If it only went silent, its client would keep waiting.
    async with asyncio.timeout(60):
        await stream.rest()
    chat.provider.say("Not for you")
    chat.provider.finish()
    await chat.events(sent.run_id)
    assert b"Not for you" not in stream.raw


async def test_signing_out_ends_a_pending_wait_request(
    chat: Rig, owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.auth.sign_in_watch.EVERY_SECONDS", 0.01)
    monkeypatch.setattr("chat.auth.sign_in_watch.AGE_SECONDS", 0)
    waiting = asyncio.create_task(owner.post("/api/runs/wait", {"text": "Hello"}))
    await chat.provider.asked.wait()
    await database.write(lambda: [token.revoke() for token in ApiToken.objects.all()])
    response = await waiting
    assert (response.status, response.data["error"]["code"]) == (401, "not_signed_in")


@pytest.mark.parametrize("path", ["/api/runs", "/api/runs/stream", "/api/runs/wait"])
@pytest.mark.parametrize("kind", ["regenerate_id", "continue_id"])
async def test_a_saved_question_can_be_regenerated(chat: Rig, owner: Browser, path: str, kind: str) -> None:
    first = await chat.send("A story")
    chat.provider.put(TextDelta("Once upon"), Finish("length"))
    done = (await chat.events(first.run_id))[-1].data
    named = done["message_id"] if kind == "continue_id" else done["parent_id"]
    chat.provider.say(" a time.")
    chat.provider.finish()
    sent = str(uuid.uuid4())

    response = await owner.post(path, {kind: named, "client_message_id": sent})

    assert response.status == (201 if path == "/api/runs" else 200)
    await chat.events((await owner.get("/api/runs")).data["items"][0]["run_id"])
    items = (await owner.get(f"/api/conversations/{first.conversation_id}/messages?branch=active")).data["items"]
    assert items[0]["text"] == ("Once upon a time." if kind == "continue_id" else " a time.")
    assert (items[0]["client_message_id"], len(items[0]["siblings"])) == (sent, 2)
    repeated = await owner.post("/api/runs", {kind: named, "client_message_id": sent})
    assert (repeated.status, repeated.data["run_id"]) == (200, items[0]["run_id"])


async def test_the_multiplex_survives_an_unavailable_log(
    chat: Rig, owner: Browser, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.CHAT_HEARTBEAT_SECONDS = 0.05
    runs_of, asked = chat.engine.log.runs_of, asyncio.Semaphore(0)

    async def away(owner_id: int) -> list[RunInfo]:
        asked.release()
        raise LogUnavailable("planted")

    stream = await owner.open("GET", "/api/events")
    await stream.until("ping")
    monkeypatch.setattr(chat.engine.log, "runs_of", away)
    async with asyncio.timeout(60):
        # Asked once on a timer, and again because of a notice.
        await asked.acquire()
        await channel.publish(chat.alice.pk, {"kind": "run_started"})
        await stream.until("notice")
    monkeypatch.setattr(chat.engine.log, "runs_of", runs_of)
    sent = await chat.send()
    events = await stream.until("start")
    assert json.loads(events[-1].data)["run_id"] == sent.run_id
    await channel.publish(chat.alice.pk, {"kind": "conversation_deleted"})
    await stream.until("notice")
    await stream.close()


async def test_a_multiplex_waits_for_an_unavailable_log(
    chat: Rig, owner: Browser, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.CHAT_HEARTBEAT_SECONDS = 0.05
    sent = await chat.send()
    find, runs_of, asked = chat.engine.log.find, chat.engine.log.runs_of, asyncio.Semaphore(0)

    async def away(_: object) -> Any:
        asked.release()
        raise LogUnavailable("planted")

    first = await owner.open("GET", "/api/events")
    (start,) = await first.until("start")
    await first.close()
    monkeypatch.setattr(chat.engine.log, "find", away)
    monkeypatch.setattr(chat.engine.log, "runs_of", away)
    stream = await owner.open("GET", "/api/events", last_event_id=start.id or "")
    async with asyncio.timeout(60):
        await asked.acquire()
    monkeypatch.setattr(chat.engine.log, "find", find)
    monkeypatch.setattr(chat.engine.log, "runs_of", runs_of)
    chat.provider.say("Hi")
    chat.provider.finish()
    events = await stream.until("done")
    assert [event.event for event in events if event.event not in {"ping", "notice"}] == ["token", "done"]
    assert json.loads(events[-1].data)["run_id"] == sent.run_id
    await stream.close()


async def test_a_new_run_during_resumption_restarts_no_other(
    chat: Rig, owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = await chat.send()
    chat.provider.say("One")
    first = await owner.open("GET", "/api/events")
    token = (await first.until("token"))[-1]
    await first.close()
    find, asked, going_on = chat.engine.find, asyncio.Event(), asyncio.Event()

    async def slow(user_id: int, run_id: str) -> Any:
        asked.set()
        await going_on.wait()
        return await find(user_id, run_id)

    monkeypatch.setattr(chat.engine, "find", slow)
    stream = await owner.open("GET", "/api/events", last_event_id=token.id or "")
    async with asyncio.timeout(60):
        await asked.wait()
    await channel.publish(chat.alice.pk, {"kind": "run_started"})
    for _ in range(100):
        await asyncio.sleep(0)
    going_on.set()
    chat.provider.say(" two")
    chat.provider.finish()
    events = await stream.until("done")
    assert names([event for event in events if event.event != "notice"]) == ["token", "done"]
    assert json.loads(events[-1].data)["run_id"] == sent.run_id
    await stream.close()


async def test_a_multiplex_ends_for_a_retry_if_a_run_cannot_be_followed(
    chat: Rig, owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise OperationalError("planted")

    stream = await owner.open("GET", "/api/events")
    monkeypatch.setattr(chat.engine, "follow", broken)
    await chat.send()
    async with asyncio.timeout(60):
        await stream.rest()
    assert re.search(rb"\n\nretry: \d+\nevent: ping\ndata: \{.+\}\n\n$", stream.raw)


async def test_a_wait_response_is_not_cached(chat: Rig, owner: Browser) -> None:
    waiting = asyncio.create_task(owner.post("/api/runs/wait", {"text": "Hello"}))
    await chat.provider.asked.wait()
    chat.provider.say("Hi")
    chat.provider.finish()
    assert (await waiting).headers["cache-control"] == "no-store"
