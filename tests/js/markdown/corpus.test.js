import assert from "node:assert/strict";
import { test } from "node:test";

import { CORPUS } from "./corpus.js";
import { chance, inChunks, inRandomChunks, serialised, stream, streamed, whole } from "./page.js";

const WORD = /[\p{L}\p{N}\p{M}]+/gu;
const SHOWN = ["href", "title", "data-tex", "data-image"];
// Hidden or shown differently: tags, comments, alert types, link labels, entities, item numbers.
const MARKUP = [
  /<!--[^]*?-->/g,
  /<\/?(?:details|summary|br|b|i|u|sub|sup|kbd|mark)>/g,
  /\[!(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]/g,
  /\]\[docs\]/g,
  /^\[(?:docs|1|2)\]:/gm,
  /&#?\w+;/g,
  /^ *\d+[.)] |\[x\]/gm,
  /\btitle="|```math/g,
  /\/etc\/passwd|javascript:alert|\(picture\.png\)/g,
];
const CJK = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}\u3000-\u303f\uff00-\uffef]/u;

/** Everything a reader can reach. */
function shownIn(container) {
  const copy = container.cloneNode(true);
  for (const hidden of copy.querySelectorAll("[hidden]")) hidden.remove();
  const attributes = [...copy.querySelectorAll("*")].flatMap((element) => SHOWN.map((name) => element.getAttribute(name) ?? ""));
  return [copy.textContent, ...attributes].join("\n");
}

function count(text, word) {
  return text.split(word).length - 1;
}

function lost(text, container) {
  const shown = shownIn(container);
  const source = MARKUP.reduce((rest, pattern) => rest.replace(pattern, " "), text);
  return [...new Set(source.match(WORD))].filter((word) => count(shown, word) < (source.match(WORD) ?? []).filter((each) => each === word).length);
}

const inline = (container) => [...container.querySelectorAll("span.math:not(.math-display)")];

/** The same text with other delimiters around its inline formulas. */
function rewritten(text, [opening, closing]) {
  return inline(whole(text)).reduce((rest, formula) => {
    const source = formula.textContent;
    return /^(?:\$[^`$]|\\\()/.test(source) ? rest.replace(source, () => `${opening}${formula.getAttribute("data-tex")}${closing}`) : rest;
  }, text);
}

/** The drawing, whatever the delimiters. */
function drawing(text) {
  const container = whole(text);
  for (const formula of inline(container)) formula.textContent = formula.getAttribute("data-tex");
  return serialised(container);
}

test("there are many documents", () => {
  assert.ok(Object.keys(CORPUS).length >= 150, `${Object.keys(CORPUS).length}`);
});

for (const [name, text] of Object.entries(CORPUS)) {
  test(`${name}: every word is shown`, () => assert.deepEqual(lost(text, whole(text)), []));

  test(`${name}: streamed, it equals the whole`, () => {
    const expected = serialised(whole(text));
    for (const size of [1, 2, 3, 7, 50]) assert.equal(serialised(streamed(inChunks(text, size)).container), expected, `${size}`);
    const random = chance(name.length);
    for (let round = 0; round < 5; round += 1) assert.equal(serialised(streamed(inRandomChunks(text, random, 20)).container), expected);
  });

  test(`${name}: in frames of three characters, no heading shows its marks`, () => {
    const { container, markdown } = stream();
    for (const chunk of inChunks(text, 3)) {
      markdown.push(chunk);
      const shown = container.cloneNode(true);
      for (const code of shown.querySelectorAll("pre, code, .math")) code.remove();
      assert.doesNotMatch(shown.textContent, /###|^#{1,6}\s/m);
    }
  });
}

test("dollars and brackets draw the same formulas", () => {
  let compared = 0;
  for (const [name, text] of Object.entries(CORPUS)) {
    for (const delimiters of [["$", "$"], ["\\(", "\\)"]]) {
      const other = rewritten(text, delimiters);
      compared += Number(other !== text);
      assert.equal(drawing(other), drawing(text), name);
    }
  }
  assert.ok(compared > 40, `${compared}`);
});

test("no formula contains prose in a script that formulas do not use", () => {
  for (const [name, text] of Object.entries(CORPUS)) {
    for (const formula of whole(text).querySelectorAll(".math")) {
      assert.doesNotMatch(formula.getAttribute("data-tex").replace(/\\text\{[^{}]*\}/g, ""), CJK, name);
    }
  }
});
