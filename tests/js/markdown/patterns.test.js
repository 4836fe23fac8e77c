import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { parse } from "espree";

import { chance } from "./page.js";
import { matchesOf, read, sampleOf, TooMuch } from "./matching.js";

const FOLDER = new URL("../../../static/js/markdown/", import.meta.url);
const LENGTH = 400;
const MOST_PER_CHARACTER = 40;
const TRIES = 1_500;

/** @param {string} source @returns {RegExp[]} */
function patternsIn(source) {
  const found = new Map();
  const look = (node) => {
    if (node?.regex) found.set(String(node.value), node.value);
    for (const each of Object.values(node ?? {})) if (each && typeof each === "object") look(each);
  };
  look(parse(source, { ecmaVersion: "latest", sourceType: "module" }));
  return [...found.values()];
}

/** Whether it takes a text too long. @param {ReturnType<typeof read>} pattern @param {string} text */
function isTooMuch(pattern, text) {
  try {
    matchesOf(pattern, text, MOST_PER_CHARACTER * text.length);
    return false;
  } catch (error) {
    if (error instanceof TooMuch) return true;
    throw error;
  }
}

/** A text of which one piece is repeated until it is long. */
function attack(pattern, random) {
  const sample = sampleOf(pattern, random);
  const start = random.below(sample.length + 1);
  const before = random.below(3) ? sample.slice(0, start) : "";
  const piece = (random.below(3) && sample.slice(start, start + 1 + random.below(5))) || random.pick(pattern.characters) + (random.below(2) ? random.pick(pattern.characters) : "");
  const after = random.below(2) ? random.pick(pattern.characters) + (random.below(2) ? random.pick(pattern.characters) : "") : random.below(2) ? sample.slice(start) : "";
  return before + piece.repeat(LENGTH / piece.length) + after;
}

for (const name of readdirSync(FOLDER).filter((each) => each.endsWith(".js"))) {
  for (const pattern of patternsIn(readFileSync(new URL(name, FOLDER), "utf-8"))) {
    test(`${name}: ${pattern} takes a time that is linear in its text`, () => {
      const known = read(pattern);
      const random = chance(7);
      for (let tried = 0; tried < TRIES; tried += 1) {
        const text = attack(known, random);
        assert.ok(!isTooMuch(known, text), `${JSON.stringify(text)}: more than ${MOST_PER_CHARACTER} steps for each character`);
      }
      // What is counted is what a browser does.
      for (let tried = 0; tried < TRIES / 10; tried += 1) {
        const text = sampleOf(known, random) + random.pick(known.characters) + sampleOf(known, random);
        const all = new RegExp(pattern.source, pattern.flags.replace("g", "") + "g");
        assert.equal(matchesOf(known, text, Infinity), [...text.matchAll(all)].length, JSON.stringify(text));
      }
    });
  }
}

test("a pattern that takes longer is found", () => {
  for (const [pattern, isLinear] of [[/^(?:a+)+$/, false], [/\s+$/, false], [/^(`{3,})([^\n]*)\n/, false], [/^a*[ab]*c/, false], [/(?<!\s)\s+$/, true], [/^a*c/, true]]) {
    const [known, random] = [read(pattern), chance(7)];
    const found = Array.from({ length: TRIES }).some(() => isTooMuch(known, attack(known, random)));
    assert.equal(found, !isLinear, String(pattern));
  }
});
