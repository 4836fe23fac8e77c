"""Answers continue while the user is elsewhere, and do not disturb reading while they are written."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.tab import Tab
from tests.browser.visitor import Visitor
from tests.browser.watch import NOT_SAVED_YET
from tests.faults.processes import Upstream

# Longer than any test waits.
LONG = "/numbered rate=60 count=30000"
# Makes the tab a background tab, which is not painted.
HIDE = """() => {
  for (const [name, value] of [["hidden", true], ["visibilityState", "hidden"]])
    Object.defineProperty(document, name, { value, configurable: true });
  window.paints = [];
  window.paint = window.requestAnimationFrame;
  window.requestAnimationFrame = (callback) => window.paints.push(callback);
  document.dispatchEvent(new Event("visibilitychange"));
}"""
SHOW = """() => {
  for (const name of ["hidden", "visibilityState"]) delete document[name];
  window.requestAnimationFrame = window.paint;
  window.paints.forEach((callback) => window.requestAnimationFrame(callback));
  document.dispatchEvent(new Event("visibilitychange"));
}"""
# Nothing scrolls any more: the position is unchanged for more frames than scrolling can pause on a busy machine.
STEADY = """() => new Promise((resolve) => {
  const scroller = document.querySelector("#transcript-scroller");
  const begun = performance.now();
  const places = [];
  const look = () => {
    places.push(scroller.scrollTop);
    const steady = places.length > 15 && new Set(places.slice(-15)).size === 1;
    if (steady && performance.now() - begun > 400) resolve(true);
    else requestAnimationFrame(look);
  };
  look();
})"""
# How much the server sends before it waits for an acknowledgement.
WINDOW_BYTES = 65_536
# Records a measurement each time the text has grown and the page has reacted.
NOTE_PLACES = """(measure) => {
  const scroller = document.querySelector("#transcript-scroller");
  const content = scroller.querySelector("[data-part=content]");
  window.places = [];
  // Observers are told in the order in which they began to look: the page's own before this one, in the same frame.
  new ResizeObserver(() => window.places.push(measure(scroller))).observe(content);
}"""
FROM_END = "(scroller) => scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop"


async def tall_conversation(visitor: Visitor) -> Tab:
    """Creates a conversation that is taller than the window."""
    tab = await visitor.open()
    await tab.ask("/numbered count=600")
    return tab


async def test_two_conversations_are_answered_at_once(visitor: Visitor) -> None:
    visitor.watch.expect(NOT_SAVED_YET)
    tab = await visitor.open()
    await tab.send(f"{LONG} first")
    await tab.answering()
    first = await tab.conversation_id()
    await tab.page.locator("#new-chat").click()
    await expect(tab.send_button).to_be_visible()
    await tab.send(f"{LONG} second")
    await tab.answering()
    second = await tab.conversation_id()
    for conversation_id in (first, second):
        await expect(tab.row(conversation_id).locator(".conversation__live")).to_be_visible()

    await tab.row(first).locator("[data-action=open]").click()
    await expect(tab.questions).to_have_text([f"{LONG} first"])
    seen = await tab.text_beyond(0)
    await tab.text_beyond(len(seen) + 50)
    await tab.page.keyboard.press("Escape")
    await tab.ended("stopped")
    await expect(tab.row(first).locator(".conversation__live")).to_be_hidden()
    await expect(tab.row(second).locator(".conversation__live")).to_be_visible()
    await tab.row(second).locator("[data-action=open]").click()
    await tab.answering()
    await tab.stop_button.click()
    await tab.ended("stopped")
    numbers = [word.rpartition(":")[2] for word in (await tab.text()).split()]
    assert numbers == [f"{number:06}" for number in range(1, len(numbers) + 1)]


async def test_a_tab_in_the_background_receives_all_of_a_long_answer(visitor: Visitor, upstream: Upstream) -> None:
    page = await visitor.context.new_page()
    async with page.expect_websocket() as connected:
        await Tab(page).go("/")
    tab, socket = Tab(page), await connected.value
    received: list[str] = []
    socket.on("framereceived", lambda frame: received.append(str(frame)))
    await tab.send("/hold after=100 count=15000")
    await tab.numbers(100)
    await page.evaluate(HIDE)
    async with socket.expect_event("framereceived", lambda frame: '"event":"done"' in str(frame)):
        upstream.release()
    await page.evaluate(SHOW)
    await tab.ended()

    assert sum(map(len, received)) > 3 * WINDOW_BYTES
    assert (await tab.text()).split()[-1].endswith(":015000")


async def test_escape_stops_the_answer(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.send(LONG)
    await tab.answering()
    await expect(tab.stop_button).to_be_visible()
    await expect(tab.send_button).to_be_hidden()
    await tab.page.keyboard.press("Escape")
    await tab.ended("stopped")
    await expect(tab.answer.locator(".message__note")).to_have_text("Stopped")
    await expect(tab.send_button).to_be_visible()
    await expect(tab.box).to_be_focused()


async def test_the_end_stays_in_view_while_it_grows(visitor: Visitor, upstream: Upstream) -> None:
    tab = await tall_conversation(visitor)
    await tab.send("/hold after=300 step=300 count=1500 rate=500")
    # A new question stays where it is. The page follows the end only after the jump to the latest.
    await expect(tab.page.locator("#jump-to-latest")).to_be_visible()
    await tab.numbers(300)
    await tab.page.locator("#jump-to-latest").click()
    await tab.page.evaluate(f"() => ({NOTE_PLACES})({FROM_END})")
    for count in range(600, 1501, 300):
        upstream.release()
        await tab.numbers(count)
    await tab.ended()
    places = await tab.page.evaluate("window.places")
    # At least one for each part.
    assert len(places) > 4
    assert max(places) < 70
    await expect(tab.page.locator("#jump-to-latest")).to_be_hidden()


async def test_scrolling_up_stops_following_until_jump_to_latest(visitor: Visitor) -> None:
    tab = await tall_conversation(visitor)
    await tab.send(LONG)
    await tab.answering()
    await tab.scroller.hover()
    await tab.page.mouse.wheel(0, -1500)
    await expect(tab.page.locator("#jump-to-latest")).to_be_visible()
    await tab.page.wait_for_function(STEADY)
    place = await tab.scroller.evaluate("(scroller) => scroller.scrollTop")
    await tab.text_beyond(len(await tab.text()) + 1500)
    assert await tab.scroller.evaluate("(scroller) => scroller.scrollTop") == place

    await tab.page.locator("#jump-to-latest").click()
    await expect(tab.page.locator("#jump-to-latest")).to_be_hidden()
    await tab.page.evaluate(f"() => ({NOTE_PLACES})({FROM_END})")
    await tab.text_beyond(len(await tab.text()) + 500)
    assert max(await tab.page.evaluate("window.places")) < 70
    await tab.stop_button.click()
    await tab.ended("stopped")


# The top of the text, far above the screen, and the length of the text.
ANSWER = """() => {
  const body = [...document.querySelectorAll('chat-message[data-role="assistant"] .message__body')].at(-1);
  return [body?.firstElementChild?.getBoundingClientRect().top, body?.textContent.length ?? 0];
}"""


async def test_continuing_an_answer_keeps_the_scroll_position(visitor: Visitor, upstream: Upstream) -> None:
    tab = await visitor.open()
    await tab.send("/hold after=900 count=901")
    await tab.numbers(900)
    await tab.stop_button.click()
    await tab.ended("stopped")
    await tab.page.evaluate("document.querySelector('#transcript-scroller').scrollTop = 1e6")
    await tab.page.wait_for_function(STEADY)
    place, said = await tab.page.evaluate(ANSWER)
    assert place < 0

    await tab.answer.locator("[data-action=continue]").click()

    # The text being read has not moved, and the new text is below it.
    await tab.page.wait_for_function(f"(said) => ({ANSWER})()[1] > said", arg=said)
    assert abs((await tab.page.evaluate(ANSWER))[0] - place) <= 2
    upstream.release()
    await tab.ended()
    assert abs((await tab.page.evaluate(ANSWER))[0] - place) <= 2
