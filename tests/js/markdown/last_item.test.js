import assert from "node:assert/strict";
import { test } from "node:test";

import { inChunks, serialised, stream, whole } from "./page.js";

const LINES = 250;

/** The largest number of finished lines of a long block that are not drawn as what they are yet. */
function furthestBehind(line, { selector, heading = "" }) {
  const { container, markdown } = stream();
  markdown.push(heading);
  let behind = 0;
  let text = heading;
  for (let count = 0; count < LINES; count += 1) {
    for (const chunk of inChunks(line(count), 5)) markdown.push(chunk);
    text += line(count);
    const difference = count + 1 - container.querySelectorAll(selector).length;
    assert.ok(difference >= 0, `${-difference} too many`);
    behind = Math.max(behind, difference);
  }
  markdown.finish();
  assert.equal(serialised(container), serialised(whole(text)));
  assert.ok(markdown.parsedCharacters <= 16 * text.length, `${markdown.parsedCharacters / text.length}`);
  return behind;
}

test("the items of a long list appear as items while it grows", () => {
  const behind = furthestBehind((count) => `- item **${count}** of a list with some words\n`, { selector: "li" });
  assert.ok(behind <= 2, `${behind} items behind`);
});

test("so do those of a loose ordered list, as paragraphs", () => {
  const behind = furthestBehind((count) => `${count + 1}. item *${count}* of a list\n\n     with more text\n\n`, { selector: "li > p + p" });
  assert.ok(behind <= 2, `${behind} items behind`);
});

test("so do those of a nested list", () => {
  const behind = furthestBehind((count) => `${count % 4 ? "  " : ""}- item \`${count}\` of a list\n`, { selector: "li" });
  assert.ok(behind <= 3, `${behind} items behind`);
});

test("the rows of a long table appear as rows while it grows", () => {
  const behind = furthestBehind((count) => `| cell ${count} | *emphasis* | some more text |\n`, {
    selector: "tbody > tr",
    heading: "| a | b | c |\n|---|:-:|---|\n",
  });
  assert.ok(behind <= 2, `${behind} rows behind`);
});

test("lists that end repeatedly are drawn once each", () => {
  const behind = furthestBehind((count) => `${count + 1}. item *${count}*\n\n   with more text\n\n`, { selector: "li" });
  assert.ok(behind >= 0 && behind <= 2, `${behind} items behind`);
});

test("text after a long list appears below it before the list has settled", () => {
  const { container, markdown } = stream();
  for (let count = 0; count < LINES; count += 1) for (const chunk of inChunks(`- item ${count} with words\n`, 5)) markdown.push(chunk);
  for (const chunk of inChunks("\nA paragraph **after** the list\n", 5)) markdown.push(chunk);
  assert.equal(container.querySelectorAll("li").length, LINES);
  assert.match(container.lastChild.textContent, /^A paragraph/);
  assert.equal(container.lastChild.localName, "p");
});

test("earlier items of a long list keep their nodes", () => {
  const { container, markdown } = stream();
  for (let count = 0; count < 50; count += 1) markdown.push(`- item ${count} with words\n`);
  const items = [...container.querySelectorAll("li")].slice(0, 40);
  for (let count = 50; count < LINES; count += 1) for (const chunk of inChunks(`- item ${count} with words\n`, 5)) markdown.push(chunk);
  assert.ok(items.every((item, index) => container.querySelectorAll("li")[index] === item));
});
