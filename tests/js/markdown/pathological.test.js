import assert from "node:assert/strict";
import { test } from "node:test";

import { PATHOLOGICAL } from "./pathological.js";
import { document, element, inChunks, LOCATION, rendered, serialised, stream, streamed, UNDRESSED, whole } from "./page.js";
import { createParser } from "../../../static/js/markdown/parser.js";
import { MarkdownStream } from "../../../static/js/markdown/stream.js";

const LENGTH = 14_000;
const MOST_PER_CHARACTER = 16;
// For one frame: the longest block, settled, cut and drawn as a preview.
const MOST_AT_ONCE = 8 * 8_192;
// Of a slice, which is laid out in one go: about one for each of its characters.
const MOST_ELEMENTS = 5_000;

for (const [name, make] of Object.entries(PATHOLOGICAL)) {
  const text = make(LENGTH);

  test(`${name}: work is linear and bounded per frame, and streamed equals whole`, () => {
    const { container, markdown } = stream();
    let before = 0;
    for (const chunk of inChunks(text, 1_024)) {
      markdown.push(chunk);
      const parsed = markdown.parsedCharacters;
      assert.ok(parsed - before <= MOST_AT_ONCE, `${parsed - before} characters parsed in one frame`);
      before = parsed;
    }
    markdown.finish();
    assert.ok(markdown.parsedCharacters - before <= MOST_AT_ONCE, "at the end");
    const cost = markdown.parsedCharacters / text.length;
    assert.ok(cost <= MOST_PER_CHARACTER, `${cost.toFixed(2)} characters parsed for each received`);
    assert.equal(serialised(container) === serialised(rendered(text)), true);
  });

  test(`${name}: twice the text creates at most about twice the elements`, () => {
    const [once, twice] = [text, make(2 * LENGTH)].map((each) => rendered(each).querySelectorAll("*").length);
    // One block may take up most of the shorter text.
    assert.ok(twice <= Math.max(2.3 * once + 400, LENGTH), `${once}, then ${twice}`);
    assert.ok(once <= LENGTH * 2, `${once} elements of ${text.length} characters`);
  });
}

test("the chunks of a text do not affect where its long blocks are cut", () => {
  for (const name of ["items", "one word", "quotes", "one link of brackets", "reference definitions, one label", "definitions, half", "lists, nested", "breaks, hard"]) {
    const text = `before\n\n${PATHOLOGICAL[name](40_000)}\n\nafter [a]\n`;
    const wanted = serialised(rendered(text));
    for (const size of [61, 1_000, 4_096, 50_000]) assert.equal(serialised(streamed(inChunks(text, size)).container) === wanted, true, `${name}, ${size}`);
  }
});

test("a long list is cut between its items, and its numbers continue", () => {
  const text = Array.from({ length: 2_500 }, (_, index) => `${index + 1}. a\n`).join("");
  const lists = [...rendered(text).children];
  assert.deepEqual(lists.map((list) => list.getAttribute("start")), [null, "601", "1201", "1801", "2401"]);
  // Parsed in one go it is one block: only the limit makes it several.
  assert.equal(whole(text).children.length, 1);
});

test("code in a list is not split unless it is very long", () => {
  const text = `1. a\n\n   \`\`\`js\n${"   let a = 1;\n".repeat(2_500)}   \`\`\`\n`;
  assert.equal(rendered(text).children.length, 1);
});

test("a long text is drawn in slices, and not at all if another is drawn in the meantime", () => {
  const text = "word **bold** `code`\n\n".repeat(4_000);
  const container = element();
  const waiting = [];
  const options = { location: LOCATION, dressing: UNDRESSED, later: (work) => waiting.push(work) };
  new MarkdownStream(container, options).renderWhole(text);
  assert.equal(waiting.length, 1);
  const first = container.querySelectorAll("p").length;
  assert.ok(first > 0 && first < 4_000);
  waiting.pop()();
  assert.ok(container.querySelectorAll("p").length > first);

  container.replaceChildren();
  new MarkdownStream(container, options).renderWhole("other");
  while (waiting.length) waiting.pop()();
  assert.equal(container.textContent, "other");
});

/** Draws a whole text; `look` sees each time that the browser is asked to lay out what there is, and the end. */
function laidOut(text, look) {
  const container = element();
  const markdown = new MarkdownStream(container, { location: LOCATION, dressing: UNDRESSED, later: (work) => work() });
  const see = () => look(container, markdown);
  Object.defineProperty(document.body, "offsetHeight", { configurable: true, get: see });
  markdown.renderWhole(text);
  delete document.body.offsetHeight;
  see();
}

test("what a long text makes is laid out before much more is made", () => {
  for (const name of ["empty items", "empty items of two kinds", "block quotes, nested and lazy", "breaks", "tags, many", "quotes, many"]) {
    let [elements, most] = [0, 0];
    laidOut(PATHOLOGICAL[name](40_000), (container) => {
      const count = container.querySelectorAll("*").length;
      most = Math.max(most, count - elements);
      elements = count;
    });
    assert.ok(most <= MOST_ELEMENTS, `${name}: ${most} elements`);
  }
});

test("no letter has more marks than a browser can put on it, however they come", () => {
  for (const mark of ["\u0301", "\u064e", "\u{1e130}"]) {
    const text = `a${mark.repeat(30)} a${mark.repeat(1_000)}b\n`;
    const wanted = serialised(rendered(text));
    assert.doesNotMatch(wanted, /\p{M}{31}/u);
    // All of them are there, on a circle only where there are more than thirty.
    assert.equal(JSON.parse(wanted)[2][2].replaceAll("\u25cc", ""), text.trim());
    assert.equal(wanted.split("\u25cc").length, 1 + Math.floor(999 / 30));
    for (const size of [1, 2, 29, 30, 31, 61, 400]) {
      const { container, markdown } = streamed(inChunks(text, size));
      assert.equal(serialised(container), wanted, `${size} at a time`);
      assert.equal(markdown.text, text);
    }
  }
});

test("nobody looks for the end of an address that makes no link anyway", () => {
  const { linkify } = createParser();
  const [other, ours] = ["//a.example/b", "https://a.example/b"];
  assert.equal(linkify.testSchemaAt(other, "//", 2), 0);
  assert.ok(linkify.testSchemaAt(ours, "https:", 6) > 0);
  assert.equal(rendered(other).querySelector("a"), null);
});

test("long blocks whose links are defined late are drawn again a few at a time", () => {
  let [parsed, most] = [0, 0];
  laidOut(PATHOLOGICAL["long paragraphs with links that are defined late"](200_000), (_, { parsedCharacters }) => {
    most = Math.max(most, parsedCharacters - parsed);
    parsed = parsedCharacters;
  });
  assert.ok(most <= MOST_AT_ONCE, `${most} characters parsed in one go`);
});
