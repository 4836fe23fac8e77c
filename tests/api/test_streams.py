"""What third-party clients require of a stream (tests/clients runs some of them)."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest

from chat import database
from chat.api.streams import heartbeats
from chat.models import ApiToken, Message
from chat.protocol.events import ENTRY_CHARACTERS
from chat.providers.base import Incomplete, TextDelta
from tests.api.rig import Browser, Stream, names, text_of
from tests.chat_rig import Rig

pytestmark = pytest.mark.django_db(transaction=True)

STREAM = "/api/runs/stream"
WAIT = "/api/runs/wait"
LINE_BYTES = 16 * 1024
# Including texts that get longer as JSON or as UTF-8.
TEXTS = {"plain": "word ", "quotes": '"\n\\', "controls": "\x01\x1b", "emoji": "\N{GRINNING FACE}e\u0301"}


def blocks(raw: bytes) -> list[dict[str, str]]:
    """The fields of each block."""
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in raw.decode().split("\n\n")[:-1]]


async def whole_run(chat: Rig, owner: Browser, answer: str = "Hello", **fields: Any) -> Stream:
    """A run started by POST and read to its end."""
    stream = await owner.open("POST", STREAM, {"text": "Hi", **fields})
    chat.provider.say(answer)
    chat.provider.finish()
    await stream.rest()
    return stream


async def cut_run(chat: Rig, owner: Browser, **fields: Any) -> tuple[str, str]:
    """Start a run by POST and disconnect after `Hel`. Returns its id and cursor. Callers go on with `lo`."""
    stream = await owner.open("POST", STREAM, {"text": "Hi", **fields})
    chat.provider.say("Hel")
    read = await stream.until("token")
    await stream.close()
    return json.loads(read[0].data)["run_id"], read[-1].id or ""


async def run_count(owner: Browser) -> int:
    return len((await owner.get("/api/runs")).data["items"])


class TestBlocks:
    async def test_each_block_has_an_event_and_a_typed_json_object(self, chat: Rig, owner: Browser) -> None:
        stream = await whole_run(chat, owner)

        sent = blocks(stream.raw)

        assert [block["event"] for block in sent] == ["ping", "start", "token", "done"]
        assert [json.loads(block["data"])["type"] for block in sent] == ["ping", "start", "token", "done"]
        assert (sent[0]["retry"], "id" in sent[0]) == ("1000", False)
        assert all("id" in block for block in sent[1:])
        assert ":" not in {line[:1] for line in stream.raw.decode().splitlines()}

    async def test_multiplex_blocks_have_an_event_and_a_typed_json_object(self, chat: Rig, owner: Browser) -> None:
        stream = await owner.open("GET", "/api/events")
        await stream.chunk()
        await chat.turn()
        await stream.until("done")
        await stream.close()

        sent = blocks(stream.raw)

        assert sent[0]["retry"] == "1000"
        assert {"ping", "notice", "start", "token", "done"} <= {block["event"] for block in sent}
        assert all(json.loads(block["data"])["type"] == block["event"] for block in sent)

    @pytest.mark.parametrize("path", ["/api/runs/{run_id}/events", "/api/events"])
    async def test_the_last_block_before_a_shutdown_has_its_type(self, chat: Rig, owner: Browser, path: str) -> None:
        sent = await chat.send()
        stream = await owner.open("GET", path.format(run_id=sent.run_id))
        await stream.until("start")
        chat.engine.draining.begin(0)
        chat.engine.draining.end()
        async with asyncio.timeout(60):
            await stream.rest()

        last = blocks(stream.raw)[-1]

        assert (last["event"], json.loads(last["data"])["type"]) == ("ping", "ping")
        assert last["retry"].isdigit()


class TestHeartbeats:
    def test_heartbeats_come_before_http_client_timeouts(self, settings: Any) -> None:
        settings.CHAT_HEARTBEAT_SECONDS = 60
        assert (heartbeats.live(), heartbeats.idle()) == (4, 60)
        settings.CHAT_HEARTBEAT_SECONDS = 0.5
        assert (heartbeats.live(), heartbeats.idle()) == (0.5, 0.5)

    async def test_a_run_stream_announces_its_own_interval(
        self, chat: Rig, owner: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.CHAT_HEARTBEAT_SECONDS = 600
        monkeypatch.setattr("chat.api.streams.heartbeats.LIVE_SECONDS", 0.01)
        stream = await owner.open("POST", STREAM, {"text": "Hi"})
        await stream.until("start")

        (ping,) = await stream.until("ping")

        assert json.loads(ping.data) == {"type": "ping", "heartbeat": 0.01}
        assert b"\n\nevent: ping\ndata: " in stream.raw
        await stream.close()

    async def test_the_multiplex_beats_faster_while_a_run_is_live(
        self, chat: Rig, owner: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.CHAT_HEARTBEAT_SECONDS = 600
        monkeypatch.setattr("chat.api.streams.heartbeats.LIVE_SECONDS", 0.01)
        stream = await owner.open("GET", "/api/events")
        await stream.chunk()
        assert await stream.is_silent()
        await chat.send()
        await stream.until("start")

        (ping,) = await stream.until("ping")

        assert json.loads(ping.data) == {"type": "ping", "heartbeat": 600}
        await stream.close()


class TestWait:
    @pytest.fixture(autouse=True)
    def _impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("chat.api.streams.event_streams.SILENT_SECONDS", 0.01)

    async def test_spaces_come_before_a_late_answer(self, chat: Rig, owner: Browser) -> None:
        stream = await owner.open("POST", WAIT, {"text": "Hi"})
        assert [await stream.chunk() for _ in range(3)] == [b" "] * 3
        chat.provider.say("Hello")
        chat.provider.finish()
        await stream.rest()

        assert stream.status == 200
        assert json.loads(stream.raw)["text"] == "Hello"
        assert "content-length" not in stream.headers
        assert stream.headers["content-type"] == "application/json"
        assert stream.headers["cache-control"] == "no-store"
        assert stream.headers["x-accel-buffering"] == "no"
        assert stream.headers["content-encoding"] == "identity"
        assert stream.headers["vary"] == "Cookie, Authorization"

    async def test_a_late_failure_is_in_the_body(self, chat: Rig, owner: Browser) -> None:
        stream = await owner.open("POST", WAIT, {"text": "Hi"})
        await stream.chunk()
        chat.provider.put(TextDelta("Half"), Incomplete("It broke off."))
        await stream.rest()

        assert stream.status == 200
        assert json.loads(stream.raw)["error"]["code"] == "incomplete"

    async def test_an_early_refusal_has_its_status(self, chat: Rig, owner: Browser) -> None:
        refused = await owner.post(WAIT, {"text": ""})

        assert (refused.status, refused.data["error"]["code"]) == (400, "empty_text")

    async def test_signing_out_meanwhile_is_reported_in_the_body(
        self, chat: Rig, owner: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("chat.auth.sign_in_watch.EVERY_SECONDS", 0.01)
        monkeypatch.setattr("chat.auth.sign_in_watch.AGE_SECONDS", 0)
        stream = await owner.open("POST", WAIT, {"text": "Hi"})
        await stream.chunk()
        await database.write(lambda: [token.revoke() for token in ApiToken.objects.all()])
        async with asyncio.timeout(60):
            await stream.rest()

        assert (stream.status, json.loads(stream.raw)["error"]["code"]) == (200, "not_signed_in")

    async def test_a_disconnecting_reader_does_not_stop_the_run(self, chat: Rig, owner: Browser) -> None:
        stream = await owner.open("POST", WAIT, {"text": "Hi"})
        await stream.chunk()
        await stream.close()
        chat.provider.say("Whole")
        chat.provider.finish()

        (run,) = (await owner.get("/api/runs")).data["items"]
        assert (await chat.events(run["run_id"]))[-1].data["status"] == "completed"


class TestRepeatedPost:
    @pytest.mark.parametrize("fields", [{}, {"client_message_id": str(uuid.UUID(int=7))}])
    async def test_the_stream_continues_after_the_cursor(
        self, chat: Rig, owner: Browser, fields: dict[str, str]
    ) -> None:
        run_id, cursor = await cut_run(chat, owner, **fields)
        again = await owner.open("POST", STREAM, {"text": "Hi", **fields}, last_event_id=cursor)
        chat.provider.say("lo")
        chat.provider.finish()
        read = await again.rest()

        assert (names(read), text_of(read)) == (["token", "done"], "lo")
        assert (await database.read(Message.objects.get, pk=json.loads(read[-1].data)["message_id"])).text == "Hello"
        end = await owner.post(STREAM, {"text": "Hi", **fields}, last_event_id=read[-1].id or "")
        assert (end.status, end.body) == (204, b"")
        assert await run_count(owner) == 1
        assert str((await chat.engine.find(chat.alice.pk, run_id)).run_id) == run_id

    @pytest.mark.parametrize("parameter", ["after", "lastEventId"])
    async def test_the_cursor_can_be_a_query_parameter(self, chat: Rig, owner: Browser, parameter: str) -> None:
        _, cursor = await cut_run(chat, owner)
        again = await owner.open("POST", f"{STREAM}?{parameter}={cursor}", {"text": "Hi"})
        chat.provider.say("lo")
        chat.provider.finish()

        assert text_of(await again.rest()) == "lo"
        assert await run_count(owner) == 1

    async def test_an_empty_cursor_is_ignored(self, chat: Rig, owner: Browser) -> None:
        stream = await owner.open("POST", f"{STREAM}?after=", {"text": "Hi"}, last_event_id="")
        assert names(await stream.until("start")) == ["start"]
        await stream.close()

    async def test_a_new_id_for_the_same_message_starts_no_second_run(self, chat: Rig, owner: Browser) -> None:
        """Some clients create a new id for each attempt."""
        _, cursor = await cut_run(chat, owner, client_message_id=str(uuid.uuid4()))
        body = {"text": "Hi", "client_message_id": str(uuid.uuid4())}
        again = await owner.open("POST", STREAM, body, last_event_id=cursor)
        chat.provider.say("lo")
        chat.provider.finish()

        assert text_of(await again.rest()) == "lo"
        assert await run_count(owner) == 1

    @pytest.mark.parametrize("with_id", [False, True])
    async def test_another_message_is_a_conflict(self, chat: Rig, owner: Browser, with_id: bool) -> None:
        fields = {"client_message_id": str(uuid.uuid4())} if with_id else {}
        _, cursor = await cut_run(chat, owner, **fields)

        refused = await owner.post(STREAM, {"text": "Something else", **fields}, last_event_id=cursor)

        assert (refused.status, refused.data["error"]["code"]) == (409, "conflict")
        assert await run_count(owner) == 1

    @pytest.mark.parametrize("fields", [{}, {"client_message_id": str(uuid.UUID(int=7))}])
    @pytest.mark.parametrize("cursor", ["abcdefgh.3", "nonsense"])
    async def test_a_cursor_of_an_unknown_run_starts_no_run(
        self, chat: Rig, owner: Browser, cursor: str, fields: dict[str, str]
    ) -> None:
        refused = await owner.post(STREAM, {"text": "Hi", **fields}, last_event_id=cursor)

        assert (refused.status, refused.data["error"]["code"]) == (400, "bad_cursor")
        assert await run_count(owner) == 0
        assert not chat.provider.requests

    async def test_a_cursor_of_another_user_is_unknown(self, chat: Rig, owner: Browser, stranger: Browser) -> None:
        key = {"client_message_id": str(uuid.uuid4())}
        _, cursor = await cut_run(chat, owner, **key)
        for fields in ({}, key):
            his = await stranger.post(STREAM, {"text": "Hi", **fields}, last_event_id=cursor)
            unknown = await stranger.post(STREAM, {"text": "Hi", **fields}, last_event_id="abcdefgh.3")
            assert (his.status, his.body) == (unknown.status, unknown.body)
            assert his.status == 400
        assert await run_count(stranger) == 0

    async def test_a_run_dropped_from_the_log_is_found_by_its_id(self, chat: Rig, owner: Browser) -> None:
        key = {"client_message_id": str(uuid.uuid4())}
        run_id, cursor = await cut_run(chat, owner, **key)
        chat.provider.say("lo")
        chat.provider.finish()
        await chat.events(run_id)
        await chat.engine.log.forget(run_id)

        again = await owner.post(STREAM, {"text": "Hi", **key}, last_event_id=cursor)

        assert (names(again.events), text_of(again.events)) == (["reset", "start", "token", "done"], "Hello")
        end = await owner.post(STREAM, {"text": "Hi", **key}, last_event_id=again.events[-1].id or "")
        assert end.status == 204
        other = await owner.post(STREAM, {"text": "Ho", **key}, last_event_id=cursor)
        assert (other.status, other.data["error"]["code"]) == (409, "conflict")

    async def test_a_failed_run_dropped_from_the_log_is_found_by_its_id(self, chat: Rig, owner: Browser) -> None:
        key = {"client_message_id": str(uuid.uuid4())}
        run_id, cursor = await cut_run(chat, owner, **key)
        chat.provider.put(Incomplete("It broke off."))
        await chat.events(run_id)
        await chat.engine.log.forget(run_id)

        again = await owner.post(STREAM, {"text": "Hi", **key}, last_event_id=cursor)

        assert names(again.events) == ["reset", "start", "error"]
        assert len(chat.provider.requests) == 1
        other = await owner.post(STREAM, {"text": "Ho", **key}, last_event_id=cursor)
        assert (other.status, other.data["error"]["code"]) == (409, "conflict")


class TestLastEventId:
    async def test_last_event_id_is_an_alias_of_after(self, chat: Rig, owner: Browser) -> None:
        run_id, cursor = await cut_run(chat, owner)
        chat.provider.say("lo")
        chat.provider.finish()
        await chat.events(run_id)
        path = f"/api/runs/{run_id}/events"

        by_after = await owner.get(f"{path}?after={cursor}")

        assert text_of(by_after.events) == "lo"
        assert (await owner.get(f"{path}?lastEventId={cursor}")).body == by_after.body
        # For clients that reconnect with the id of the last event of any kind.
        assert blocks(by_after.body)[0] == {**blocks(by_after.body)[0], "event": "ping", "id": cursor}
        # A client adds it to its original address, which may have `after`.
        epoch = cursor.partition(".")[0]
        assert (await owner.get(f"{path}?after={epoch}.0&lastEventId={cursor}")).body == by_after.body

    async def test_the_multiplex_accepts_it_too(self, chat: Rig, owner: Browser) -> None:
        sent = await chat.send()
        first = await owner.open("GET", "/api/events")
        (start,) = await first.until("start")
        await first.close()
        stream = await owner.open("GET", f"/api/events?lastEventId={start.id}")
        chat.provider.say("Hi")
        chat.provider.finish()

        read = await stream.until("done")

        assert [event.event for event in read if event.event != "notice"] == ["token", "done"]
        assert json.loads(read[-1].data)["run_id"] == sent.run_id
        await stream.close()

    @pytest.mark.parametrize("path", ["/api/runs/{run_id}/events", "/api/events"])
    async def test_a_malformed_cursor_is_400(self, chat: Rig, owner: Browser, path: str) -> None:
        sent = await chat.turn()
        refused = await owner.get(f"{path.format(run_id=sent.run_id)}?lastEventId=nonsense")
        assert (refused.status, refused.data["error"]["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize("kind", TEXTS)
class TestLongAnswers:
    """Clients limit the length of a line, to between 64 KiB and 1 MiB."""

    @pytest.mark.parametrize("is_saved", [False, True])
    async def test_no_line_is_longer_than_16_kib(self, chat: Rig, owner: Browser, kind: str, is_saved: bool) -> None:
        answer = TEXTS[kind] * 20_000
        sent = await chat.turn("Q", answer)
        if is_saved:
            await chat.engine.log.forget(sent.run_id)

        read = await owner.get(f"/api/runs/{sent.run_id}/events")

        assert text_of(read.events) == answer
        assert max(map(len, read.body.splitlines())) <= LINE_BYTES
        # There are no more events than that requires.
        assert len(read.events) - 2 <= 2 * len(read.body) / LINE_BYTES + 1

    async def test_a_saved_answer_resumes_at_any_cursor(self, chat: Rig, owner: Browser, kind: str) -> None:
        answer = TEXTS[kind] * 3_000
        sent = await chat.turn("Q", answer)
        await chat.engine.log.forget(sent.run_id)
        path = f"/api/runs/{sent.run_id}/events"
        whole = (await owner.get(path)).events
        epoch, _, last = (whole[-1].id or "").partition(".")

        assert int(last) == 2 + -(-len(answer) // ENTRY_CHARACTERS)
        for place in range(len(whole)):
            rest = await owner.get(path, last_event_id=whole[place].id or "")
            assert text_of(whole[: place + 1]) + text_of(rest.events) == answer
        for seq in range(1, int(last)):
            rest = await owner.get(path, last_event_id=f"{epoch}.{seq}")
            assert answer.endswith(text_of(rest.events))
            assert len(answer) - len(text_of(rest.events)) == min((seq - 1) * ENTRY_CHARACTERS, len(answer))
            assert (rest.events[-1].event, rest.events[-1].id) == ("done", f"{epoch}.{last}")
        assert (await owner.get(path, last_event_id=f"{epoch}.{last}")).status == 204
        beyond = await owner.get(path, last_event_id=f"{epoch}.{int(last) + 1}")
        assert names(beyond.events)[:2] == ["reset", "start"]
