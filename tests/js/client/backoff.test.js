import assert from "node:assert/strict";
import test from "node:test";

import { Backoff } from "../../../static/js/client/backoff.js";

test("it waits uniformly below a ceiling that doubles from one second to thirty", () => {
  const backoff = new Backoff(() => 1);

  const waits = Array.from({ length: 8 }, () => backoff.next());

  assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

test("it uses the whole range down to zero", () => {
  assert.equal(new Backoff(() => 0).next(), 0);
  assert.equal(new Backoff(() => 0.25).next(), 250);
});

test("it starts over after a reset", () => {
  const backoff = new Backoff(() => 1);
  backoff.next();
  backoff.next();

  backoff.reset();

  assert.equal(backoff.next(), 1_000);
});
