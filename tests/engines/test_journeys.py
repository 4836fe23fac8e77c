"""What users do in the chat, in Firefox and in Safari's engine. tests/browser covers all of it in Chromium."""

from __future__ import annotations

import pytest

from tests.engines.conftest import Arrive
from tests.engines.reader import BODY, Reader
from tests.engines.without_sockets import without_sockets
from tests.faults.processes import Site, Upstream

# Longer than any journey waits: it streams until it is stopped.
ENDLESS = "/numbered rate=60 count=30000"
# Scroll bars of the page itself: [excess width, excess height]. Only the texts inside it may scroll.
PAGE_BARS = """() => {
  const { clientWidth, clientHeight, scrollWidth, scrollHeight } = document.documentElement;
  return [Math.max(scrollWidth - clientWidth, innerWidth - clientWidth), scrollHeight - clientHeight];
}"""
# The drawer has stopped moving: until then, it can cover what is clicked next.
DRAWER_IS_THERE = """() => document.querySelector("#sidebar .sidebar__panel").getBoundingClientRect().left >= 0"""
DRAWER_IS_AWAY = """() => document.querySelector("#sidebar .sidebar__panel").getBoundingClientRect().right <= 0"""
QUESTION = '.message[data-role="user"]'
ANSWER = '.message[data-role="assistant"]'


def numbers(text: str) -> list[str]:
    return [word.rpartition(":")[2] for word in text.split()]


def counted(count: int) -> list[str]:
    return [f"{number:06}" for number in range(1, count + 1)]


async def test_an_answer_streams_and_is_stopped(reader: Reader) -> None:
    await reader.send(ENDLESS)
    await reader.window.until(f"() => ({BODY})().length > 400")
    await reader.is_in_state("streaming")

    await reader.window.click("#stop")

    await reader.is_in_state("stopped")
    await reader.sees("#send")
    said = numbers(await reader.text())
    assert said == counted(len(said))
    await reader.reload()
    assert numbers(await reader.text()) == said


async def test_a_reload_in_mid_answer_loses_nothing(reader: Reader, upstream: Upstream) -> None:
    await reader.send("/hold after=50 count=400")
    await reader.numbers(50)

    await reader.reload()

    await reader.numbers(50)
    upstream.release()
    await reader.is_in_state("completed")
    assert numbers(await reader.text()) == counted(400)


async def test_without_websockets_the_answer_arrives_by_sse(arrive: Arrive, site: Site) -> None:
    async with without_sockets(site.port) as proxy:
        reader = await arrive(url=proxy.url)
        # How each browser reports the refused connection.
        reader.expect(r"WebSocket", r"ws://")
        assert numbers(await reader.ask("/numbered count=300 rate=300")) == counted(300)
        assert proxy.refused
        # Leave the page before the proxy goes away.
        await reader.window.go("about:blank")


async def test_a_question_is_edited_and_its_versions_are_switched(reader: Reader) -> None:
    await reader.ask("One")
    await reader.ask("Two")
    await reader.window.point_at(f"{QUESTION}:nth-child(1) .message__body")
    await reader.window.click(f"{QUESTION}:nth-child(1) [data-action=edit]")
    await reader.window.until("() => document.activeElement?.value === 'One'")
    await reader.window.type(" and a half")
    await reader.window.press("Enter")
    await reader.window.until(
        "(text) => document.querySelector('.message__body').innerText.trim() === text", "One and a half"
    )
    await reader.is_in_state("completed")
    assert await reader.questions() == ["One and a half"]

    await reader.window.click(f"{QUESTION} [data-action=version-back]")
    await reader.window.until(f"() => document.querySelectorAll('{QUESTION}').length === 2")
    assert await reader.questions() == ["One", "Two"]
    await reader.window.click(f"{QUESTION}:nth-child(1) [data-action=version-on]")
    await reader.window.until(f"() => document.querySelectorAll('{QUESTION}').length === 1")
    assert await reader.questions() == ["One and a half"]


async def test_an_answer_is_copied(reader: Reader) -> None:
    said = await reader.ask("/numbered count=5")
    await reader.window.point_at(f"{ANSWER} .message__body")
    await reader.window.click(f"{ANSWER} [data-action=copy]")
    await reader.sees(f"{ANSWER} [data-action=copy][data-copied]")

    await reader.window.click("#composer-text")
    await reader.window.press("Control", "v")
    await reader.window.until("(text) => document.querySelector('#composer-text').value.trim() === text", said.strip())


async def test_the_palette_finds_a_message(reader: Reader) -> None:
    await reader.ask("Where do herons nest?")
    await reader.window.click("#new-chat")
    await reader.sees("#welcome")
    await reader.window.press("Control", "k")
    await reader.window.until("() => document.activeElement?.id === 'palette-field'")
    await reader.window.type("herons")
    await reader.window.until(
        """() => [...document.querySelectorAll("#palette [role=option]")].some((option) =>
          option.textContent.includes("You: Where do herons nest?"))"""
    )
    await reader.window.click("#palette [role=option]")
    await reader.sees_no("#palette")
    await reader.sees(QUESTION)
    assert await reader.questions() == ["Where do herons nest?"]


async def test_the_drawer_opens_and_closes(reader: Reader) -> None:
    await reader.ask("Hello")
    await reader.window.resize(480, 800)
    await reader.window.until(DRAWER_IS_AWAY)
    for closed_by in ("Escape", "#new-chat"):
        await reader.window.click("#open-sidebar")
        await reader.window.until(DRAWER_IS_THERE)
        if closed_by == "Escape":
            await reader.window.press("Escape")
        else:
            await reader.window.click(closed_by)
        await reader.window.until(DRAWER_IS_AWAY)
    await reader.sees("#welcome")


@pytest.mark.parametrize("width", [1280, 480])
async def test_the_page_has_no_scroll_bar_of_its_own(reader: Reader, width: int) -> None:
    await reader.window.resize(width, 800)
    assert await reader.window.run(PAGE_BARS) == [0, 0]
    await reader.ask("/numbered count=900")
    assert await reader.window.run(PAGE_BARS) == [0, 0]
