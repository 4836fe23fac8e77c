import assert from "node:assert/strict";
import { test } from "node:test";

import { inChunks, serialised, stream, streamed, whole } from "./page.js";
import { BLOCKS_OF_A_PART } from "../../../static/js/markdown/parts.js";

const MANY = 5 * BLOCKS_OF_A_PART + 3;
const KINDS = [
  (number) => `paragraph *${number}*\n\n`,
  (number) => `# heading ${number}\n\n`,
  (number) => `\`\`\`js\nlet a${number};\n\`\`\`\n\n`,
  (number) => `| a |\n|---|\n| ${number} |\n\n`,
  (number) => `- item ${number}\n\n`,
  (number) => `see [late] ${number}\n\n`,
];
const text = Array.from({ length: MANY }, (_, number) => KINDS[(number * 7 + (number >> 4)) % KINDS.length](number)).join("");

const blocksOf = (container) => [...container.children].flatMap((child) => (child.className === "markdown-part" ? [...child.children] : [child]));

test("a long message is split into parts, streamed or whole", () => {
  const late = `${text}[late]: https://late.example\n`;
  const expected = serialised(whole(late));
  for (const size of [1, 7, 1_000, late.length]) assert.equal(serialised(streamed(inChunks(late, size)).container), expected, `${size}`);
  const container = whole(late);
  assert.equal(container.querySelectorAll(".markdown-part").length, 5);
  assert.equal(container.querySelectorAll(".markdown-part .markdown-part").length, 0);
  // The definition is one more block, which is hidden.
  assert.equal(blocksOf(container).length, MANY + 1);
  assert.ok(blocksOf(container).at(-1).hasAttribute("hidden"));
});

test("finished blocks keep their nodes and places in all parts", () => {
  const { container, markdown } = stream();
  let seen = [];
  for (const chunk of inChunks(text, 9)) {
    markdown.push(chunk);
    const now = blocksOf(container);
    assert.ok(seen.every((node, index) => now[index] === node));
    seen = now.slice(0, -4);
  }
  assert.ok(seen.length > MANY - 6);
});

test("a short message has no parts", () => {
  const container = whole("a\n\nb\n");
  assert.equal(container.querySelector(".markdown-part"), null);
});
