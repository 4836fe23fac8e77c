import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { parseHTML } from "linkedom";

import { ANSWERS } from "./answers.js";
import { CORPUS } from "./corpus.js";
import { SAMPLES } from "./samples.js";
import { MarkdownStream, renderMarkdown } from "../../../static/js/markdown/stream.js";

const { document, MutationObserver } = parseHTML("<!doctype html><html><body></body></html>");
const OPTIONS = { location: "https://chat.example/c/0", dressing: { dress: () => {} } };
const EXAMPLES = JSON.parse(readFileSync(new URL("./gfm/examples.json", import.meta.url), "utf8")).map(({ markdown }) => markdown);
const LONG = Array.from({ length: 150 }, (_, index) => `Paragraph ${index}\n\n`).join("");
const CODE = "```js\nconst a = 1;\n```\n\n";

/** An answer being streamed when the dialect is loaded, and what its reader has seen and done before. */
function streaming(text) {
  const container = document.createElement("div");
  const markdown = new MarkdownStream(container, OPTIONS);
  markdown.push(text);
  return { container, markdown, text, before: blocksOf(container), taken: takenFrom(container) };
}

function saved(text) {
  const container = document.createElement("div");
  renderMarkdown(container, text, OPTIONS);
  return { container, text, before: blocksOf(container), taken: takenFrom(container) };
}

function blocksOf(container) {
  return [...container.children].flatMap((child) => (child.className === "markdown-part" ? [...child.children] : [child]));
}

/** Every node removed from it, even if it is inserted again: a selection would not survive that. */
function takenFrom(container) {
  const taken = new Set();
  const observer = new MutationObserver((records) => {
    for (const { removedNodes } of records) for (const node of removedNodes) taken.add(node);
  });
  observer.observe(container, { childList: true, subtree: true });
  return taken;
}

function cut(text, index) {
  // A different offset for each, the same every time.
  return Math.floor((text.length * ((index * 7) % 10)) / 10);
}

const TEXTS = [...Object.values(ANSWERS), ...Object.values(CORPUS), ...SAMPLES, ...EXAMPLES, SAMPLES.join(""), `${LONG}$x$\n\n${LONG}`];

// Before the dialect is loaded, which can be late only once.
const answer = streaming(`Some words\n\n${CODE}- [x] done\n- left **alone**\n\nan $x^2$ and more\n\nThe end`);
const button = answer.container.querySelector(".code-copy");
button.textContent = "Copied";
button.setAttribute("data-outcome", "copied");
const old = saved(`${LONG}\\[\na\n\n= b\n\\]\n\n${LONG}`);
const footnote = saved("A note[^1] here.\n\nBetween.\n\n[^1]: What it says.\n\nAfter.");
const code = streaming("a $x$\n\n```js\nconst a");
const table = streaming("a $x$\n\n| a | b |\n|---|---|\n| 1 | 2 |\n");
const list = streaming("a $x$\n\n- one\n- tw");
const late = streaming("a $x$\n\nSee [there][1] and [on][2].\n\nOn");
const undressed = [];
const dressed = document.createElement("div");
renderMarkdown(dressed, "Some **words** and $x^2$ in them", { ...OPTIONS, dressing: { dress: (roots) => undressed.push(...roots) } });
const cuts = TEXTS.map((text, index) => ({ ...streaming(text.slice(0, cut(text, index))), text }));
const wholes = TEXTS.map(saved);
const [{ rendered, serialised }] = await Promise.all([import("./page.js")]);
const after = { answer: blocksOf(answer.container), old: blocksOf(old.container), footnote: blocksOf(footnote.container) };

function endsAsWhole({ container, markdown }, text, what = text) {
  markdown.finish(text.slice(markdown.text.length));
  assert.equal(serialised(container), serialised(rendered(text)), JSON.stringify(what));
}

test("blocks that look the same keep their nodes and never move", () => {
  assert.equal(answer.container.querySelectorAll(".math").length, 1);
  assert.equal(answer.container.querySelectorAll(".task-item").length, 1);
  for (const index of [0, 1, 4]) {
    assert.ok(after.answer[index] === answer.before[index], `block ${index}`);
    assert.ok(!answer.taken.has(after.answer[index]), `block ${index}`);
  }
});

test("a button keeps its state", () => {
  assert.ok(answer.container.querySelector(".code-copy") === button);
  assert.equal(button.textContent, "Copied");
  assert.equal(button.getAttribute("data-outcome"), "copied");
});

test("unchanged parts of a changed block stay", () => {
  assert.ok(after.answer[2] === answer.before[2]);
  assert.equal(after.answer[2].children[1].textContent, "left alone");
  assert.ok(!answer.taken.has(after.answer[2].children[1]));
});

test("what is added to a kept block is dressed", () => {
  const formula = dressed.querySelector(".math");
  assert.ok(undressed.some((root) => root.contains(formula)));
});

test("merged blocks leave all others their nodes", () => {
  assert.equal(old.before.length - after.old.length, 1);
  assert.ok(after.old[150].matches(".math"));
  for (let index = 0; index < 150; index += 1) {
    assert.ok(after.old[index] === old.before[index]);
    assert.ok(after.old.at(-1 - index) === old.before.at(-1 - index));
  }
  assert.equal(serialised(old.container), serialised(rendered(old.text)));
});

test("footnotes leave the paragraphs between them", () => {
  assert.ok(after.footnote[1] === footnote.before[1]);
  assert.ok(after.footnote.at(-1) === footnote.before.at(-1));
  assert.equal(serialised(footnote.container), serialised(rendered(footnote.text)));
});

test("code being streamed continues in its block", () => {
  assert.ok(code.container.querySelector(".code-block") === code.before[1]);
  endsAsWhole(code, `${code.text} = 1;\nlast\n\`\`\`\nafter`);
  assert.ok(code.container.querySelector(".code-block") === code.before[1]);
});

test("a table being streamed continues in place", () => {
  assert.ok(table.container.querySelector(".table-scroll") === table.before[1]);
  endsAsWhole(table, `${table.text}| 3 | $y$ |\n| [a][1] | 4 |\n\n[1]: https://a.example/`);
});

test("a list being streamed continues in place", () => {
  assert.ok(list.container.querySelector("ul") === list.before[1]);
  list.markdown.push("o");
  endsAsWhole(list, `${list.text}o **three**\n- four`);
});

test("links whose definitions come even later are created", () => {
  endsAsWhole(late, `${late.text} and on.\n\n[1]: https://a.example/\n[2]: https://b.example/ "B"\n`);
  assert.equal(late.container.querySelectorAll("a").length, 2);
});

test("whatever was drawn before, the result equals the text drawn as a whole", () => {
  for (const [index, each] of cuts.entries()) endsAsWhole(each, each.text, [each.text, cut(each.text, index)]);
  for (const { container, text } of wholes) assert.equal(serialised(container), serialised(rendered(text)), JSON.stringify(text));
});
