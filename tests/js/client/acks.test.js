import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Acks } from "../../../static/js/client/acks.js";
import { ClockByHand } from "./clock_by_hand.js";
import { seeded } from "./fake_network.js";

let clock;
let sent;
let acks;

beforeEach(() => {
  clock = new ClockByHand();
  sent = [];
  acks = new Acks((frame) => sent.push(frame), clock);
});

test("it acknowledges an applied frame at once", () => {
  acks.received(1);
  assert.deepEqual(sent, []);

  acks.applied(1);

  assert.deepEqual(sent, [1]);
});

test("it acknowledges the highest frame up to which all are applied", async () => {
  for (const frame of [1, 2, 3, 4]) acks.received(frame);

  acks.applied(3);
  acks.applied(2);
  await clock.advance(1_000);
  assert.deepEqual(sent, []);

  acks.applied(1);
  await clock.advance(1_000);
  assert.deepEqual(sent, [3]);

  acks.applied(4);
  await clock.advance(1_000);
  assert.deepEqual(sent, [3, 4]);
});

test("it sends at most one ack in 50 ms, and always the last one", async () => {
  for (let frame = 1; frame <= 100; frame += 1) {
    acks.received(frame);
    acks.applied(frame);
    await clock.advance(5);
  }
  await clock.advance(50);

  assert.ok(sent.length <= 11, `${sent.length} acks in 500 ms`);
  assert.equal(sent.at(-1), 100);
});

test("a trickling answer is acknowledged twice a second", async () => {
  for (let frame = 1; frame <= 20; frame += 1) {
    acks.received(frame);
    acks.applied(frame);
    await clock.advance(100);
  }
  await clock.advance(500);

  assert.ok(sent.length <= 6, `${sent.length} acks in two seconds`);
  assert.equal(sent.at(-1), 20);
});

test("a burst waits less than a trickle", async () => {
  acks.received(1);
  acks.applied(1);
  for (let frame = 2; frame <= 8; frame += 1) {
    acks.received(frame);
    acks.applied(frame);
  }
  await clock.advance(50);

  assert.deepEqual(sent, [1, 8]);
});

test("missing numbers do not hold it up", () => {
  acks.received(7);
  acks.received(9);
  acks.applied(7);
  acks.applied(9);

  assert.deepEqual(sent, [7]);
});

test("it sends nothing after being closed", async () => {
  for (const frame of [1, 2]) acks.received(frame);
  acks.applied(1);
  acks.applied(2);

  acks.close();
  await clock.advance(1_000);

  assert.deepEqual(sent, [1]);
});

test("in any painting order, acks rise and never run ahead", async () => {
  const random = seeded(7);
  for (let round = 0; round < 100; round += 1) {
    sent.length = 0;
    acks = new Acks((frame) => sent.push(frame), clock);
    const waiting = Array.from({ length: 20 }, (_, index) => index + 1);
    const painted = new Set();
    for (const frame of waiting) acks.received(frame);
    while (waiting.length) {
      const [frame] = waiting.splice(Math.floor(random() * waiting.length), 1);
      painted.add(frame);
      acks.applied(frame);
      if (random() < 0.3) await clock.advance(60);
      for (let number = 1; number <= (sent.at(-1) ?? 0); number += 1) assert.ok(painted.has(number));
    }
    await clock.advance(500);
    assert.deepEqual(sent, [...new Set(sent)].sort((a, b) => a - b));
    assert.equal(sent.at(-1), 20);
  }
});
