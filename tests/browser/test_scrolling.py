"""The text being read stays where it is on the screen; a long conversation is as easy to use as a short one."""

from __future__ import annotations

from statistics import median

import pytest
from playwright.async_api import expect

from tests.browser.long_conversation import write
from tests.browser.tab import Tab
from tests.browser.test_following import FROM_END, LONG, NOTE_PLACES, STEADY
from tests.browser.visitor import Visitor
from tests.engines.scrolling import BEGIN, END, FRAMES, PATIENCE_MS, TOLERANCE
from tests.faults.processes import Site, Upstream

# From now on, records by how much the visible message moves in a frame, apart from scrolling.
WATCH_FOR_JUMPS = """() => {
  const scroller = document.querySelector("#transcript-scroller");
  const middle = () => document.elementFromPoint(innerWidth / 2 + 120, innerHeight / 2)?.closest("chat-message");
  window.jumps = [];
  window.moves = 0;
  let [read, top] = [null, 0];
  const look = () => {
    const now = read?.isConnected ? read.getBoundingClientRect().top : null;
    const jump = now === null ? 0 : Math.round(now - top + window.moves);
    if (Math.abs(jump) > 2) window.jumps.push(jump);
    window.moves = 0;
    read = middle() ?? read;
    top = read?.getBoundingClientRect().top ?? 0;
    requestAnimationFrame(look);
  };
  look();
  window.step = (distance) => {
    const before = scroller.scrollTop;
    scroller.scrollTop += distance;
    window.moves += scroller.scrollTop - before;
    return scroller.scrollTop - before;
  };
}"""
# Scrolls up or down in steps of half a screen, about one per frame, while the server sends what is needed.
WALK = """([distance, steps]) => new Promise((resolve) => {
  let left = steps;
  const go = () => {
    window.step(distance);
    left -= 1;
    if (left > 0) requestAnimationFrame(() => requestAnimationFrame(go));
    else resolve(window.jumps);
  };
  go();
})"""
TOP_OF = """(element) => {
  const scroller = document.querySelector("#transcript-scroller");
  return element.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
}"""
# Before the page checks whether the browser supports scroll anchoring.
WITHOUT_ANCHORS = """(() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("#transcript-scroller { overflow-anchor: none !important; }");
  document.adoptedStyleSheets = [sheet];
})()"""
# Scrolls up in steps, like a wheel. Returns the other movements of the block that was below the upper edge.
STEP_UP = """async ([distance, steps]) => {
  const BLOCKS = ".markdown > :not(.markdown-part), .markdown-part > *";
  const scroller = document.querySelector("#transcript-scroller");
  const { top, left, width } = scroller.getBoundingClientRect();
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const jumps = [];
  for (let step = 0; step < steps; step += 1) {
    let block = null;
    for (let y = top + 14; !block; y += 6) {
      block = document.elementFromPoint(left + width / 2, y).closest(BLOCKS);
    }
    const before = block.getBoundingClientRect().top;
    scroller.scrollTop -= distance;
    for (let count = 0; count < 5; count += 1) await frame();
    const jump = Math.round(block.getBoundingClientRect().top - before - distance);
    if (Math.abs(jump) > 3) jumps.push(jump);
  }
  return jumps;
}"""
# Scrolls as far as possible, and waits for more messages.
GO_ON = """([top]) => new Promise((resolve) => {
  const list = document.querySelector("#messages");
  const seen = new MutationObserver(() => {
    seen.disconnect();
    resolve();
  });
  seen.observe(list, { childList: true });
  document.querySelector("#transcript-scroller").scrollTop = top;
})"""

# Scrolls to one end at each call, until this question is there.
REACHED = """([question, top]) => {
  document.querySelector("#transcript-scroller").scrollTop = top;
  return [...document.querySelectorAll('chat-message[data-role="user"] , .message[data-role="user"]')].some((each) =>
    each.textContent.split("\\n").some((line) => line.trim() === question),
  );
}"""


async def steady(tab: Tab) -> None:
    await tab.page.wait_for_function(STEADY)


async def test_a_question_moves_to_the_top_and_its_answer_grows_below(visitor: Visitor, upstream: Upstream) -> None:
    tab = await visitor.open()
    await tab.ask("/numbered count=600")
    await tab.send("/hold after=100 step=200 count=900 rate=500")
    await tab.numbers(100)
    question = tab.page.locator('.message[data-role="user"]').last
    assert 0 <= await question.evaluate(TOP_OF) < 40

    last = """() => [...document.querySelectorAll('.message[data-role="user"]')].at(-1)"""
    await tab.page.evaluate(f"() => ({NOTE_PLACES})(() => ({TOP_OF})(({last})()))")
    for count in range(300, 901, 200):
        upstream.release()
        await tab.numbers(count)
    await tab.ended()
    places = await tab.page.evaluate("window.places")
    # At least one for each part.
    assert len(places) > 4
    assert all(0 <= place < 40 for place in places)
    assert 0 <= await question.evaluate(TOP_OF) < 40
    await expect(tab.page.locator("#jump-to-latest")).to_have_attribute("data-unread", "")


async def test_a_short_answer_leaves_the_question_at_the_top_as_well(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("/numbered count=600")
    await tab.ask("Hello")
    question = tab.page.locator('.message[data-role="user"]').last
    assert 0 <= await question.evaluate(TOP_OF) < 40
    await expect(tab.page.locator("#jump-to-latest")).to_be_hidden()
    await tab.page.set_viewport_size({"width": 1280, "height": 500})
    await steady(tab)
    assert 0 <= await question.evaluate(TOP_OF) < 40


@pytest.mark.parametrize("key", ["PageUp", "Home", "Shift+Space"])
async def test_an_upward_key_stops_following_immediately(visitor: Visitor, key: str) -> None:
    tab = await visitor.open()
    await tab.ask("/numbered count=600")
    await tab.send(LONG)
    await tab.answering()
    await tab.page.locator("#transcript-scroller").evaluate(
        "(scroller) => scroller.scrollTo(0, scroller.scrollHeight)"
    )
    await tab.scroller.focus()
    await tab.page.keyboard.press(key)
    await steady(tab)
    place = await tab.scroller.evaluate("(scroller) => scroller.scrollTop")
    await tab.text_beyond(len(await tab.text()) + 1500)
    assert await tab.scroller.evaluate("(scroller) => scroller.scrollTop") == place
    await tab.stop_button.click()
    await tab.ended("stopped")


async def test_selected_text_is_not_moved(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("/numbered count=600")
    await tab.send("/numbered rate=100 count=20000")
    await tab.text_beyond(8000)
    await tab.page.locator("#jump-to-latest").click()
    await tab.body.evaluate("(body) => getSelection().selectAllChildren(body)")
    await steady(tab)
    place = await tab.scroller.evaluate("(scroller) => scroller.scrollTop")
    await tab.text_beyond(len(await tab.text()) + 1500)
    assert await tab.scroller.evaluate("(scroller) => scroller.scrollTop") == place
    await tab.stop_button.click()
    await tab.ended("stopped")


@pytest.mark.parametrize("anchors", [True, False], ids=["anchors", "none"])
async def test_scrolling_through_a_long_conversation_never_jumps(
    visitor: Visitor, site: Site, *, anchors: bool
) -> None:
    assert visitor.person
    if not anchors:
        await visitor.context.add_init_script(WITHOUT_ANCHORS)
    tab = await visitor.open(f"/c/{write(site.data_dir, visitor.person.id, 1000)}")
    await expect(tab.questions.last).to_be_in_viewport()
    await tab.page.evaluate(WATCH_FOR_JUMPS)

    assert await tab.page.evaluate(WALK, [-400, 150]) == []
    assert await tab.page.evaluate(WALK, [400, 60]) == []
    assert await tab.page.evaluate(WALK, [-400, 150]) == []
    assert await tab.page.locator("chat-message").count() <= 320
    assert await tab.scroller.evaluate(FROM_END) > 10_000

    await tab.page.locator("#jump-to-latest").click()
    await expect(tab.questions.last).to_have_text("Question 499")
    await expect(tab.questions.last).to_be_in_viewport()


async def at_a_long_answer(visitor: Visitor, site: Site, *, anchors: bool) -> Tab:
    assert visitor.person
    if not anchors:
        await visitor.context.add_init_script(WITHOUT_ANCHORS)
    tab = await visitor.open(f"/c/{write(site.data_dir, visitor.person.id, 2, size=200_000)}")
    await tab.page.wait_for_function("() => document.querySelectorAll('.markdown-part').length > 15")
    await tab.page.wait_for_function(STEADY)
    return tab


@pytest.mark.parametrize("anchors", [True, False], ids=["anchors", "none"])
async def test_scrolling_up_in_a_long_answer_never_jumps(visitor: Visitor, site: Site, *, anchors: bool) -> None:
    """Most of it has never been laid out, and its height differs from the estimate."""
    tab = await at_a_long_answer(visitor, site, anchors=anchors)

    assert await tab.page.evaluate(STEP_UP, [400, 40]) == []


@pytest.mark.parametrize("anchors", [True, False], ids=["anchors", "none"])
async def test_page_up_scrolls_one_page(visitor: Visitor, site: Site, *, anchors: bool) -> None:
    """It scrolls exactly one page, whatever is laid out on the way. See also tests/engines."""
    tab = await at_a_long_answer(visitor, site, anchors=anchors)
    await tab.scroller.focus()

    pages = []
    for _ in range(12):
        await tab.page.evaluate(BEGIN)
        await tab.page.keyboard.press("PageUp")
        places = await tab.page.evaluate(END, [FRAMES, PATIENCE_MS])
        pages.append(places[-1] - places[0])

    height = await tab.scroller.evaluate("(scroller) => scroller.clientHeight")
    assert height / 2 < median(pages) < height
    assert [page for page in pages if abs(page - median(pages)) > TOLERANCE] == []


async def test_a_long_conversation_can_be_scrolled_to_both_ends(visitor: Visitor, site: Site) -> None:
    assert visitor.person
    tab = await visitor.open(f"/c/{write(site.data_dir, visitor.person.id, 700)}")
    for wanted, top in (("Question 0", 0), ("Question 349", 1_000_000)):
        while await tab.page.get_by_text(wanted, exact=True).count() == 0:
            await tab.page.evaluate(GO_ON, [top])
        await expect(tab.page.get_by_text(wanted, exact=True)).to_be_visible()
        assert await tab.page.locator("chat-message").count() <= 320


async def test_a_conversation_is_opened_at_one_of_its_messages(visitor: Visitor, site: Site) -> None:
    assert visitor.person
    conversation_id = write(site.data_dir, visitor.person.id, 400)
    page = await visitor.api("GET", f"/api/conversations/{conversation_id}/messages?branch=active&limit=200")
    wanted = next(each for each in page["items"] if each["text"] == "Question 110")
    tab = await visitor.open(f"/c/{conversation_id}?message={wanted['id']}")
    found = tab.page.locator(f'[data-message-id="{wanted["id"]}"]')
    await expect(found).to_be_in_viewport()
    await expect(tab.page.locator("#jump-to-latest")).to_be_visible()
    await tab.page.evaluate(WATCH_FOR_JUMPS)
    assert await tab.page.evaluate(WALK, [-400, 20]) == []
    assert await tab.page.evaluate(WALK, [400, 40]) == []

    await tab.page.locator("#jump-to-latest").click()
    await expect(tab.questions.last).to_have_text("Question 199")
    await expect(tab.questions.last).to_be_in_viewport()
    await tab.send("Go on")
    await expect(tab.body).to_have_text("Hello! You said: Go on")


@pytest.mark.parametrize("blank_lines", [120_000, 600_000])
async def test_all_messages_are_reachable_if_pages_hold_few(visitor: Visitor, site: Site, blank_lines: int) -> None:
    """An API page holds only a few messages, or one of the longest. The HTML page does not contain those."""
    assert visitor.person
    conversation_id = write(site.data_dir, visitor.person.id, 24, blank_lines=blank_lines)
    path = f"/api/conversations/{conversation_id}/messages?branch=active&limit=200"
    end = await visitor.api("GET", path)
    assert end["next"]
    assert len(end["items"]) < 10

    tab = await visitor.open(f"/c/{conversation_id}")
    await expect(tab.page.locator("chat-message").last).to_be_visible()
    await tab.page.wait_for_function(REACHED, arg=["Question 0", 0])
    await expect(tab.questions).to_have_count(12)
    await expect(tab.page.locator("chat-message")).to_have_count(24)

    items = end["items"]
    while all(each["text"] != "Question 5" for each in items):
        end = await visitor.api("GET", f"{path}&cursor={end['next']}")
        items = end["items"]
    wanted = next(each["id"] for each in items if each["text"] == "Question 5")
    await tab.go(f"/c/{conversation_id}?message={wanted}")
    await expect(tab.page.locator(f'[data-message-id="{wanted}"]')).to_be_in_viewport()
    for text, top in (("Question 0", 0), ("Question 11", 1_000_000)):
        await tab.page.wait_for_function(REACHED, arg=[text, top])
    await expect(tab.page.locator("chat-message")).to_have_count(24)


async def test_arriving_text_does_not_undo_a_scroll_bar_move(visitor: Visitor) -> None:
    """There is no wheel or key event, and the scroll event comes a frame later."""
    tab = await visitor.open()
    await tab.ask("/numbered count=600")
    await tab.page.locator("#jump-to-latest").click()
    await tab.page.wait_for_function(STEADY)
    moved = """() => new Promise((resolve) => requestAnimationFrame(() => {
      const scroller = document.querySelector("#transcript-scroller");
      scroller.scrollTop -= 300;
      const top = scroller.scrollTop;
      const more = document.createElement("p");
      more.textContent = "more";
      document.querySelector("#messages").lastElementChild.append(more);
      requestAnimationFrame(() => requestAnimationFrame(() => resolve(Math.abs(scroller.scrollTop - top))));
    }))"""
    assert await tab.page.evaluate(moved) < 2


@pytest.mark.parametrize("by", ["layout", "scroll bar"])
async def test_without_scroll_anchors_only_the_user_stops_following(visitor: Visitor, by: str) -> None:
    """Firefox and Safari first lay out new text shorter, which moves the text like dragging the scroll bar does."""
    await visitor.context.add_init_script(WITHOUT_ANCHORS)
    tab = await visitor.open()
    await tab.ask("/numbered count=600")
    await tab.page.locator("#jump-to-latest").click()
    await tab.page.wait_for_function(STEADY)
    moved = """([dragged]) => new Promise((resolve) => {
      const scroller = document.querySelector("#transcript-scroller");
      const more = document.createElement("p");
      more.style.blockSize = "400px";
      document.querySelector("#messages").lastElementChild.append(more);
      const frames = (count, act) => requestAnimationFrame(() => (count ? frames(count - 1, act) : act()));
      frames(3, () => {
        if (dragged) scroller.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, buttons: 1 }));
        more.style.blockSize = "0px";
        scroller.getBoundingClientRect();
        const top = scroller.scrollTop;
        more.style.blockSize = "1200px";
        frames(3, () => {
          const { scrollTop, scrollHeight, clientHeight } = scroller;
          resolve([scrollTop - top, scrollHeight - clientHeight - scrollTop]);
        });
      });
    })"""
    distance, rest = await tab.page.evaluate(moved, [by == "scroll bar"])
    assert (distance, rest) == ((0, 1200) if by == "scroll bar" else (1200, 0))
