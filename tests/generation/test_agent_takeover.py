"""A server is lost while an answer uses tools: the next continues from the checkpoint and repeats no finished work."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chat import database
from chat.generation.engine import Engine
from chat.generation.recorder import Recorder
from chat.generation.work import INTERRUPTED, Work
from chat.models import Assistant, Message
from chat.models.part import parts_of
from chat.models.step import StepRecord, steps_of
from chat.protocol import events
from chat.protocol.events import ENTRY_CHARACTERS, Entry, Event, token
from chat.protocol.parts import Text, ToolCall, fold
from chat.protocol.previews import capped
from chat.providers.base import (
    Finish,
    ModelOutput,
    OutputItems,
    ReasoningDelta,
    TextDelta,
    ToolResult,
    ToolUse,
    UsageDelta,
)
from chat.providers.registry import Registry
from chat.streams.base import NoRoom
from chat.tools.base import Context, Progress
from chat.tools.definitions import define, tool
from chat.tools.registry import Registry as Tools
from tests.generation.test_takeover import COMPLETION, Server, Site, site
from tests.streams.processes import eventually, value

__all__ = ["site"]

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]

ITEMS = ({"role": "assistant", "signature": "abc"},)


class Bell:
    """Records each tool run, and holds slow tools until the test opens it."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.open = asyncio.Event()


bell = Bell()


@tool(side_effects=False)
async def quick(name: str) -> str:
    """Return at once."""
    bell.runs.append(name)
    return f"{name} is done"


@tool(side_effects=False)
async def slow(name: str) -> str:
    """Return when the test says so."""
    bell.runs.append(name)
    await bell.open.wait()
    return f"{name} is done"


@tool(side_effects=False)
async def anything(name: str = "everything") -> str:
    """Need no arguments."""
    bell.runs.append(name)
    return name


@tool(side_effects=False)
async def hunting(name: str) -> AsyncIterator[Any]:
    """Report, and wait."""
    yield Progress({"title": "a trace"})
    bell.runs.append(name)
    await bell.open.wait()
    yield name


@tool(side_effects=True)
async def pays(name: str) -> str:
    """Pay, slowly."""
    bell.runs.append(name)
    await bell.open.wait()
    return f"{name} is paid"


@tool(side_effects=False)
async def whereabouts(name: str, context: Context) -> str:
    """Name the person's time zone, slowly."""
    bell.runs.append(name)
    await bell.open.wait()
    return context.time_zone


ALL = Tools([define(each, source="local") for each in (quick, slow, anything, hunting, pays, whereabouts)])


@pytest.fixture(autouse=True)
async def _tools(site: Site) -> AsyncIterator[None]:
    bell.__init__()  # type: ignore[misc]
    await Assistant.objects.all().aupdate(tools={made.key: "allow" for made in ALL})
    yield
    bell.open.set()


def server(site: Site, **seconds: float) -> Server:
    made = site.server(**seconds)
    made.engine = Engine(made.log, Registry({"scripted": lambda: made.provider}), Recorder(patience=5), tools=ALL)
    made.engine.takeover._look_seconds = 0.02
    site._stack.push_async_callback(made.engine.close)
    return made


def use(call_id: str, tool_name: str, name: str) -> ToolUse:
    return ToolUse(call_id, tool_name, json.dumps({"name": name}))


def calls(made: Server, *uses: ToolUse) -> None:
    made.provider.say("I look. ")
    made.provider.put(*uses, OutputItems(ITEMS), Finish("tool_calls"))


def parts(entries: list[Entry]) -> list[str]:
    """Text and the states of calls, in order."""
    return [
        part.text if isinstance(part, Text) else f"{part.call_id} {part.state}"
        for part in fold(entries)
        if isinstance(part, Text | ToolCall)
    ]


async def saved() -> Message:
    return await Message.objects.aget(role="assistant")


async def test_a_running_call_is_run_again(site: Site) -> None:
    here, there = server(site), server(site)
    calls(here, use("c00000001", "slow", "heron"))
    sent = await here.send()
    await eventually(lambda: value(bell.runs == ["heron"]))
    reading = asyncio.create_task(there.events(sent.run_id))

    there.provider.say("Found.")
    there.provider.finish()
    there.engine.takeover.start()
    await here.engine.close()
    await eventually(lambda: value(bell.runs == ["heron", "heron"]))
    bell.open.set()
    entries = await reading

    assert parts(entries) == ["I look. ", "c00000001 done", "Found."]
    # The first model request is not repeated.
    [request] = there.provider.requests
    assert request.messages[1:] == (
        ModelOutput("I look. ", (use("c00000001", "slow", "heron"),), ITEMS),
        ToolResult("c00000001", "slow", "heron is done"),
    )
    answer = await saved()
    assert answer.text == "I look. Found."
    assert await database.read(parts_of, answer) == fold(entries)


async def test_the_next_server_knows_the_time_zone(site: Site) -> None:
    here, there = server(site), server(site)
    calls(here, use("c00000001", "whereabouts", "heron"))
    sent = await here.send(time_zone="Europe/Berlin")
    await eventually(lambda: value(bell.runs == ["heron"]))
    reading = asyncio.create_task(there.events(sent.run_id))

    there.provider.say("Found.")
    there.provider.finish()
    there.engine.takeover.start()
    await here.engine.close()
    await eventually(lambda: value(bell.runs == ["heron", "heron"]))
    bell.open.set()
    await reading

    [request] = there.provider.requests
    assert request.messages[-1] == ToolResult("c00000001", "whereabouts", "Europe/Berlin")


async def test_a_completed_call_is_not_run_again(site: Site) -> None:
    here, there = server(site), server(site)
    calls(here, use("c00000001", "quick", "heron"), use("c00000002", "slow", "crane"))
    sent = await here.send()
    await eventually(lambda: value(sorted(bell.runs) == ["crane", "heron"]))
    await eventually(lambda: _has_checkpoint(here, sent.run_id, "heron is done"))
    reading = asyncio.create_task(there.events(sent.run_id))

    there.provider.say("Found.")
    there.provider.finish()
    there.engine.takeover.start()
    await here.engine.close()
    await eventually(lambda: value(len(bell.runs) == 3))
    bell.open.set()
    entries = await reading

    assert sorted(bell.runs) == ["crane", "crane", "heron"]
    assert sorted(parts(entries)) == ["Found.", "I look. ", "c00000001 done", "c00000002 done"]
    [step] = await database.read(steps_of, await saved())
    assert [call["content"] for call in step.calls] == ["heron is done", "crane is done"]


async def test_only_the_interrupted_model_request_is_repeated(site: Site) -> None:
    here, there = server(site), server(site)
    calls(here, use("c00000001", "quick", "heron"))
    here.provider.say("Half a sent")
    sent = await here.send()
    await eventually(lambda: _says(here, sent.run_id, "I look. Half a sent"))
    reading = asyncio.create_task(there.events(sent.run_id))

    there.provider.say("Found.")
    there.provider.finish()
    there.engine.takeover.start()
    await here.engine.close()
    entries = await reading

    assert bell.runs == ["heron"]
    assert parts(entries) == ["I look. ", "c00000001 done", "Found."]
    assert (await saved()).text == "I look. Found."


async def test_a_disconnected_owner_writes_nothing_more(site: Site) -> None:
    proxy = await site.processes.proxy()
    lost = server(site, lease_seconds=0.5, renew_seconds=0.1)
    lost.log = site.processes.start(proxy.url, lease_seconds=0.5, renew_seconds=0.1, check_seconds=0.1)
    lost.engine = Engine(lost.log, Registry({"scripted": lambda: lost.provider}), Recorder(patience=5), tools=ALL)
    site._stack.push_async_callback(lost.engine.close)
    there = server(site, lease_seconds=0.5, renew_seconds=0.1)
    calls(lost, use("c00000001", "slow", "heron"))
    sent = await lost.send()
    await eventually(lambda: value(bell.runs == ["heron"]))
    reading = asyncio.create_task(there.events(sent.run_id))

    proxy.away = True
    there.provider.say("Found.")
    there.provider.finish()
    there.engine.takeover.start()
    await eventually(lambda: value(bell.runs == ["heron", "heron"]))
    bell.open.set()
    entries = await reading
    proxy.away = False

    assert parts(entries) == ["I look. ", "c00000001 done", "Found."]
    assert await Message.objects.filter(role="assistant").acount() == 1


async def test_a_running_side_effect_is_not_repeated(site: Site) -> None:
    here, there = server(site), server(site)
    calls(here, use("c00000001", "pays", "heron"), use("c00000002", "slow", "crane"))
    sent = await here.send()
    await eventually(lambda: value(sorted(bell.runs) == ["crane", "heron"]))
    reading = asyncio.create_task(there.events(sent.run_id))

    there.provider.say("I do not know.")
    there.provider.finish()
    there.engine.takeover.start()
    await here.engine.close()
    # The other call has no side effects, so it runs again.
    await eventually(lambda: value(bell.runs.count("crane") == 2))
    bell.open.set()
    entries = await reading

    assert bell.runs.count("heron") == 1
    states = {part.call_id: (part.state, part.code) for part in fold(entries) if isinstance(part, ToolCall)}
    assert states == {"c00000001": ("failed", "unknown_outcome"), "c00000002": ("done", "")}
    told = next(each for each in there.provider.requests[-1].messages if isinstance(each, ToolResult))
    assert told.is_error
    assert "may have taken effect" in told.text


async def test_a_side_effect_not_yet_started_runs_once(site: Site) -> None:
    log, created = await site.left_behind("I look. ")
    run_id = created.run.run_id
    work = Work(parts=[Text("I look. ")])
    work.add(StepRecord(0, "scripted", "m-1", "I look. ", "tool_calls"), [use("c00000001", "pays", "heron")])
    await log.checkpoint(run_id, work.to_json(), token=created.token)
    await log.release(run_id, token=created.token)
    here = server(site)
    bell.open.set()
    here.provider.say("Paid.")
    here.provider.finish()
    here.engine.takeover.start()

    entries = await here.events(run_id)

    assert bell.runs == ["heron"]
    assert parts(entries) == ["I look. ", "c00000001 done", "Paid."]


async def test_an_overlong_call_is_not_run_by_the_next_owner(site: Site) -> None:
    """Its long arguments were dropped; without this check, a tool that needs none would run."""
    log, created = await site.left_behind("I look. ")
    work = Work(parts=[Text("I look. ")])
    dropped = ToolUse("c00000001", "anything", "", is_too_long=True)
    work.add(StepRecord(0, "scripted", "m-1", "I look. ", "tool_calls"), [dropped])
    await log.checkpoint(created.run.run_id, work.to_json(), token=created.token)
    await log.release(created.run.run_id, token=created.token)
    here = server(site)
    here.provider.say("I see.")
    here.provider.finish()
    here.engine.takeover.start()

    entries = await here.events(created.run.run_id)

    assert bell.runs == []
    [call] = [part for part in fold(entries) if isinstance(part, ToolCall)]
    assert call.code == "too_large"


async def test_progress_is_shown_once_when_a_call_runs_again(site: Site) -> None:
    here, there = server(site), server(site)
    calls(here, use("c00000001", "hunting", "heron"), use("c00000002", "quick", "crane"))
    sent = await here.send()
    await eventually(lambda: value("heron" in bell.runs))
    await eventually(lambda: _has_checkpoint(here, sent.run_id, "crane is done"))
    reading = asyncio.create_task(there.events(sent.run_id))

    there.provider.say("Found.")
    there.provider.finish()
    there.engine.takeover.start()
    await here.engine.close()
    bell.open.set()
    await reading

    kept = await database.read(parts_of, await saved())
    assert next(part.items for part in kept if isinstance(part, ToolCall)) == ({"title": "a trace"},)


async def test_usage_includes_what_the_lost_server_used(site: Site) -> None:
    here, there = server(site), server(site)
    here.provider.put(UsageDelta(100, 10, 40), use("c00000001", "slow", "heron"), Finish("tool_calls"))
    sent = await here.send()
    await eventually(lambda: value(bell.runs == ["heron"]))
    there.provider.put(TextDelta("Found."), UsageDelta(200, 20), Finish("stop"))
    there.engine.takeover.start()
    await here.engine.close()
    bell.open.set()

    entries = await there.events(sent.run_id)

    assert [entry.data for entry in entries if entry.name == "usage"][-1] == {
        "input_tokens": 300,
        "output_tokens": 30,
        "cached_input_tokens": 40,
    }


async def test_long_thoughts_are_sent_again_in_pieces(site: Site) -> None:
    here, there = server(site), server(site)
    here.provider.put(ReasoningDelta("r" * 100_000))
    calls(here, use("c00000001", "slow", "heron"))
    sent = await here.send()
    await eventually(lambda: value(bell.runs == ["heron"]))
    there.provider.say("Found.")
    there.provider.finish()
    there.engine.takeover.start()
    await here.engine.close()
    bell.open.set()
    await there.events(sent.run_id)

    entries = await there.log.entries(sent.run_id)
    assert max(len(entry.data.get("text", "")) for entry in entries) <= ENTRY_CHARACTERS


async def test_an_answer_survives_without_room_for_a_checkpoint(site: Site) -> None:
    here = server(site)
    checkpoint = here.log.checkpoint
    refused: list[str] = []

    async def full(run_id: str, state: object, *, token: int) -> None:
        refused.append(run_id)
        raise NoRoom(run_id)

    here.log.checkpoint = full  # type: ignore[method-assign]
    calls(here, use("c00000001", "quick", "heron"), use("c00000002", "pays", "crane"))
    here.provider.say("Found.")
    here.provider.finish()
    sent = await here.send()
    entries = await here.events(sent.run_id)
    here.log.checkpoint = checkpoint  # type: ignore[method-assign]

    assert refused
    assert parts(entries) == ["I look. ", "c00000001 done", "c00000002 failed", "Found."]
    # The side effect could not be recorded, so it did not run.
    assert bell.runs == ["heron"]


async def test_an_unreadable_checkpoint_is_not_used(site: Site) -> None:
    log, created = await site.left_behind("Half")
    run_id = created.run.run_id
    await log.checkpoint(run_id, {"steps": []}, token=created.token)
    await log._call("checkpoint", run_id, str(created.token), b'{"steps": Infinity')
    await log.release(run_id, token=created.token)
    here = server(site)
    here.provider.say("Whole.")
    here.provider.finish()
    here.engine.takeover.start()

    entries = await here.events(run_id)

    assert parts(entries) == ["Whole."]


async def test_values_invalid_in_json_are_stored_as_null(site: Site) -> None:
    log, created = await site.left_behind("Half")
    await log.checkpoint(created.run.run_id, {"odd": [math.inf, "\ud800"]}, token=created.token)
    await log.release(created.run.run_id, token=created.token)

    other = site.processes.start()
    (claim,) = await other.claim_expired()

    assert claim.checkpoint == {"odd": [None, "\N{REPLACEMENT CHARACTER}"]}
    await other.append(created.run.run_id, [Event("done", {"status": "stopped"})], token=claim.token)


async def test_a_stop_right_after_the_takeover_reset_loses_nothing(site: Site) -> None:
    log, run_id, owner = await _left_behind(site, is_done=True)
    await log.append(run_id, [events.reset(2, "interrupted")], token=owner)  # type: ignore[attr-defined]
    await log.request_stop(run_id)  # type: ignore[attr-defined]
    await log.release(run_id, token=owner)  # type: ignore[attr-defined]
    here = server(site)
    here.engine.takeover.start()
    await here.events(run_id)

    answer = await saved()
    assert answer.text == "I look. "
    assert len(await database.read(parts_of, answer)) == 2


async def _left_behind(site: Site, *, is_done: bool) -> tuple[object, str, int]:
    """A run whose owner is gone after a tool call with a result that is longer than one event."""
    log, created = await site.left_behind("I look. ")
    run_id = created.run.run_id
    named = {"call_id": "c00000001", "tool": "local:quick"}
    start = Event("tool_start", {**named, "arguments": {"name": "h" * 9000}})
    end = Event("tool_result", {**named, "result": "x" * 9000, "duration_ms": 5})
    said = [token("I look. "), start, *([end] if is_done else [])]
    entries = [Entry(number, event.name, event.data) for number, event in enumerate(said, start=1)]
    work = Work([StepRecord(0, "scripted", "m-1", "I look. ", "tool_calls", items=ITEMS)], fold(entries))
    work.steps, [step] = [], work.steps
    work.add(step, [use("c00000001", "quick", "h" * 9000)])
    if is_done:
        work.record("c00000001", "x" * 9000)
    await log.append(run_id, [capped(event) for event in said[1:]], token=created.token)
    await log.checkpoint(run_id, work.to_json(), token=created.token)
    return log, run_id, created.token


async def test_a_complete_answer_is_saved_with_its_full_calls(site: Site) -> None:
    log, run_id, owner = await _left_behind(site, is_done=True)
    await log.append(run_id, [token("Found.")], token=owner)  # type: ignore[attr-defined]
    await log.finish(run_id, COMPLETION, token=owner)  # type: ignore[attr-defined]
    await log.release(run_id, token=owner)  # type: ignore[attr-defined]
    here = server(site)
    here.engine.takeover.start()

    await here.events(run_id)

    answer = await saved()
    assert answer.text == "I look. Found."
    [call] = [part for part in await database.read(parts_of, answer) if isinstance(part, ToolCall)]
    assert call.arguments == {"name": "h" * 9000}
    assert call.result == "x" * 9000
    [step] = await database.read(steps_of, answer)
    assert (step.calls[0]["content"], step.items) == ("x" * 9000, ITEMS)


async def test_a_stopped_answer_has_a_result_for_every_call(site: Site) -> None:
    log, run_id, owner = await _left_behind(site, is_done=False)
    await log.request_stop(run_id)  # type: ignore[attr-defined]
    await log.release(run_id, token=owner)  # type: ignore[attr-defined]
    here = server(site)
    here.engine.takeover.start()

    entries = await here.events(run_id)

    assert entries[-1].data["status"] == "stopped"
    assert bell.runs == []
    answer = await saved()
    [call] = [part for part in await database.read(parts_of, answer) if isinstance(part, ToolCall)]
    assert (call.state, call.code) == ("failed", "cancelled")
    [step] = await database.read(steps_of, answer)
    assert (step.calls[0]["content"], step.calls[0]["is_error"]) == (INTERRUPTED, True)
    assert not step.calls[0].get("is_open")


async def _says(made: Server, run_id: str, text: str) -> bool:
    said = [part.text for part in fold(await made.log.entries(run_id)) if isinstance(part, Text)]
    return "".join(said) == text


async def _has_checkpoint(made: Server, run_id: str, text: str) -> bool:
    owned = made.log._ownership.get(run_id)
    return owned is not None and text.encode() in owned.checkpoint
