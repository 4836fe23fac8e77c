import assert from "node:assert/strict";
import { test } from "node:test";

import { ANSWERS } from "./answers.js";
import { chance, inRandomChunks, serialised, stream, streamed, whole } from "./page.js";

const BLOCKS = "p, h1, h2, h3, h4, h5, h6, ul, ol, li, blockquote, pre, table, tr, th, td, hr, div.math";

/** The blocks in the order of their start. Only the end of a list shows whether its items are paragraphs. */
function blocksOf(container) {
  return [...container.querySelectorAll(BLOCKS)].filter((block) => block.localName !== "p" || block.parentElement.localName !== "li").map(named);
}

function named(block) {
  let depth = 0;
  for (let node = block.parentElement; node; node = node.parentElement) depth += Number(/^(li|blockquote|td|th)$/.test(node.localName));
  return `${block.localName} ${depth}`;
}

/** The text read. White space at the end comes and goes with the words after it. */
const wordsOf = (container) => container.textContent.replace(/\s+/g, "");

/** Each state that a reader sees, character by character, except at the end of the text. */
function* states(text) {
  const { container, markdown } = stream();
  for (const character of text) {
    markdown.push(character);
    yield container;
  }
}

function last(text) {
  let container;
  for (container of states(text));
  return container;
}

for (const [name, text] of Object.entries(ANSWERS)) {
  test(`${name}: no shown block is ever taken back`, () => {
    const wanted = blocksOf(whole(text));
    let shown = 0;
    for (const container of states(text)) {
      const blocks = blocksOf(container);
      assert.deepEqual(blocks, wanted.slice(0, blocks.length), `after ${JSON.stringify(container.textContent.slice(-40))}`);
      shown = Math.max(shown, blocks.length);
    }
    // Text may be held back until the end is known.
    assert.ok(shown >= wanted.length - 2, `${shown} of ${wanted.length}`);
  });

  // A link with a late definition is shown as written until then.
  if (!/^\[[^\]]+\]:/m.test(text)) {
    test(`${name}: no shown character is ever taken back`, () => {
      const wanted = wordsOf(last(text));
      let furthest = 0;
      for (const container of states(text)) {
        const words = wordsOf(container);
        assert.ok(wanted.startsWith(words), `${JSON.stringify(words.slice(-60))} is not in ${JSON.stringify(wanted.slice(Math.max(0, words.length - 60), words.length + 20))}`);
        furthest = Math.max(furthest, words.length);
      }
      assert.equal(furthest, wanted.length);
    });
  }

  test(`${name}: streamed, it equals the whole`, () => {
    const expected = serialised(whole(text));
    assert.equal(serialised(streamed([...text]).container), expected);
    const random = chance(7);
    for (let round = 0; round < 5; round += 1) assert.equal(serialised(streamed(inRandomChunks(text, random, 40)).container), expected);
  });
}
