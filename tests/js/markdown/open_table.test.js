import assert from "node:assert/strict";
import { test } from "node:test";

import { chance, inChunks, inRandomChunks, rendered, serialised, stream, streamed, whole } from "./page.js";

const HEADING = "| a | b | c |\n|---|:-:|--:|\n";

test("rows are appended, and earlier ones keep their nodes", () => {
  const { container, markdown } = stream();
  markdown.push(`${HEADING}| 1 | *2* | 3 |\n`);
  const table = container.querySelector("table");
  const rows = [...table.querySelectorAll("tr")];
  assert.equal(rows.length, 2);
  for (const character of "| 4 | `5` | 6 |\n| 7 | 8 | 9 |\n\nafter\n\n") markdown.push(character);
  markdown.finish();
  assert.ok(container.querySelector("table") === table);
  assert.equal(table.querySelectorAll("tr").length, 4);
  assert.ok(rows.every((row, index) => table.querySelectorAll("tr")[index] === row));
  assert.equal(container.lastChild.textContent, "after");
});

test("a table has one body, and none before its first row", () => {
  const { container, markdown } = stream();
  markdown.push(HEADING);
  assert.equal(container.querySelector("tbody"), null);
  for (const line of ["| 1 |\n", "| 2 |\n"]) markdown.push(line);
  assert.equal(container.querySelectorAll("tbody").length, 1);
});

test("a row costs the parser no more than its heading and itself, twice", () => {
  const row = "| cell | *x* | y |\n";
  const { markdown } = streamed(inChunks(HEADING + row.repeat(500), 4));
  assert.ok(markdown.parsedCharacters < 500 * 2 * (HEADING.length + row.length) + 1_000, `${markdown.parsedCharacters}`);
});

test("a long heading does not make short rows expensive", () => {
  const heading = `|${" a |".repeat(100)}\n|${"---|".repeat(100)}\n`;
  const text = heading + "| 1 | 2 |\n".repeat(3_000);
  const { container, markdown } = streamed(inChunks(text, 5));
  assert.ok(markdown.parsedCharacters <= 16 * text.length, `${markdown.parsedCharacters / text.length}`);
  assert.equal(serialised(container), serialised(rendered(text)));
});

test("whatever ends a table ends it, as in the whole", () => {
  const ends = ["\n", "text\n", "# heading\n", "> quote\n", "- list\n", "1. list\n", "***\n", "```\ncode\n```\n", "    code\n", "[late]: https://late.example\n", "$$\nx\n$$\n", "\n| x | y |\n|---|---|\n| 1 |\n", "<div>\n", "| last"];
  for (const end of ends) {
    for (const tail of ["", "\nafter [late]\n\n[late]: https://l.example\n"]) {
      const text = `before\n\n${HEADING}| 1 | [late] | 3 |\nno pipes\n| 4 |\n${end}${tail}`;
      for (const chunks of [text.split(""), text.split(/(?<=\n)/), [text]]) {
        assert.equal(serialised(streamed(chunks).container), serialised(whole(text)), JSON.stringify(text));
      }
    }
  }
});

test("random tables equal the whole", () => {
  const random = chance(5);
  const lines = ["| a | b |", "|---|---|", "|:-:|", "a | b", "--- | ---", "| \\| | `x|y` |", "", "text", "- item", "   | c |", "    | d |", "|", "||", "\t|e|", "> | f |", "[x]: /u", "| [x] | $y$ |"];
  for (let round = 0; round < 600; round += 1) {
    const text = `${random.pick(["", "text\n", "\n"])}| a | b |\n|---|---|\n${Array.from({ length: random.below(8) }, () => random.pick(lines)).join("\n")}`;
    assert.equal(serialised(streamed(inRandomChunks(text, random, 9)).container), serialised(whole(text)), JSON.stringify(text));
  }
});

test("a table that lacks too many cells ends where the parser ends it", () => {
  const heading = `|${" a |".repeat(101)}\n|${"---|".repeat(101)}\n`;
  const text = `${heading}${"| 1 |\n".repeat(60)}`;
  const { container } = streamed(inChunks(text, 4_000));
  assert.equal(serialised(container), serialised(whole(text)));
  assert.equal(container.querySelectorAll("tbody > tr").length, 40);
});

test("a text with more columns than a page can show is not a table", () => {
  for (const [columns, tables] of [[128, 1], [129, 0]]) {
    const text = `|${" a |".repeat(columns)}\n|${"---|".repeat(columns)}\n`;
    assert.equal(whole(text).querySelectorAll("table").length, tables);
    assert.equal(serialised(streamed(inChunks(text, 9)).container), serialised(whole(text)));
  }
});

test("a long table is split into several in its frame, each with the heading", () => {
  const text = HEADING + "| 1 | 2 | 3 |\n".repeat(1_500);
  const { container } = streamed(inChunks(text, 50));
  assert.equal(container.children.length, 1);
  assert.deepEqual([...container.querySelectorAll("table")].map((table) => [table.querySelectorAll("thead > tr").length, table.querySelectorAll("tbody > tr").length]), [[1, 667], [1, 667], [1, 166]]);
  assert.equal(serialised(container), serialised(whole(text)));
});

test("links in rows with late definitions are created, once", () => {
  const { container, markdown } = stream();
  for (const line of [HEADING, "| [one] | 2 |\n", "| 3 | [one] |\n", "\n", "text\n\n", "[one]: https://one.example\n"]) markdown.push(line);
  const rows = [...container.querySelectorAll("tr")];
  assert.equal(container.querySelectorAll("a").length, 0);
  markdown.finish();
  assert.equal(container.querySelectorAll("a").length, 2);
  assert.ok(rows.every((row, index) => container.querySelectorAll("tr")[index] === row));
});

test("a fence begins code, even where a table could begin", () => {
  for (const text of ["```sh | sh\n--- | ---\nls\n```\n", "~~~a|b\n-|-\nls\n~~~\nend", "> ```a|b\n> -|-\n> ls\n> ```\n"]) {
    const container = whole(text);
    assert.equal(container.querySelector("table"), null, text);
    assert.match(container.querySelector("pre code").textContent, /^-+ ?\| ?-+\nls\n$/);
    for (const size of [1, 2, 5]) assert.equal(serialised(streamed(inChunks(text, size)).container), serialised(container), text);
  }
  assert.equal(whole("```a``` | b\n---|---\n").querySelector("th code").textContent, "a");
});
