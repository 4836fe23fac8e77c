import assert from "node:assert/strict";
import { test } from "node:test";

import { FramePump } from "../../../static/js/markdown/pump.js";

const FRAME_MS = 16;

/** A page whose clock and frames the test controls. */
function page({ reducedMotion = false, drawMs = 0 } = {}) {
  const drawn = [];
  let time = 1_000;
  let frame = null;
  let nextId = 1;
  let hidden = false;
  let onVisibility = null;
  const pump = new FramePump({
    draw: (text) => {
      drawn.push(text);
      time += drawMs;
    },
    requestFrame: (callback) => {
      assert.equal(frame, null, "one frame at a time");
      frame = { id: nextId++, callback };
      return frame.id;
    },
    cancelFrame: (id) => {
      if (frame?.id === id) frame = null;
    },
    now: () => time,
    isHidden: () => hidden,
    reducedMotion: () => reducedMotion,
    onVisibilityChange: (listener) => {
      onVisibility = listener;
      return () => (onVisibility = null);
    },
  });
  return {
    pump,
    drawn,
    get text() {
      return drawn.join("");
    },
    get waitsForFrame() {
      return frame !== null;
    },
    get listens() {
      return onVisibility !== null;
    },
    get time() {
      return time;
    },
    async runFrame() {
      const { callback } = frame;
      frame = null;
      time += FRAME_MS;
      callback(time);
      await settle();
    },
    async hide() {
      hidden = true;
      onVisibility();
      await settle();
    },
    show() {
      hidden = false;
      onVisibility();
    },
  };
}

/** Lets promise callbacks run. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

function observed(promise) {
  const state = { done: false };
  promise.then(() => (state.done = true));
  return state;
}

test("text is drawn in a frame, and acknowledged with the next, when it has been painted", async () => {
  const it = page();
  const write = observed(it.pump.write("a"));
  assert.equal(it.text, "");
  await it.runFrame();
  assert.equal(it.text, "a");
  assert.equal(write.done, false);
  await it.runFrame();
  assert.equal(write.done, true);
  assert.equal(it.waitsForFrame, false);
});

test("a short text is revealed at a readable pace", async () => {
  const it = page();
  it.pump.write("0123456789");
  await it.runFrame();
  assert.ok(it.text.length >= 4 && it.text.length <= 8, it.text);
  while (it.text.length < 10) await it.runFrame();
  assert.equal(it.text, "0123456789");
});

test("any backlog is drawn within a quarter of a second", async () => {
  for (const length of [10, 500, 5_000, 200_000]) {
    const it = page();
    const start = it.time;
    it.pump.write("x".repeat(length));
    while (it.text.length < length) await it.runFrame();
    assert.ok(it.time - start <= 250 + FRAME_MS, `${length}: ${it.time - start} ms`);
    assert.ok(length < 500 || it.time - start > 100, `${length} characters did not come at once`);
  }
});

test("a growing backlog does not take longer", async () => {
  const it = page();
  const writes = [];
  for (let count = 0; count < 20; count += 1) {
    const start = it.time;
    const write = it.pump.write("x".repeat(1_000));
    writes.push(write.then(() => it.time - start));
    await it.runFrame();
  }
  while (it.waitsForFrame) await it.runFrame();
  for (const took of await Promise.all(writes)) assert.ok(took <= 250 + 3 * FRAME_MS, `${took} ms`);
});

test("a frame ends when its budget is used up", async () => {
  const it = page({ drawMs: 4, reducedMotion: true });
  it.pump.write("x".repeat(20_000));
  await it.runFrame();
  assert.equal(it.drawn.length, 2);
  assert.ok(it.waitsForFrame);
});

test("with reduced motion, everything comes with the next frame", async () => {
  const it = page({ reducedMotion: true });
  it.pump.write("x".repeat(5_000));
  await it.runFrame();
  assert.equal(it.text.length, 5_000);
});

test("writers are acknowledged in order, each when its own text is painted", async () => {
  const it = page();
  const order = [];
  for (const name of ["a", "b", "c"]) it.pump.write(name.repeat(40)).then(() => order.push(name));
  while (it.waitsForFrame) await it.runFrame();
  assert.deepEqual(order, ["a", "b", "c"]);
  assert.equal(it.text, "a".repeat(40) + "b".repeat(40) + "c".repeat(40));
});

test("a hidden page acknowledges on receipt, and draws once when it is shown", async () => {
  const it = page();
  await it.hide();
  for (const text of ["abc", "def", "g\r"]) await it.pump.write(text);
  assert.deepEqual(it.drawn, []);
  assert.equal(it.waitsForFrame, false);
  it.show();
  assert.deepEqual(it.drawn, ["abcdefg"]);
  const write = observed(it.pump.write("\nh"));
  while (it.waitsForFrame) await it.runFrame();
  assert.equal(it.text, "abcdefg\r\nh");
  assert.equal(write.done, true);
});

test("a page that becomes hidden acknowledges waiting text, and draws it when it is shown again", async () => {
  const it = page();
  const first = observed(it.pump.write("x".repeat(1_000)));
  await it.runFrame();
  assert.equal(first.done, false);
  const drawn = it.drawn.length;
  await it.hide();
  assert.equal(first.done, true);
  assert.equal(it.drawn.length, drawn);
  it.show();
  assert.equal(it.text.length, 1_000);
  assert.equal(it.drawn.length, drawn + 1);
});

test("the end of a text is drawn at once, even in a hidden page", async () => {
  const it = page();
  await it.hide();
  await it.pump.write("abc");
  await it.pump.flush();
  assert.equal(it.text, "abc");
});

test("flushing draws everything at once", async () => {
  const it = page();
  const write = observed(it.pump.write("x".repeat(1_000)));
  const flush = observed(it.pump.flush());
  assert.equal(it.text.length, 1_000);
  await it.runFrame();
  assert.equal(write.done && flush.done, true);
  assert.equal(it.waitsForFrame, false);
});

test("closing drops waiting text, resolves every writer and leaves nothing behind", async () => {
  const it = page();
  const write = observed(it.pump.write("x".repeat(1_000)));
  await it.runFrame();
  const drawn = it.text;
  it.pump.close();
  await settle();
  assert.equal(write.done, true);
  assert.equal(it.text, drawn);
  assert.equal(it.waitsForFrame, false);
  assert.equal(it.listens, false);
  await it.pump.write("more");
  await it.pump.flush();
  it.pump.close();
  assert.equal(it.text, drawn);
});

test("no frame ends within a character or a line end", async () => {
  const text = "a👍🏽b\r\n".repeat(300);
  const it = page();
  for (const unit of text.split("")) it.pump.write(unit);
  while (it.waitsForFrame) await it.runFrame();
  assert.equal(it.text, text.slice(0, it.text.length));
  for (const piece of it.drawn) assert.doesNotMatch(piece, /[\r\ud800-\udbff]$/);
});

test("half a character waits for its other half, but its writer does not", async () => {
  const it = page();
  const write = observed(it.pump.write("a\ud83d"));
  while (it.waitsForFrame) await it.runFrame();
  assert.equal(it.text, "a");
  assert.equal(write.done, true);
  it.pump.write("\udc4d");
  while (it.waitsForFrame) await it.runFrame();
  assert.deepEqual(it.drawn, ["a", "👍"]);
  it.pump.write("end\r");
  it.pump.flush();
  assert.equal(it.text, "a👍end\r");
});

test("a failed drawing keeps no writer waiting", async () => {
  const frames = [];
  const pump = new FramePump({
    draw: () => {
      throw new Error("cannot draw");
    },
    requestFrame: (callback) => frames.push(callback),
    cancelFrame: () => {},
    now: () => 0,
    isHidden: () => false,
    reducedMotion: () => true,
    onVisibilityChange: () => () => {},
  });
  const write = observed(pump.write("x"));
  assert.throws(() => frames.shift()(0), /cannot draw/);
  frames.shift()(0);
  await settle();
  assert.equal(write.done, true);
});
