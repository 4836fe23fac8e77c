import assert from "node:assert/strict";
import { test } from "node:test";

import { LateDressing } from "../../../static/js/markdown/late_dressing.js";

const settle = () => new Promise((resolve) => setImmediate(resolve));

function stage({ fails = 0 } = {}) {
  const idle = [];
  const dressed = [];
  let attempts = 0;
  const load = async () => {
    attempts += 1;
    if (attempts <= fails) throw new TypeError("no network");
    return { dress: (...what) => void dressed.push(what) };
  };
  const dressing = new LateDressing({ load, whenIdle: (work) => idle.push(work) });
  const idleTime = async () => {
    for (const work of idle.splice(0)) work();
    await settle();
  };
  return { dressing, dressed, idleTime, attempts: () => attempts };
}

test("nothing is loaded before the page is idle; then everything waiting is dressed, in order", async () => {
  const { dressing, dressed, idleTime, attempts } = stage();
  dressing.dress(["first"], true);
  dressing.dress(["second"], false);
  await settle();
  assert.equal(attempts(), 0);

  await idleTime();

  assert.deepEqual(dressed, [[["first"], true], [["second"], false]]);
  assert.equal(attempts(), 1);
});

test("once loaded, a message is dressed at once", async () => {
  const { dressing, dressed, idleTime } = stage();
  dressing.dress(["first"], false);
  await idleTime();

  dressing.dress(["second"], false);

  assert.deepEqual(dressed.at(-1), [["second"], false]);
});

test("if loading failed, the next message retries, and the first is dressed as well", async () => {
  const { dressing, dressed, idleTime, attempts } = stage({ fails: 1 });
  dressing.dress(["first"], false);
  await idleTime();
  assert.deepEqual([attempts(), dressed], [1, []]);

  dressing.dress(["second"], false);
  await idleTime();

  assert.deepEqual([attempts(), dressed], [2, [[["first"], false], [["second"], false]]]);
});
