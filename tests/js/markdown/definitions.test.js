import assert from "node:assert/strict";
import { test } from "node:test";

import { inChunks, serialised, streamed, whole } from "./page.js";

/** The text a reader sees. */
function visible(container) {
  const copy = container.cloneNode(true);
  for (const hidden of copy.querySelectorAll("[hidden]")) hidden.remove();
  return copy.textContent;
}

const links = (text) => [...whole(text).querySelectorAll("a")].map((link) => [link.textContent, link.getAttribute("href")]);

function assertStreams(text) {
  for (const size of [1, 3, 7]) assert.equal(serialised(streamed(inChunks(text, size)).container), serialised(whole(text)), text);
}

test("text that only looks like a definition stays text", () => {
  for (const text of ["[Answer]: 42", "[INFO]: started\n[WARN]: slow", "[Note]: /not/a/link", "[12:01]: error:bad", "> [a]: b\n> c"]) {
    const words = visible(whole(text)).replace(/\s/g, "");
    assert.equal(words, text.replace(/^> /gm, "").replace(/\s/g, ""));
    assertStreams(text);
  }
});

test("a definition that a link uses is hidden, wherever it is", () => {
  for (const text of ["See [a].\n\n[a]: https://a.example\n", "[a]: https://a.example \"T\"\n\nSee [a].\n", "[a]:\nhttps://a.example\n\nSee [a]\n"]) {
    assert.match(visible(whole(text)).trim(), /^See a\.?$/, text);
    assertStreams(text);
  }
});

test("a definition that no link uses is shown at the end", () => {
  const text = "Sources\n\n[Docs]: https://docs.example/a \"Title\"\n\nend\n";
  assert.match(visible(whole(text)), /\[Docs\]: https:\/\/docs\.example\/a "Title"/);
  assertStreams(text);
});

test("a markdown comment is hidden", () => {
  assert.equal(visible(whole("a\n\n[//]: # (a comment)\n")).trim(), "a");
});

test("two citations are two links", () => {
  const text = "So it is [1][2], and [1].\n\n[1]: https://one.example\n[2]: https://two.example\n";
  assert.deepEqual(links(text), [["1", "https://one.example/"], ["2", "https://two.example/"], ["1", "https://one.example/"]]);
  assert.deepEqual(links("[text][2]\n\n[2]: https://two.example\n"), [["text", "https://two.example/"]]);
  assert.equal(visible(whole("a[1][2] b")), "a[1][2] b");
  assertStreams(text);
});

test("a cell without a column in the heading is shown", () => {
  const text = "| a | b |\n|---|---|\n| 1 | 2 | c **3** | x\\|y |\n| 4 |\n";
  const rows = [...whole(text).querySelectorAll("tbody tr")].map((row) => [...row.children].map((cell) => cell.textContent));
  assert.deepEqual(rows, [["1", "2", "c 3", "x|y"], ["4", ""]]);
  assertStreams(text);
});

test("a row with too many cells has the surplus in one cell", () => {
  const row = whole(`| a |\n|---|\n|${"x|".repeat(300)}\n`).querySelector("tbody tr");
  assert.equal(row.children.length, 129);
  assert.equal(row.textContent.replace(/\W/g, "").length, 300);
});
