import assert from "node:assert/strict";
import { test } from "node:test";

import { stream, streamed } from "./page.js";

/** The markup of the content after each character. */
function steps(text) {
  const seen = [];
  const { container, markdown } = stream();
  for (const character of text) {
    markdown.push(character);
    seen.push(container.innerHTML);
  }
  return seen;
}

function assertNever(text, pattern) {
  for (const html of steps(text)) assert.doesNotMatch(html, pattern, JSON.stringify(text));
}

test("a list after a line never looks like a heading", () => {
  assertNever("items:\n- a", /<h2|<hr/);
  assertNever("items:\n- a\n- b\n", /<h2/);
  assertNever("items:\n--- a", /<h2/);
});

test("a line of text never looks like a heading or a rule", () => {
  assertNever("Para\n=b", /<h1/);
  assertNever("Para\n***bold***", /<hr/);
  assertNever("Para\n#tag", /<h1/);
  assertNever("Para\n1. x", /Para\n1/);
});

test("an underlined line becomes a heading, and its underline never looks like a list, a rule or text", () => {
  for (const text of ["Title\n=====\n\nText", "Title\n---\n\nText", "Two\nlines\n--\nText"]) assertNever(text, /<hr|<[uo]l|[=-]{1,}</);
  assert.match(steps("Title\n---\n").at(-1), /<h2[^>]*>Title</);
});

test("a table never looks like a paragraph", () => {
  assertNever("| a | b |\n|---|---|\n| 1 | 2 |\n", /<p/);
  assertNever("text\n\n| a | b |\n|:--|--:|\n| 1 | 2 |\n", /\|/);
});

test("table rows that never become a table are shown", () => {
  const { container, markdown } = stream();
  markdown.push("| a | b |\nnot a delimiter");
  assert.match(container.textContent, /\| a \| b \|not a delimiter/);
});

test("a definition is never shown", () => {
  for (const html of steps("[a]: https://a.example\n\n")) assert.match(html, /^(?:<p [^>]*hidden[^>]*>.*<\/p>)?$/);
});

test("a task never shows its brackets", () => {
  assertNever("- [ ] open\n- [x] done\n", /\[/);
});

test("incomplete emphasis, code and strikethrough look finished", () => {
  assertNever("so **bold** and *em* and `code` and ~~old~~ and ***both*** end", /\*|`|~/);
  assert.match(steps("a **b").at(-1), /<strong>b<\/strong>/);
  assert.match(steps("a `b").at(-1), /<code[^>]*>b<\/code>/);
  assert.match(steps("a **b *c").at(-1), /<strong>b <em>c<\/em><\/strong>/);
  assert.match(steps("a ~~b").at(-1), /<s>b<\/s>/);
});

test("an incomplete link is its text, an incomplete image is hidden", () => {
  const link = steps("see [the text](https://a.example \"title\") now");
  for (const html of link) assert.doesNotMatch(html.replace(/<[^>]*>/g, ""), /[[\]()]/);
  const image = steps("see ![the text](https://a.example/x.png) now");
  for (const html of image.slice(0, -5)) assert.ok(!/the text/.test(html) || /image-placeholder/.test(html), html);
  assertNever("see ![the text](https://a.example/x.png) now", /\(|\]/);
});

test("incomplete tags and autolinks never show their brackets", () => {
  assertNever("a<br>b and H<sub>2</sub>O", /&lt;/);
  assertNever("see <https://a.example/> now", /&lt;|&gt;/);
});

test("array indexes and plain brackets stay", () => {
  assert.match(steps("use a[0").at(-1), /a\[0/);
  assert.match(steps("[1] and [2] are notes").at(-1), /\[1\] and \[2\]/);
});

test("anticipated markup is not kept", () => {
  const { container } = streamed("a **b\n\nc `d\n\ne [f](g".split(""));
  assert.equal(container.textContent, "a **bc `de [f](g");
  assert.equal(container.querySelector("strong, code"), null);
});

test("an open fence shows its code at once, and never its closing fence", () => {
  const seen = steps("```js\nlet a;\n``\n```\nafter\n\n");
  assert.ok(seen.some((html) => /<code [^>]*class="language-js"[^>]*>let a<\/code>/.test(html)));
  for (const html of seen) assert.doesNotMatch(html, /```/);
});

test("held text is shown when the text ends", () => {
  for (const text of ["- ", "#", "| a |", "[a]: ", "**", "x\n1", "```", "> "]) {
    const { container } = streamed(text.split(""));
    assert.ok(container.childNodes.length > 0, JSON.stringify(text));
  }
});

/** Words separated by a space or a line break. */
function wordsOf(block) {
  const copy = block.cloneNode(true);
  for (const end of copy.querySelectorAll("br")) end.replaceWith(" ");
  return copy.textContent.split(/\s+/).filter(Boolean);
}

test("no space or line break between words is missing while a long paragraph waits for its next parse", () => {
  for (const end of [" ", "\n", "  ", " \n "]) {
    const { container, markdown } = stream();
    for (let number = 1000; number < 3000; number += 1) {
      markdown.push(`word${number}${end}`);
      const shown = [...container.children].flatMap((block) => wordsOf(block));
      assert.ok(shown.every((word) => /^word\d{4}$/.test(word)), `${JSON.stringify(end)}: ${shown.at(-1)}`);
      // A word at the start of a line may be held back.
      assert.ok(shown.length >= number - 1000, `${shown.length} words of ${number - 999}`);
    }
  }
});

test("a caret position before the end survives", () => {
  const { container, markdown } = stream();
  markdown.push("first line\nsecond line");
  const text = container.firstChild.firstChild;
  markdown.push(" goes on\n- list\n- more");
  assert.ok(container.firstChild.firstChild === text);
});
