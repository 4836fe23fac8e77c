import assert from "node:assert/strict";
import test from "node:test";

import { ReconnectDelay } from "../../../static/js/client/reconnect_delay.js";

const waits = (count, random) => {
  const delay = new ReconnectDelay(random);
  return Array.from({ length: count }, () => delay.next());
};

test("the first attempt comes at a random moment within five seconds, the next ones every five", () => {
  for (const share of [0, 0.25, 0.75]) assert.deepEqual(waits(4, () => share), [share * 5_000, 5_000, 5_000, 5_000]);
});

test("after five minutes they become rare", () => {
  const all = waits(200, () => 0.5);
  const often = all.filter((wait) => wait < 15_000);
  assert.ok(often.slice(1).reduce((sum, wait) => sum + wait) > 4.9 * 60_000);
  assert.deepEqual(all.slice(often.length), Array(200 - often.length).fill(22_500));
});

test("a thousand clients that lost their server reconnect evenly, all within five seconds of its return", () => {
  const AWAY_MS = 20_000;
  const attempts = [];
  for (let client = 0; client < 1_000; client += 1) {
    const delay = new ReconnectDelay(() => (client + 0.5) / 1_000);
    let at = 0;
    while (at < AWAY_MS) {
      at += delay.next();
      attempts.push(at);
    }
    assert.ok(at <= AWAY_MS + 5_000);
  }
  const seconds = Array.from({ length: 25 }, () => 0);
  for (const at of attempts) seconds[Math.floor(at / 1_000)] += 1;
  assert.deepEqual(seconds, Array(25).fill(200));
});

test("it starts over after a reset", () => {
  const delay = new ReconnectDelay(() => 0.1);
  delay.next();
  delay.next();
  delay.reset();
  assert.equal(delay.next(), 500);
});
