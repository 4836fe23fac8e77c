"""Scrolling up: the text moves down exactly as far as the wheel or key asks, whatever is drawn above."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from statistics import median

import pytest

from tests.browser.long_conversation import write
from tests.engines.conftest import Arrive
from tests.engines.reader import Reader
from tests.engines.scrolling import ALL_DRAWN, FIRST_DRAWN, HOLD_IDLE, LET_IDLE, TOLERANCE, Move, page_up, wheel_up
from tests.engines.window import Window
from tests.faults.processes import Site
from tests.members import Member

STEP = 500
TURNS = 24
PAGES = 16
KINDS = pytest.mark.parametrize(("count", "size"), [(2, 200_000), (5_000, 0)], ids=["answer", "messages"])
# Scrolled to the end, and everything that is drawn in idle time has been drawn.
AT_REST = """() => new Promise((resolve) => {
  const scroller = document.querySelector("#transcript-scroller");
  const { scrollHeight, clientHeight } = scroller;
  const resolved = () => resolve(scrollHeight > 3 * clientHeight && scroller.scrollHeight === scrollHeight
    && scrollHeight - scroller.scrollTop - clientHeight < 2);
  setTimeout(resolved, 400);
})"""
FOCUS = """() => document.querySelector("#transcript-scroller").focus()"""
OPENINGS = 2


async def wheel_step(window: Window) -> Move:
    return await wheel_up(window, STEP)


async def opened(arrive: Arrive, site: Site, guest: Member, count: int, size: int) -> Reader:
    """A conversation scrolled to its end, with the focus on the scroller."""
    reader = await arrive(f"/c/{write(site.data_dir, guest.id, count, size=size)}", person=guest)
    await reader.window.until(AT_REST)
    await reader.window.run(FOCUS)
    return reader


@KINDS
async def test_nothing_jumps_under_the_wheel(arrive: Arrive, site: Site, guest: Member, count: int, size: int) -> None:
    reader = await opened(arrive, site, guest, count, size)

    moves = [await wheel_up(reader.window, STEP) for _ in range(TURNS)]

    assert [move for move in moves if abs(move.distance - STEP) > TOLERANCE or move.back > TOLERANCE] == []


@KINDS
async def test_nothing_jumps_at_a_page_up(arrive: Arrive, site: Site, guest: Member, count: int, size: int) -> None:
    reader = await opened(arrive, site, guest, count, size)

    moves = [await page_up(reader.window) for _ in range(PAGES)]

    page = median(move.distance for move in moves)
    assert page > STEP / 2
    assert [move for move in moves if abs(move.distance - page) > TOLERANCE or move.back > TOLERANCE] == []


@pytest.mark.parametrize("move", [page_up, wheel_step], ids=["page", "wheel"])
async def test_scrolling_up_during_idle_drawing_keeps_the_position(
    arrive: Arrive, site: Site, guest: Member, move: Callable[[Window], Awaitable[Move]]
) -> None:
    """The rest of a newly opened conversation is drawn in idle time, which the test controls."""
    conversation_id = write(site.data_dir, guest.id, 400)
    reader = await arrive(person=guest)
    window = reader.window
    moves = []
    for _ in range(OPENINGS):
        await reader.open()
        await window.run(HOLD_IDLE)
        await window.click(f'.conversation[data-conversation-id="{conversation_id}"] [data-action=open]')
        await window.until(FIRST_DRAWN)
        await window.run(FOCUS)
        await window.run(LET_IDLE)
        moves.append(await move(window))
        await window.until(ALL_DRAWN)
        moves.append(await move(window))

    page = STEP if move is wheel_step else median(each.distance for each in moves)
    assert page > STEP / 2
    assert [each for each in moves if abs(each.distance - page) > TOLERANCE or each.back > TOLERANCE] == []
