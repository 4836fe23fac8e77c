import assert from "node:assert/strict";
import { test } from "node:test";

import { parseHTML } from "linkedom";

import { loadDialect } from "../../../static/js/markdown/late_dialect.js";
import { MarkdownStream, renderMarkdown } from "../../../static/js/markdown/stream.js";

// Without page.js, which has everything loaded.
const { document } = parseHTML("<!doctype html><html><body></body></html>");
const OPTIONS = { location: "https://chat.example/c/0", dressing: { dress: () => {} } };
const element = () => document.createElement("div");

// One test, because it can be late only once.
test("text with a sign of the dialect is redrawn when that is loaded, and nothing else is", async () => {
  const [saved, plain, replaced, open, pictures, linked] = Array.from({ length: 6 }, element);
  renderMarkdown(saved, "an $x^2$\n", OPTIONS);
  renderMarkdown(plain, "just **text**", OPTIONS);
  renderMarkdown(linked, "[![a](https://a.example/a.png)](https://b.example/)", OPTIONS);
  renderMarkdown(pictures, "$x$ ![a](https://a.example/a.png) ![b](https://a.example/b.png)", OPTIONS);
  const picture = document.createElement("iframe");
  pictures.querySelector('[data-image="https://a.example/b.png"] button').replaceWith(picture);
  renderMarkdown(replaced, "$a$", OPTIONS);
  replaced.replaceChildren();
  renderMarkdown(replaced, "other", OPTIONS);
  const stream = new MarkdownStream(open, OPTIONS);
  stream.push("H<su");
  stream.push("b>2</sub>O, **o");
  const [paragraph, link] = [plain.firstChild, linked.firstChild];
  assert.equal(saved.textContent, "an $x^2$");
  assert.match(open.textContent, /<sub>/);

  await loadDialect();

  assert.equal(saved.querySelector(".math").getAttribute("data-tex"), "x^2");
  assert.ok(plain.firstChild === paragraph);
  assert.ok(linked.firstChild === link, "an image in a link is not a sign");
  assert.ok(pictures.querySelector(".math"));
  assert.ok(pictures.querySelector('[data-image="https://a.example/b.png"]').contains(picture), "a loaded image stays");
  assert.equal(pictures.querySelectorAll("[data-image] button").length, 1);
  assert.equal(replaced.textContent, "other");
  assert.equal(open.querySelector("sub").textContent, "2");
  stream.push("pen** end");
  stream.finish();
  assert.equal(stream.text, "H<sub>2</sub>O, **open** end");
  assert.equal(open.querySelector("strong").textContent, "open");
  assert.equal(open.children.length, 1);
});
