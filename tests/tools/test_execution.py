"""One tool call: its limits, its failures, its end."""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from typing import Any

import pytest

from chat.tools import execution
from chat.tools.arguments import read_arguments
from chat.tools.base import AskPerson, Context, Progress, Result, Tool, ToolFailed
from chat.tools.execution import Deadline, run
from tests.tools.calling import NOBODY, made, outputs, result

SECRET = "what a person wrote"


async def failure(tool: Tool, context: Context = NOBODY) -> ToolFailed:
    with pytest.raises(ToolFailed) as failed:
        await outputs(tool, "{}", context)
    return failed.value


async def quick() -> str:
    """Quick."""
    return "here"


async def endless() -> None:
    """Endless."""
    await asyncio.Event().wait()


# --- Success


async def test_a_value_becomes_a_result() -> None:
    assert await outputs(made(quick)) == [Result("here", "here", "here", 4)]


async def test_progress_arrives_while_the_tool_waits() -> None:
    go_on = asyncio.Event()

    async def search(context: Context) -> str:
        """Search."""
        context.report("Searching")
        await go_on.wait()
        context.progress({"index": 1, "title": "Heron"})
        return "one"

    tool = made(search)
    async with aclosing(run(tool, read_arguments(tool, "{}"), NOBODY)) as found:
        assert await anext(found) == Progress({"text": "Searching"})
        go_on.set()
        assert await anext(found) == Progress({"index": 1, "title": "Heron"})
        assert isinstance(await anext(found), Result)
        with pytest.raises(StopAsyncIteration):
            await anext(found)


async def test_a_generator_that_yields_no_result_is_done() -> None:
    async def count() -> AsyncIterator[Progress]:
        """Count."""
        yield Progress({"index": 1})

    assert [type(each) for each in await outputs(made(count))] == [Progress, Result]


async def test_a_generator_is_closed_after_its_result() -> None:
    ran = []

    async def twice() -> AsyncIterator[str]:
        """Twice."""
        try:
            yield "first"
            ran.append("second")
            yield "second"
        finally:
            ran.append("closed")

    assert (await result(made(twice))).text == "first"
    assert ran == ["closed"]


async def test_a_question_for_the_user_is_passed_on() -> None:
    async def ask() -> AskPerson:
        """Ask."""
        return AskPerson("Which?", ("a", "b"))

    assert await outputs(made(ask)) == [AskPerson("Which?", ("a", "b"), allows_text=True)]


async def test_a_foreign_iterator_needs_no_aclose() -> None:
    class Once:
        def __init__(self) -> None:
            self.left = ["only"]

        def __aiter__(self) -> Once:
            return self

        async def __anext__(self) -> str:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop()

    tool = Tool("mcp:a/b", "B", "B.", {}, read_arguments, lambda *_: Once())  # type: ignore[arg-type]
    async with aclosing(run(tool, None, NOBODY)) as found:  # type: ignore[arg-type]
        assert [each async for each in found] == [Result("only", "only", "only", 4)]


# --- Failures


@pytest.mark.parametrize("error", [ValueError(SECRET), KeyError(SECRET), SystemExit(SECRET), asyncio.CancelledError()])
async def test_an_exception_is_a_failure_without_internals(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> None:
        """Broken."""
        raise error

    failed = await failure(made(broken))
    assert failed.code == "failed"
    assert "failed because of an error" in failed.message
    assert SECRET not in failed.message + caplog.text
    if not isinstance(error, asyncio.CancelledError):
        assert f"tool local:broken: failed: {type(error).__name__} in tests.tools.test_execution, line " in caplog.text


async def test_a_tool_may_explain_its_failure() -> None:
    async def broken() -> None:
        """Broken."""
        raise ToolFailed("denied", "Not on Sundays.")

    failed = await failure(made(broken))
    assert (failed.code, failed.message) == ("denied", "Not on Sundays.")


async def test_a_non_json_result_is_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def strange() -> object:
        """Strange."""
        return object()

    assert (await failure(made(strange))).code == "failed"
    assert "TypeError" in caplog.text


async def test_progress_before_a_failure_is_shown() -> None:
    async def half() -> AsyncIterator[Progress]:
        """Half."""
        yield Progress({"index": 1})
        raise ValueError

    tool = made(half)
    async with aclosing(run(tool, read_arguments(tool, "{}"), NOBODY)) as found:
        assert await anext(found) == Progress({"index": 1})
        with pytest.raises(ToolFailed):
            await anext(found)


# --- Limits


async def test_a_tool_has_its_timeout() -> None:
    failed = await failure(made(endless, timeout=0.01))
    assert failed.code == "timeout"
    assert "did not finish in time" in failed.message


async def test_a_tool_with_side_effects_may_have_taken_effect() -> None:
    failed = await failure(made(endless, timeout=0.01, side_effects=True))
    assert failed.code == "timeout"
    assert "It may have taken effect" in failed.message


async def test_the_end_of_a_run_ends_its_tools() -> None:
    context = Context(user_id=0, deadline=time.monotonic() + 0.01)
    assert (await failure(made(endless), context)).code == "timeout"


async def test_progress_extends_the_timeout() -> None:
    """It takes thirty pieces, each after a tenth of the timeout."""

    async def slow() -> AsyncIterator[Progress | str]:
        """Slow."""
        for index in range(30):
            await asyncio.sleep(0.1)
            yield Progress({"index": index})
        yield "done"

    assert len(await outputs(made(slow, timeout=1))) == 31


def test_a_deadline_is_extended_only_up_to_a_limit() -> None:
    now = 1000.0
    deadline = Deadline(60, latest=1300, clock=lambda: now)
    assert deadline.left == 60
    now = 1050
    assert deadline.left == 10
    deadline.extend()
    assert deadline.left == 60
    now = 1290
    assert deadline.left == 0
    deadline.extend()
    assert deadline.left == 10
    now = 1301
    deadline.extend()
    assert deadline.left == 0


async def test_the_amount_of_progress_is_limited() -> None:
    async def chatty(context: Context) -> str:
        """Chatty."""
        for index in range(1000):
            context.progress({"index": index})
        return "done"

    found = await outputs(made(chatty))
    assert found[:-1] == [Progress({"index": index}) for index in range(200)]
    assert found[-1].text == "done"  # type: ignore[union-attr]


@pytest.mark.parametrize("item", [{"text": "x" * 4096}, {"text": object()}, {1: 2, "": math}])
async def test_large_or_non_json_progress_is_dropped(item: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def large() -> AsyncIterator[Progress | str]:
        """Large."""
        yield Progress(item)
        yield Progress({"text": "x" * 4000})
        yield "done"

    assert len(await outputs(made(large))) == 2
    assert "dropped progress" in caplog.text


async def test_progress_after_the_end_is_dropped() -> None:
    kept: list[Context] = []

    async def keep(context: Context) -> None:
        """Keep."""
        kept.append(context)

    assert len(await outputs(made(keep))) == 1
    kept[0].report("too late")


# --- Cancellation


class Cancelled:
    """A tool that takes a moment to end, and records that it has ended."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.ended = False

    def tool(self) -> Tool:
        async def careful(context: Context) -> None:
            """Careful."""
            context.report("begun")
            self.began.set()
            try:
                await asyncio.Event().wait()
            finally:
                for _ in range(10):
                    await asyncio.sleep(0)
                self.ended = True

        return made(careful, timeout=300)


async def test_a_cancelled_caller_waits_for_the_tool() -> None:
    cancelled = Cancelled()
    caller = asyncio.create_task(outputs(cancelled.tool()))
    await cancelled.began.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert cancelled.ended


async def test_closing_the_iterator_waits_for_the_tool() -> None:
    cancelled = Cancelled()
    tool = cancelled.tool()
    async with aclosing(run(tool, read_arguments(tool, "{}"), NOBODY)) as found:
        await anext(found)
    assert cancelled.ended


async def test_a_generator_is_closed_when_it_is_cancelled() -> None:
    closed = asyncio.Event()

    async def forever() -> AsyncIterator[Progress]:
        """Forever."""
        try:
            while True:
                yield Progress({})
                await asyncio.sleep(0)
        finally:
            closed.set()

    tool = made(forever)
    async with aclosing(run(tool, read_arguments(tool, "{}"), NOBODY)) as found:
        await anext(found)
    assert closed.is_set()


@pytest.fixture
def stubborn() -> Callable[..., Tool]:
    def stubborn(**options: Any) -> Tool:
        async def stay() -> None:
            """Stay."""
            while not released.is_set():
                with suppress(asyncio.CancelledError):
                    await released.wait()

        return made(stay, timeout=0.01, **options)

    released = asyncio.Event()
    stubborn.released = released  # type: ignore[attr-defined]
    return stubborn


@pytest.mark.parametrize(("side_effects", "code"), [(False, "timeout"), (True, "unknown_outcome")])
async def test_a_tool_that_ignores_cancellation_is_abandoned(
    stubborn: Any, side_effects: bool, code: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "GRACE_SECONDS", 0.01)
    with caplog.at_level(logging.ERROR):
        assert (await failure(stubborn(side_effects=side_effects))).code == code
    assert "tool local:stay: still running after it was cancelled" in caplog.text
    (left,) = execution._abandoned
    gc.collect()
    stubborn.released.set()
    await left
    await asyncio.sleep(0)
    assert not execution._abandoned


async def test_nothing_is_left_running() -> None:
    before = asyncio.all_tasks()
    await outputs(made(quick))
    await failure(made(endless, timeout=0.01))
    assert asyncio.all_tasks() == before
