import assert from "node:assert/strict";
import { test } from "node:test";

import { parseHTML } from "linkedom";

import { loadPreview } from "../../../static/js/markdown/late_preview.js";
import { MarkdownStream } from "../../../static/js/markdown/stream.js";

// Without page.js, which has everything loaded.
const { document } = parseHTML("<!doctype html><html><body></body></html>");
const OPTIONS = { location: "https://chat.example/c/0", dressing: { dress: () => {} } };
const word = (/** @type {number} */ number) => `${String(number).padStart(6, "0")} `;
const words = (/** @type {number} */ from, /** @type {number} */ to) => Array.from({ length: to - from }, (_, at) => word(from + at)).join("");

// One test, because it can be late only once.
test("all text is shown while the preview is not loaded, and after that", async () => {
  const container = document.createElement("div");
  const stream = new MarkdownStream(container, OPTIONS);

  // One long paragraph, which the work credit does not let parse with every push.
  for (let number = 0; number < 4_000; number += 20) {
    stream.push(words(number, number + 20));
    assert.ok(container.textContent.endsWith(word(number + 19).trim()), `until ${number + 19}`);
  }

  await loadPreview();

  for (let number = 4_000; number < 4_400; number += 20) {
    stream.push(words(number, number + 20));
    assert.ok(container.textContent.trimEnd().endsWith(word(number + 19).trim()), `until ${number + 19}, loaded`);
  }
  const parsed = stream.parsedCharacters;
  for (let number = 4_400; number < 4_600; number += 1) stream.push(word(number));
  assert.ok(container.textContent.trimEnd().endsWith(word(4_599).trim()));
  assert.ok(stream.parsedCharacters - parsed < 5 * 8_192 + 16 * 1_400, "credit counts again");
});
