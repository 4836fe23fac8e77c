"""Two engines share one Redis and one database: one finishes what the other leaves behind."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime

import pytest

from chat import database
from chat.generation.engine import Engine, Sent
from chat.generation.recorder import Recorder
from chat.generation.requests import SendRequest
from chat.generation.run import turn_from_log
from chat.models import Assistant, Message, User
from chat.protocol import events
from chat.protocol.events import Entry
from chat.providers.base import Finish, TextDelta
from chat.providers.registry import Registry
from chat.streams.base import ROOM_BYTES, Budget, Created, RunRequest
from chat.streams.redis.log import CLAIMS, RedisLog
from tests.cast import make_user
from tests.scripted import ScriptedProvider
from tests.streams.processes import NEVER, SECONDS, Processes, eventually, value
from tests.streams.redis_server import RedisServer

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]

LIMIT = 1_000_000
COMPLETION = {
    "status": "completed",
    "finish_reason": "length",
    "input_tokens": 3,
    "output_tokens": 4,
    "ttft_ms": 5,
    "duration_ms": 6,
    "asked_at": "2026-01-02T03:04:05+00:00",
}


class Server:
    """One process: an engine, its log and its model."""

    def __init__(self, log: RedisLog, alice: User) -> None:
        self.log = log
        self.provider = ScriptedProvider()
        self.engine = Engine(log, Registry({"scripted": lambda: self.provider}), Recorder(patience=5))
        self.engine.takeover._look_seconds = 0.02
        self._alice = alice

    async def send(self, text: str = "Hello", **fields: object) -> Sent:
        return await self.engine.send(self._alice.pk, SendRequest.parse({"text": text, **fields}, characters=1000))

    async def events(self, run_id: str) -> list[Entry]:
        async with asyncio.timeout(SECONDS):
            run = await self.engine.find(self._alice.pk, run_id)
            async with aclosing(self.engine.follow(run, None, limit=LIMIT)) as batches:
                return [entry async for batch in batches for entry in batch.entries]


class Site:
    def __init__(self, processes: Processes, alice: User) -> None:
        self.alice = alice
        self.processes = processes
        self._stack = AsyncExitStack()

    def server(self, url: str | None = None, *, budget: Budget | None = None, **seconds: float) -> Server:
        made = Server(self.processes.start(url, budget=budget, **{"check_seconds": 0.1, **seconds}), self.alice)
        self._stack.push_async_callback(made.engine.close)
        return made

    async def left_behind(self, *said: str) -> tuple[RedisLog, Created]:
        """A run of a process that created it and appended only these tokens."""
        log = self.processes.start()
        run_id, conversation_id = str(uuid.uuid4()), str(uuid.uuid4())
        start = events.start(
            {
                "run_id": run_id,
                "conversation_id": conversation_id,
                "client_message_id": str(uuid.uuid4()),
                "assistant": "scripted",
                "model": "m-1",
                "attempt": 1,
                "user_message": {"text": "What?", "parent_id": None, "attachments": []},
            }
        )
        sent = start.data["client_message_id"]
        request = RunRequest(run_id, self.alice.pk, conversation_id, sent, "print", "What?", start)
        created = await log.create(request, live_limit=100)
        assert isinstance(created, Created)
        for text in said:
            await log.append(run_id, [events.token(text)], token=created.token)
        return log, created

    async def messages(self) -> list[Message]:
        return await database.read(lambda: list(Message.objects.order_by("created_at", "role")))

    async def close(self) -> None:
        await self._stack.aclose()


@pytest.fixture
async def site(transactional_db: None, shared_redis: RedisServer) -> AsyncIterator[Site]:
    alice = await database.write(make_user, "alice")
    await database.write(
        Assistant.objects.create, name="Scripted", slug="scripted", provider="scripted", model="m-1", is_default=True
    )
    processes = Processes(shared_redis)
    async with asyncio.timeout(3 * SECONDS):
        made = Site(processes, alice)
        yield made
        await made.close()
        await processes.close()
    assert shared_redis.keys_that_stay() == []


async def test_an_answer_continues_when_its_process_is_disconnected(site: Site) -> None:
    proxy = await site.processes.proxy()
    lost = site.server(proxy.url, lease_seconds=0.5, renew_seconds=0.1)
    there = site.server(lease_seconds=0.5, renew_seconds=0.1)
    there.engine.takeover.start()
    sent = await lost.send("Who?")
    lost.provider.say("Half an ans")
    reading = asyncio.create_task(there.events(sent.run_id))
    await eventually(lambda: _says(there.log, sent.run_id, "Half an ans"))

    proxy.away = True
    await asyncio.wait_for(there.provider.asked.wait(), SECONDS)
    there.provider.say("A whole answer")
    there.provider.finish()
    entries = await reading
    lost.provider.say(" of a zombie")
    proxy.away = False
    await eventually(lambda: value(lost.provider.open == 0))

    assert [entry.name for entry in entries] == ["start", "token", "reset", "token", "done"]
    assert entries[2].data == {"attempt": 2, "reason": "interrupted"}
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
    question, answer = sorted(await site.messages(), key=lambda message: message.role, reverse=True)
    assert (question.text, answer.text, answer.status) == ("Who?", "A whole answer", "completed")
    assert there.provider.requests == lost.provider.requests
    assert await there.log.entries(sent.run_id) == await lost.log.entries(sent.run_id)


async def _says(log: RedisLog, run_id: str, text: str) -> bool:
    return events.answer(await log.entries(run_id)) == text


async def test_a_continuation_restarts_from_its_beginning(site: Site) -> None:
    here, there = site.server(), site.server()
    first = await here.send("A story")
    here.provider.put(TextDelta("Once upon"), Finish("length"))
    begun = (await here.events(first.run_id))[-1].data["message_id"]
    again = SendRequest.parse({"continue_id": begun}, characters=1000)
    sent = await here.engine.send(site.alice.pk, again)
    here.provider.say(" a nightmare")
    await eventually(lambda: _says(here.log, sent.run_id, "Once upon a nightmare"))

    there.engine.takeover.start()
    there.provider.say(" a time.")
    there.provider.finish()
    await here.engine.close()
    entries = await there.events(sent.run_id)

    assert [entry.name for entry in entries if entry.name != "token"] == ["start", "reset", "done"]
    assert events.answer(entries) == "Once upon a time."
    assert there.provider.requests[-1].continues == "Once upon"
    _, *answers = sorted(await site.messages(), key=lambda message: message.role, reverse=True)
    assert sorted(message.text for message in answers) == ["Once upon", "Once upon a time."]
    assert len({message.parent_id for message in answers}) == 1


async def test_a_regenerated_answer_complete_in_the_log_is_only_saved(site: Site) -> None:
    """Only the log says that the question is already saved."""
    here = site.server()
    first = await here.send("A story")
    here.provider.put(TextDelta("Once upon"), Finish("length"))
    done = (await here.events(first.run_id))[-1].data
    gone = site.processes.start()
    start = await here.log.entries(first.run_id)
    sent, run_id = str(uuid.uuid4()), str(uuid.uuid4())
    asked = {**start[0].data["user_message"], "id": done["parent_id"]}
    data = {**start[0].data, "run_id": run_id, "client_message_id": sent, "user_message": asked}
    request = RunRequest(
        run_id, site.alice.pk, first.conversation_id, sent, "print", "A story",
        events.start({**data, "continues": done["message_id"]}),  # type: ignore[typeddict-item]
    )  # fmt: skip
    created = await gone.create(request, live_limit=100)
    assert isinstance(created, Created)
    await gone.append(run_id, [events.token("Once upon"), events.token(" a time.")], token=created.token)
    await gone.finish(run_id, COMPLETION, token=created.token)
    await gone.release(run_id, token=created.token)

    here.engine.takeover.start()
    await here.events(run_id)

    messages = await site.messages()
    assert len(messages) == 3
    message = next(each for each in messages if str(each.run_id) == run_id)
    assert (message.text, str(message.client_message_id)) == ("Once upon a time.", sent)
    assert (str(message.parent_id), str(message.continues_id)) == (done["parent_id"], done["message_id"])


async def test_a_closing_server_hands_over_its_answers(site: Site) -> None:
    here, there = site.server(), site.server()
    there.engine.takeover.start()
    sent = await here.send()
    await here.provider.asked.wait()
    reading = asyncio.create_task(there.events(sent.run_id))
    there.provider.say("Hi")
    there.provider.finish()
    await here.engine.close()
    entries = await reading
    assert here.provider.open == 0
    assert [entry.name for entry in entries] == ["start", "reset", "token", "done"]
    assert len(await site.messages()) == 2


async def test_all_abandoned_runs_are_taken_over_in_one_look(site: Site) -> None:
    """However many answers a lost server was writing, none has to wait for the next look."""
    left = [await site.left_behind("All of it") for _ in range(2 * CLAIMS + 1)]
    for gone, run in left:
        await gone.finish(run.run.run_id, COMPLETION, token=run.token)
        await gone.release(run.run.run_id, token=run.token)
    here = site.server()
    here.engine.takeover._look_seconds = NEVER
    here.engine.takeover.start()
    for _, run in left:
        assert (await here.events(run.run.run_id))[-1].name == "done"


async def test_an_answer_complete_in_the_log_is_only_saved(site: Site) -> None:
    gone, run = await site.left_behind("All ", "of it")
    await gone.finish(run.run.run_id, COMPLETION, token=run.token)
    await gone.release(run.run.run_id, token=run.token)
    here = site.server()
    here.engine.takeover.start()
    entries = await here.events(run.run.run_id)
    assert [entry.name for entry in entries if entry.name != "token"] == ["start", "done"]
    question, answer = await site.messages()
    assert (answer.text, answer.status, answer.finish_reason) == ("All of it", "completed", "length")
    assert (answer.input_tokens, answer.output_tokens, answer.ttft_ms, answer.duration_ms) == (3, 4, 5, 6)
    assert question.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert entries[-1].data["message_id"] == str(answer.pk)
    assert entries[-1].data["usage"] == {"input_tokens": 3, "output_tokens": 4}
    assert here.provider.requests == []


async def test_an_answer_already_saved_only_gets_its_done_event(site: Site) -> None:
    gone, run = await site.left_behind("All of it")
    turn = turn_from_log(run.run, await gone.entries(run.run.run_id))
    saved = await database.write(turn.save)
    await gone.release(run.run.run_id, token=run.token)
    here = site.server()
    here.engine.takeover.start()
    entries = await here.events(run.run.run_id)
    assert [entry.name for entry in entries] == ["start", "token", "done"]
    assert entries[-1].data["message_id"] == str(saved.pk)
    assert len(await site.messages()) == 2
    assert here.provider.requests == []


async def test_a_run_with_a_stop_request_is_saved_as_it_is(site: Site) -> None:
    gone, run = await site.left_behind("As far ", "as this")
    await gone.request_stop(run.run.run_id)
    await gone.release(run.run.run_id, token=run.token)
    here = site.server()
    here.engine.takeover.start()
    entries = await here.events(run.run.run_id)
    assert (entries[-1].name, entries[-1].data["status"]) == ("done", "stopped")
    assert (await site.messages())[-1].text == "As far as this"
    assert here.provider.requests == []


async def test_a_stop_after_the_takeover_is_received(site: Site) -> None:
    gone, run = await site.left_behind("Half")
    await gone.release(run.run.run_id, token=run.token)
    here, there = site.server(), site.server()
    here.engine.takeover.start()
    await asyncio.wait_for(here.provider.asked.wait(), SECONDS)
    assert await there.engine.stop(site.alice.pk, run.run.run_id)
    entries = await there.events(run.run.run_id)
    assert (entries[-1].name, entries[-1].data["status"]) == ("done", "stopped")
    assert here.provider.open == 0


async def test_a_lost_run_without_room_for_a_retry_ends(site: Site) -> None:
    # The first text reserves extra room; the second leaves less of it than a `reset` event needs.
    log, created = await site.left_behind("x" * 2 * ROOM_BYTES, "y" * (int((ROOM_BYTES - 100) / 1.375) - 21))
    await log.release(created.run.run_id, token=created.token)
    there = site.server(budget=Budget(total=ROOM_BYTES))
    there.engine.takeover.start()
    last = (await there.events(created.run.run_id))[-1]
    assert (last.name, last.data["code"], last.data["retryable"]) == ("error", "interrupted", True)
    assert there.provider.requests == []
    assert await site.messages() == []


async def test_a_run_that_lost_too_many_processes_fails(site: Site) -> None:
    gone, run = await site.left_behind("Half")
    token = run.token
    for _ in range(2):
        await gone.release(run.run.run_id, token=token, failed=True)
        (claim,) = await gone.claim_expired()
        token = claim.token
    assert (claim.attempt, claim.failures) == (3, 2)
    await gone.release(run.run.run_id, token=token, failed=True)
    here = site.server()
    here.engine.takeover.start()
    entries = await here.events(run.run.run_id)
    assert (entries[-1].name, entries[-1].data["code"]) == ("error", "interrupted")
    assert await site.messages() == []
    kept = await here.engine.keep(site.alice.pk, run.run.run_id)
    assert kept.text == "Half"


async def test_a_run_handed_over_many_times_does_not_fail(site: Site) -> None:
    """Its servers were shut down gracefully, one after the other, while it was being written."""
    gone, run = await site.left_behind("Half")
    token = run.token
    for attempt in range(2, 8):
        await gone.release(run.run.run_id, token=token)
        (claim,) = await gone.claim_expired()
        assert (claim.attempt, claim.failures) == (attempt, 0)
        token = claim.token
    await gone.release(run.run.run_id, token=token)
    here = site.server()
    here.engine.takeover.start()
    await asyncio.wait_for(here.provider.asked.wait(), SECONDS)
    await here.engine.stop(site.alice.pk, run.run.run_id)
    entries = await here.events(run.run.run_id)
    assert (entries[-1].name, entries[-1].data["status"]) == ("done", "stopped")


async def test_a_run_of_a_disabled_user_is_not_continued(site: Site) -> None:
    gone, run = await site.left_behind("Half")
    await gone.release(run.run.run_id, token=run.token)
    await database.write(User.objects.filter(pk=site.alice.pk).update, is_active=False)
    here = site.server()
    here.engine.takeover.start()
    entries = await here.events(run.run.run_id)
    assert (entries[-1].name, entries[-1].data["code"]) == ("error", "interrupted")
    assert here.provider.requests == []


async def test_one_message_sent_to_both_servers_is_one_run(site: Site) -> None:
    here, there = site.server(), site.server()
    key = str(uuid.uuid4())
    sents = await asyncio.gather(*(each.send(client_message_id=key) for each in [here, there] * 10))
    assert len({sent.run_id for sent in sents}) == 1
    assert sum(not sent.duplicate for sent in sents) == 1


async def test_a_run_lost_while_followed_ends_with_an_error(site: Site) -> None:
    _, run = await site.left_behind("Half")
    entries = await _read_and_lost(site, run)
    assert [entry.name for entry in entries] == ["start", "token", "error"]
    assert (entries[-1].seq, entries[-1].data["code"]) == (3, "interrupted")


async def test_a_saved_run_lost_while_followed_comes_from_the_database(site: Site) -> None:
    gone, run = await site.left_behind("All of it")
    await database.write(turn_from_log(run.run, await gone.entries(run.run.run_id)).save)
    entries = await _read_and_lost(site, run)
    assert [entry.name for entry in entries] == ["start", "token", "reset", "start", "token", "done"]
    assert events.answer(entries) == "All of it"


async def _read_and_lost(site: Site, run: Created) -> list[Entry]:
    """What a reader gets if Redis loses the run after the reader has caught up."""
    here = site.server(lease_seconds=0.2)
    async with asyncio.timeout(SECONDS), aclosing(here.engine.follow(run.run, None, limit=LIMIT)) as batches:
        entries = list((await anext(batches)).entries)
        names = [f"{site.processes.prefix}{kind}:{run.run.run_id}" for kind in ("run", "log")]
        site.processes.server.command("DEL", *names)
        return entries + [entry async for batch in batches for entry in batch.entries]
