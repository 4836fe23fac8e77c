import assert from "node:assert/strict";
import { test } from "node:test";

import { ComposerHint, countCharacters } from "../../../static/js/composer/composer_hint.js";

const LIMIT = 20;

function rig() {
  const element = { textContent: "", dataset: { tone: "" } };
  let text = "";
  const hint = new ComposerHint(/** @type {any} */ (element), { limit: LIMIT, onChange: () => void hint.draw(text) });
  const draw = (/** @type {string} */ words) => hint.draw((text = words));
  return { element, hint, draw };
}

test("characters are code points, as counted by the server", () => {
  assert.equal(countCharacters("heron"), 5);
  assert.equal(countCharacters("🐦🐦a"), 3);
  assert.equal(countCharacters("\udc00a\ud800"), 3);
  for (const text of ["", "a🐦", "👩‍👩‍👧", "\ud800\ud800\udc00"]) assert.equal(countCharacters(text), Array.from(text).length);
});

test("far from the limit it shows nothing", () => {
  const { element, draw } = rig();

  assert.equal(draw("a".repeat(18)), true);
  assert.equal(element.textContent, "");
});

test("near the limit it shows how many are left, beyond it how many are too many", () => {
  const { element, draw } = rig();

  assert.equal(draw("a".repeat(19)), true);
  assert.equal(element.textContent, "1 character left");
  assert.equal(draw("a".repeat(20)), true);
  assert.equal(element.textContent, "0 characters left");
  assert.equal(element.dataset.tone, "plain");
  assert.equal(draw("a".repeat(21)), false);
  assert.equal(element.textContent, "Too long: 21 of 20 characters");
  assert.equal(element.dataset.tone, "problem");
});

test("a problem is shown until the user types", () => {
  const { element, hint, draw } = rig();
  draw("text");

  hint.showProblem("It was refused.");
  assert.deepEqual([element.textContent, element.dataset.tone], ["It was refused.", "problem"]);
  hint.settle();
  draw("text!");

  assert.equal(element.textContent, "");
});

test("a wait counts down, typing or not, and blocks sending until it is over", (t) => {
  t.mock.timers.enable({ apis: ["setInterval", "Date"], now: 1_000_000 });
  const { element, hint, draw } = rig();
  draw("text");

  hint.showProblem("Too many messages.", 3);
  assert.equal(element.textContent, "Too many messages. Try again in 3 s.");
  hint.settle();
  assert.equal(draw("text!"), false);
  t.mock.timers.tick(1_000);
  assert.equal(element.textContent, "Too many messages. Try again in 2 s.");
  t.mock.timers.tick(2_000);

  assert.equal(element.textContent, "");
  assert.equal(draw("text!"), true);
  hint.close();
});

test("a note is shown until the user types", () => {
  const { element, hint, draw } = rig();
  draw("text");

  hint.showNote("20,000 characters pasted");
  assert.equal(element.textContent, "20,000 characters pasted");
  hint.settle();
  draw("text!");

  assert.equal(element.textContent, "");
});
