import assert from "node:assert/strict";
import { test } from "node:test";

import { SAMPLES } from "./samples.js";
import { inChunks, rendered, serialised, streamed } from "./page.js";

const LENGTH = 65_536;
const MOST_PER_CHARACTER = 16;

const fill = (line) => {
  let text = "";
  for (let count = 0; text.length < LENGTH; count += 1) text += line(count);
  return text;
};

const TEXTS = {
  prose: fill((count) => SAMPLES[count % SAMPLES.length]),
  "one list": fill((count) => `- item **${count}** of a list\n`),
  "one nested list": fill((count) => `${"  ".repeat(count % 6)}- item \`${count}\`\n`),
  "one table": `| a | b |\n|---|---|\n${fill((count) => `| cell ${count} | *x* |\n`)}`,
  "one fence": `\`\`\`js\n${fill((count) => `const x${count} = ${count};\n`)}\`\`\`\n`,
  "one fence in a list": `1. item\n\n   \`\`\`js\n${fill((count) => `   const x${count} = ${count};\n`)}   \`\`\`\n`,
  "one paragraph": fill((count) => `word${count} *and* `),
  "one line of backticks in a fence": `~~~\n\`\`\`\n${"`".repeat(LENGTH)}\n~~~\n`,
  "one quote": fill((count) => `> line ${count}\n`),
  "ten thousand definitions": Array.from({ length: 10_000 }, (_, count) => `[label${count}]: /url\n`).join(""),
  "links before their definitions": `${fill((count) => `See [label${count}].\n\n`)}${Array.from({ length: 3_000 }, (_, count) => `[label${count}]: /url\n`).join("")}`,
};

for (const [name, whole] of Object.entries(TEXTS)) {
  for (const [size, text] of [[1, whole.slice(0, LENGTH / 4)], [5, whole]]) {
    test(`${name}, ${size} characters at a time, costs the parser at most ${MOST_PER_CHARACTER} times its length`, () => {
      const { container, markdown } = streamed(inChunks(text, size));
      const cost = markdown.parsedCharacters / text.length;
      assert.ok(cost <= MOST_PER_CHARACTER, `${cost.toFixed(2)} characters parsed for each received`);
      if (size === 5) assert.equal(serialised(container), serialised(rendered(text)));
    });
  }
}

test("an open fence costs the parser only its opening line", () => {
  const { markdown } = streamed(inChunks(TEXTS["one fence"], 5));
  assert.ok(markdown.parsedCharacters < 100, `${markdown.parsedCharacters}`);
});

test("one long paragraph is redrawn until its end, and never lags far behind", () => {
  const text = TEXTS["one paragraph"];
  let furthest = 0;
  let received = 0;
  streamed(inChunks(text, 50), (container) => {
    received = Math.min(received + 50, text.length);
    // Markup is not shown: two of about eleven characters of a sample.
    furthest = Math.max(furthest, received * 0.8 - container.textContent.length);
  });
  assert.ok(furthest < 100, `${furthest} characters behind`);
});
