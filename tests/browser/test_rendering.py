"""A streamed answer looks the same as when a new page draws it from the saved text."""

from __future__ import annotations

import re
from typing import Final

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.browser.conftest import Visitors
from tests.browser.oracle import arrive, check
from tests.browser.samples import MARKDOWN, scripted
from tests.browser.tab import Tab
from tests.browser.tasks import traced
from tests.browser.visitor import Visitor
from tests.browser.watch import NOT_SAVED_YET
from tests.faults.processes import Upstream

# Normalized, so that a text node that grew in pieces is the same as a whole one.
DRAWN = """() => [...document.querySelectorAll('.message[data-role="assistant"] .message__body')].map((body) => {
  const copy = body.cloneNode(true);
  copy.normalize();
  return copy.innerHTML;
})"""

PICTURE: Final = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30"/></svg>'
LOADS: Final = """(address) => new Promise((resolve) => {
  const image = new Image();
  image.addEventListener("load", () => resolve("load"));
  image.addEventListener("error", () => resolve("error"));
  image.src = address;
})"""


async def drawn(page: Page) -> list[str]:
    """Waits until the code is highlighted, too."""
    await expect(page.locator("code.language-python:not(:has(span))")).to_have_count(0)
    return list(await page.evaluate(DRAWN))


@pytest.mark.parametrize(("size", "rate"), [(1, 900), (3, 250), (17, 100), (10_000, 0)])
async def test_a_streamed_answer_renders_like_a_saved_one(visitor: Visitor, size: int, rate: int) -> None:
    tab = await visitor.open()
    await tab.ask(scripted(MARKDOWN, size=size, rate=rate))
    streamed = await drawn(tab.page)
    fresh = await visitor.open(f"/c/{await tab.conversation_id()}")
    await expect(fresh.answers).to_have_count(1)

    assert streamed == await drawn(fresh.page)
    for tag in ("h1", "h2", "ol", "ul ul, ol ul", "blockquote ul", "table", "pre code.language-python", "hr", "s"):
        assert await fresh.body.locator(tag).count(), tag
    assert await fresh.body.locator("img").count() == 0
    assert await fresh.body.locator("b").all_text_contents() == ["HTML"]
    await expect(fresh.body.locator(".image-placeholder")).to_contain_text("example.org")


async def test_an_answer_joined_midway_renders_like_a_saved_one(visitor: Visitor, upstream: Upstream) -> None:
    first = await visitor.open()
    await first.ask("Hello")
    path = f"/c/{await first.conversation_id()}"
    await first.send(f"{scripted(MARKDOWN, size=4)} after=100")
    await first.text_beyond(200)
    second = await visitor.open(path)
    await second.text_beyond(200)
    upstream.release()
    await first.ended()
    await second.ended()
    fresh = await visitor.open(path)
    await expect(fresh.answers).to_have_count(2)

    assert await drawn(first.page) == await drawn(second.page) == await drawn(fresh.page)


async def test_thoughts_are_folded_away_when_the_answer_begins(visitor: Visitor, upstream: Upstream) -> None:
    tab = await visitor.open()
    await tab.send("/think count=20 after=3")
    thoughts = tab.answer.locator(".message__reasoning")
    await expect(thoughts).to_have_attribute("open", "")
    await expect(thoughts).to_contain_text("Thought 2.")
    upstream.release()
    await tab.ended()

    await expect(thoughts).not_to_have_attribute("open", "")
    await expect(tab.body).to_have_text("So the answer is 42.")
    await thoughts.locator("summary").click()
    await expect(thoughts).to_contain_text("Thought 19.")


async def test_a_reload_keeps_thoughts(visitor: Visitor, upstream: Upstream) -> None:
    visitor.watch.expect(NOT_SAVED_YET)
    tab = await visitor.open()
    await tab.send("/think count=20 after=3")
    thoughts = tab.answer.locator(".message__reasoning")
    await expect(thoughts).to_contain_text("Thought 2.")

    # In the middle of the thoughts.
    await tab.reload()
    await expect(thoughts).to_have_attribute("open", "")
    await expect(thoughts).to_contain_text("Thought 2.")
    upstream.release()
    await tab.ended()
    await expect(tab.body).to_have_text("So the answer is 42.")
    watched = await tab.answer.locator("[data-part=parts]").inner_text()

    # After the end: what is no longer in the log comes from the database.
    await tab.reload()
    await expect(tab.body).to_have_text("So the answer is 42.")
    await expect(thoughts).to_have_count(1)
    await expect(thoughts).to_have_attribute("data-ended", "")
    await expect(tab.answer.locator("[data-part=parts]")).to_have_text(watched, use_inner_text=True)
    await thoughts.locator("summary").click()
    await expect(thoughts).to_contain_text("Thought 19.")


async def drawn_for_good(tab: Tab) -> None:
    """The first answer with a task list is drawn again once the grammar for task lists is loaded."""
    await expect(tab.body.locator("input[type=checkbox]")).to_have_count(2)


async def pressed(button: Locator, outcome: str) -> str:
    """Presses a button and returns its text once it has this attribute. Both are soon reset: polling could miss it."""
    told = await button.evaluate_handle(
        """(button, outcome) => ({
          text: new Promise((resolve) => {
            const look = () => button.hasAttribute(outcome) && resolve(button.textContent);
            new MutationObserver(look).observe(button, { attributes: true });
          }),
        })""",
        outcome,
    )
    await button.click()
    text: str = await told.evaluate("(told) => told.text")
    return text


async def test_code_and_messages_are_copied_verbatim(visitor: Visitor) -> None:
    await visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab = await visitor.open()
    await tab.ask(scripted(MARKDOWN, size=100))

    await drawn_for_good(tab)
    assert await pressed(tab.body.locator(".code-copy").first, "data-outcome") == "Copied"
    code = await tab.page.evaluate("navigator.clipboard.readText()")
    assert code.rstrip("\n") == 'def strike(prey: str) -> str:\n    return f"caught {prey} & <more>"'
    await pressed(tab.answer.locator("[data-action=copy]"), "data-copied")
    assert await tab.page.evaluate("navigator.clipboard.readText()") == MARKDOWN


async def test_without_https_code_and_messages_are_copied_the_old_way(visitor: Visitor) -> None:
    """Without HTTPS the browser has no `navigator.clipboard`."""
    await visitor.context.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    tab = await visitor.open()
    await tab.ask(scripted(MARKDOWN, size=100))

    await drawn_for_good(tab)
    assert await pressed(tab.body.locator(".code-copy").first, "data-outcome") == "Copied"
    await expect(tab.body.locator(".code-copy").first).to_be_focused()
    await tab.box.press("Control+V")
    assert (await tab.box.input_value()).startswith("def strike(prey: str) -> str:")
    await tab.box.fill("")
    await pressed(tab.answer.locator("[data-action=copy]"), "data-copied")
    await tab.box.press("Control+V")
    await expect(tab.box).to_have_value(MARKDOWN)


CODE_AND_FORMULAS: Final = r"""So $x_1^2$ costs $5, and \(y\) is:

$$
\frac{a}{b} = \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}
$$

A half one: $\frac{a$, and a wrong one: $\nonesuch$.

```python
def strike(prey: str) -> str:
    return f"caught {prey} & <more>"  # quick
```

| row | formula |
| --- | --- |
| 1 | $\pmb{z}$ |

```mermaid
graph TD; A["<img src=x onerror=__x=1>"]
```
"""


async def test_code_is_coloured_and_formulas_are_drawn_under_the_strict_policy(visitors: Visitors) -> None:
    visitor = await arrive(visitors)
    tab = await visitor.open()
    await tab.ask(scripted(CODE_AND_FORMULAS, size=3, rate=400))

    for drawn in (tab, await visitor.open(f"/c/{await tab.conversation_id()}")):
        await expect(drawn.body.locator(".math > math")).to_have_count(4)
        await expect(drawn.body.locator(".math:not(:has(math))")).to_have_text([r"$\frac{a$", r"$\nonesuch$"])
        await expect(drawn.body.locator("pre.code-content").first.locator(".code-keyword").first).to_have_text("def")
        await expect(drawn.body.locator("code").first).to_have_text(re.compile("caught {prey} & <more>"))
        await expect(drawn.body.locator("code.language-mermaid *")).to_have_count(0)
        await expect(drawn.body).to_contain_text("costs $5, and")
        await check(drawn.page)


async def test_code_and_formulas_stay_text_when_their_modules_cannot_be_loaded(visitors: Visitors) -> None:
    visitor = await visitors()
    await visitor.context.route("**/vendor/{highlight,temml}-*/**/*.js", lambda route: route.abort())
    visitor.watch.expect(r"console: Failed to load resource: net::ERR_FAILED")
    tab = await visitor.open()
    async with tab.page.expect_event("requestfailed"):
        await tab.ask(scripted(CODE_AND_FORMULAS, size=100))

    await expect(tab.body.locator(".math").first).to_have_text("$x_1^2$")
    await expect(tab.body.locator("code").first).to_contain_text("caught {prey} & <more>")


async def test_an_image_is_loaded_only_on_click(visitors: Visitors) -> None:
    visitor = await visitors()
    address = "https://pictures.example/heron.png?a=1&b=2"
    asked: list[str] = []

    async def answer(route: Route) -> None:
        headers = await route.request.all_headers()
        asked.append(
            f"{route.request.url} {headers.get('referer', 'no referrer')} {headers.get('cookie', 'no cookie')}"
        )
        await route.fulfill(content_type="image/svg+xml", body=PICTURE)

    await visitor.context.route("https://pictures.example/**", answer)
    visitor.watch.allow("/image")
    visitor.watch.expect(r"request to elsewhere: https://pictures\.example/heron\.png")
    tab = await visitor.open()
    await tab.ask(scripted(f"A bird: ![a heron]({address}), and ![a trap](/accounts/logout/).", size=2, rate=500))
    assert asked == []
    assert await tab.body.locator("img, iframe").count() == 0
    await expect(tab.body.locator(".image-placeholder").last).to_have_text("a trap")
    await expect(tab.body.locator("[data-action=load-image]")).to_have_count(1)

    await tab.body.locator("[data-action=load-image]").click()
    picture = tab.body.frame_locator("iframe").locator("img")
    await expect(picture).to_have_js_property("naturalWidth", 40)
    assert asked == [f"{address} no referrer no cookie"]
    await expect(tab.body.locator(".image-placeholder").first.locator("a")).to_be_focused()
    # The page itself still blocks all images.
    assert await tab.page.evaluate(LOADS, "https://pictures.example/other.png") == "error"
    visitor.watch.expect(
        r"policy: img-src", r"console: .*Content Security Policy", "request to elsewhere: .*/other.png"
    )
    assert len(asked) == 1


async def test_code_lines_are_wrapped_on_demand(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask(scripted("```\n" + "word " * 200 + "\n```\n", size=500))
    pre = tab.body.locator("pre")
    assert await pre.evaluate("it => it.scrollWidth > it.clientWidth")
    await tab.body.locator("[data-action=wrap-code]").click()

    assert await pre.evaluate("it => it.scrollWidth === it.clientWidth && it.clientHeight > 60")


# Draws a text as a saved message.
DRAW: Final = """async (text) => {
  const { renderMarkdown } = await import("/static/js/markdown/stream.js");
  const body = document.querySelector("main").appendChild(document.createElement("div"));
  body.id = "drawn";
  body.className = "message__body markdown";
  renderMarkdown(body, text);
}"""
EXPLOSIONS: Final = {
    "java": "_A" * 15_000,
    "csharp": "_A" * 15_000,
    "typescript": "a" * 30_000,
    "javascript": "a$" * 15_000,
    "css": "/*" + " " * 30_000,
}


async def test_code_that_takes_too_long_stays_plain_and_other_code_is_coloured(visitors: Visitors) -> None:
    visitor = await arrive(visitors)
    tab = await visitor.open()
    blocks = [f"```{language}\n{code}\n```\n" for language, code in EXPLOSIONS.items()]
    await tab.page.evaluate(DRAW, "\n".join([*blocks, '```python\ndef strike():\n    return "caught"\n```\n']))
    drawn = tab.page.locator("#drawn")

    await expect(drawn.locator("code.language-python .code-keyword").first).to_have_text("def")
    await expect(drawn.locator("code.language-java span")).to_have_count(0)
    assert await drawn.locator("code.language-java").text_content() == EXPLOSIONS["java"] + "\n"
    # The page itself never loaded the library.
    loaded = await tab.page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    assert [name for name in loaded if "vendor/highlight" in name] == []
    await check(tab.page)


async def test_only_the_worker_script_can_be_started(visitors: Visitors) -> None:
    visitor = await arrive(visitors)
    tab = await visitor.open()
    started = await tab.page.evaluate(
        """() => ["/static/js/chat.js", "data:text/javascript,1"].map((address) => {
            try { new Worker(address); return "started"; } catch (error) { return error.name; }
        })"""
    )
    assert started == ["TypeError", "TypeError"]
    made = await tab.page.evaluate(
        """() => {
            try { trustedTypes.createPolicy("other", {}); return "made"; } catch (error) { return error.name; }
        }"""
    )
    assert made == "TypeError"
    visitor.watch.expect("policy: (require-)?trusted-types", "console: .*(Trusted|trusted|policy)")


# Each of these froze the page for seconds when the browser determined the direction of blocks.
GROWING: Final = {"items": "-\n", "code": "`a` ", "breaks": "<br>", "emphasis": "**_* ", "table": "|c|d|\n"}
# A fixed piece of work, 30 to 60 ms long: what a task takes is counted in these, as machines differ.
UNIT: Final = """() => {
  let sum = 0;
  for (let number = 0; number < 4e7; number += 1) sum += Math.sqrt(number);
  return sum;
}"""
DRAW_PIECES: Final = """async ({ head, piece, count }) => {
  const { renderMarkdown } = await import("/static/js/markdown/stream.js");
  const turn = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const body = document.querySelector("main").appendChild(document.createElement("div"));
  body.className = "message__body markdown";
  renderMarkdown(body, head + piece.repeat(count) + "\\n\\nthe end");
  while (!body.textContent.endsWith("the end")) await turn();
  await turn();
  body.remove();
  await turn();
}"""
FLOOR_SECONDS: Final = 0.1
MOST_GROWTH: Final = 3.5
LONGEST_TASK: Final = 4.0


@pytest.mark.parametrize("kind", GROWING)
async def test_rendering_time_is_linear_and_never_blocks_the_page(visitor: Visitor, kind: str) -> None:
    """In time of the processor: the clock's includes the machine's other work."""
    tab = await visitor.open()
    piece = GROWING[kind]
    text = {"head": "|a|b|\n|-|-|\n" if kind == "table" else "", "piece": piece}
    await tab.page.evaluate(DRAW_PIECES, {**text, "count": 100})

    async with traced(tab.page) as unit:
        await tab.page.evaluate(UNIT)
    async with traced(tab.page) as once:
        await tab.page.evaluate(DRAW_PIECES, {**text, "count": 50_000 // len(piece)})
    async with traced(tab.page) as twice:
        await tab.page.evaluate(DRAW_PIECES, {**text, "count": 100_000 // len(piece)})
    assert sum(twice) < MOST_GROWTH * max(sum(once), FLOOR_SECONDS)
    assert max(*once, *twice) < LONGEST_TASK * max(unit)


async def test_automatic_text_direction_blocks_the_page(visitor: Visitor) -> None:
    """The control: the time for a list whose direction the browser determines."""
    tab = await visitor.open()
    made = await tab.page.evaluate(
        """() => {
          const timed = (direction, count) => {
            const list = document.querySelector("main").appendChild(document.createElement("ul"));
            list.setAttribute("dir", direction);
            const start = performance.now();
            for (let item = 0; item < count; item += 1) list.appendChild(document.createElement("li"));
            const took = performance.now() - start;
            list.remove();
            return took;
          };
          timed("auto", 100);
          return { auto: timed("auto", 10_000), ltr: timed("ltr", 10_000) };
        }"""
    )
    assert made["auto"] > 10 * made["ltr"]


@pytest.mark.parametrize("opening", ["<think>\n", ""])
async def test_a_thought_in_tags_is_not_part_of_the_answer(visitor: Visitor, opening: str) -> None:
    tab = await visitor.open()
    await tab.ask(scripted(f"{opening}First add.\n\n- then check\n</think>\n\nThe sum is **4**.", size=3, rate=200))

    await expect(tab.body).to_have_text("The sum is 4.")
    await expect(tab.answer.locator(".message__reasoning")).to_contain_text("then check")
    await tab.reload()
    await expect(tab.body).to_have_text("The sum is 4.")
