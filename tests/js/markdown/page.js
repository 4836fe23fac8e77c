import { parseHTML } from "linkedom";

import { showUnused } from "../../../static/js/markdown/drawing.js";
import { ElementBuilder } from "../../../static/js/markdown/elements.js";
import { dialect } from "../../../static/js/markdown/dialect.js";
import { loadDialect } from "../../../static/js/markdown/late_dialect.js";
import { loadPreview } from "../../../static/js/markdown/late_preview.js";
import { BLOCKS_OF_A_PART } from "../../../static/js/markdown/parts.js";
import { createParser } from "../../../static/js/markdown/parser.js";
import { References } from "../../../static/js/markdown/references.js";
import { MarkdownStream } from "../../../static/js/markdown/stream.js";

// On a page, these are loaded later than the rest.
await Promise.all([loadDialect(), loadPreview()]);

export const LOCATION = "https://chat.example/c/0";
export const { document, window } = parseHTML("<!doctype html><html><body></body></html>");

/** Without colours and formulas, which are loaded later than the text. */
export const UNDRESSED = { dress: () => {} };

const parser = dialect(createParser());

export function element() {
  return document.createElement("div");
}

export function stream() {
  const container = element();
  return { container, markdown: new MarkdownStream(container, { location: LOCATION, dressing: UNDRESSED }) };
}

/** Streams the chunks; `look` gets the container after each of them, and at the end. */
export function streamed(chunks, look = () => {}) {
  const { container, markdown } = stream();
  for (const chunk of chunks) {
    markdown.push(chunk);
    look(container, markdown);
  }
  markdown.finish();
  look(container, markdown);
  return { container, markdown };
}

/** As the page draws a saved text: too long blocks (block_limit.js) are cut. */
export function rendered(text) {
  const { container, markdown } = stream();
  markdown.renderWhole(text);
  return container;
}

/** The text as a whole: parsed once, without any of the streaming code. */
export function whole(text) {
  const container = element();
  const source = text.replace(/\r\n?/g, "\n").replaceAll("\0", "\ufffd");
  const all = new References();
  const { result: tokens } = all.record({}, (references) => parser.parse(source, { references }));
  const nodes = new ElementBuilder(document, LOCATION, parser).build(tokens);
  container.append(...nodes.splice(0, BLOCKS_OF_A_PART));
  while (nodes.length) {
    const part = element();
    part.setAttribute("class", "markdown-part");
    part.append(...nodes.splice(0, BLOCKS_OF_A_PART));
    container.append(part);
  }
  showUnused(container, (label) => all.isUsed(label));
  return container;
}

export function markdownItHtml(text) {
  return parser.renderer.render(parser.parse(text, { references: {} }), parser.options, {});
}

/** A node as plain data, without text node splits, with sorted attributes: equal data means equal nodes. */
export function described(node) {
  if (node.nodeType === 3) return node.data;
  const attributes = [...node.attributes].map(({ name, value }) => `${name}=${value}`).sort();
  return [node.localName, attributes, ...[...node.childNodes].map(described)];
}

export const serialised = (node) => JSON.stringify(described(node));

/** A repeatable random source (mulberry32). */
export function chance(seed) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return { below: (limit) => Math.floor(next() * limit), pick: (items) => items[Math.floor(next() * items.length)] };
}

export function inChunks(text, size) {
  const chunks = [];
  for (let start = 0; start < text.length; start += size) chunks.push(text.slice(start, start + size));
  return chunks;
}

export function inRandomChunks(text, random, longest) {
  const chunks = [];
  for (let start = 0; start < text.length; ) {
    const end = start + 1 + random.below(longest);
    chunks.push(text.slice(start, end));
    start = end;
  }
  return chunks;
}
