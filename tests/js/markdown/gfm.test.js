import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { parseHTML } from "linkedom";

import { plain } from "./bare.js";
import { DEVIATIONS } from "./gfm/deviations.js";
import { chance, described, inRandomChunks, serialised, streamed, whole } from "./page.js";

const EXAMPLES = JSON.parse(readFileSync(new URL("./gfm/examples.json", import.meta.url), "utf8"));
/** The examples of what GitHub adds to CommonMark. */
const EXTENSIONS = EXAMPLES.filter(({ source, flags, section }) => (source === "gfm" && flags) || (source === "ext" && section));

const nameOf = ({ source, number }) => `${source} ${number}`;

test("it contains all examples of the GFM specification and of its extensions", () => {
  assert.equal(EXAMPLES.filter(({ source }) => source === "gfm").length, 673);
  assert.equal(EXAMPLES.length, 701);
});

test("every GFM example streamed by character equals the example rendered as a whole", () => {
  for (const { markdown } of EXAMPLES) {
    assert.equal(serialised(streamed([...markdown]).container), serialised(whole(markdown)), JSON.stringify(markdown));
  }
});

test("every GFM example in random chunks equals the example rendered as a whole", () => {
  const random = chance(29);
  for (const { markdown } of EXAMPLES) {
    assert.equal(serialised(streamed(inRandomChunks(markdown, random, 9)).container), serialised(whole(markdown)), JSON.stringify(markdown));
  }
});

test("extensions look as on GitHub, except for the listed deviations", () => {
  const differing = EXTENSIONS.filter(({ markdown, html }) => {
    const { document } = parseHTML(`<!doctype html><html><body><div>${html.replace(/<!--.*?-->/gs, "")}</div></body></html>`);
    return JSON.stringify(plain(described(whole(markdown)))) !== JSON.stringify(plain(described(document.querySelector("div"))));
  }).map(nameOf);
  assert.deepEqual(differing, Object.keys(DEVIATIONS));
});
