import assert from "node:assert/strict";
import { test } from "node:test";

import { Highlighter } from "../../../static/js/markdown/highlighter.js";

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Workers that only record what they are asked, and reply when the test says so. */
function stage(context) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const workers = [];
  const createWorker = () => {
    const listeners = {};
    const worker = {
      asked: [],
      isEnded: false,
      postMessage: (request) => worker.asked.push(request),
      terminate: () => (worker.isEnded = true),
      addEventListener: (name, listener) => (listeners[name] = listener),
      send: async (data) => {
        listeners.message({ data });
        await settle();
      },
      fail: async () => {
        listeners.error({});
        await settle();
      },
    };
    workers.push(worker);
    return worker;
  };
  const highlighter = new Highlighter({ createWorker, resolve: (path) => `resolved:${path}`, deadlineMs: 300 });
  const tick = async (milliseconds) => {
    context.mock.timers.tick(milliseconds);
    await settle();
  };
  return { highlighter, workers, tick };
}

test("one worker reads one code block at a time, and loading does not count towards the timeout", async (context) => {
  const { highlighter, workers, tick } = stage(context);
  const [one, two] = [highlighter.read("a", "java"), highlighter.read("b", "java")];
  await settle();
  await tick(5_000);
  const [worker] = workers;
  assert.deepEqual(worker.asked.map(({ code }) => code), [undefined]);
  assert.ok(worker.asked[0].address.endsWith("/languages/java.js"));
  await worker.send({ tree: [] });
  assert.deepEqual(worker.asked.map(({ code }) => code), [undefined, "a"]);
  await worker.send({ tree: [["keyword", "a"]] });
  assert.deepEqual(await one, [["keyword", "a"]]);
  await worker.send({ tree: [] });
  await worker.send({ tree: ["b"] });
  assert.deepEqual(await two, ["b"]);
  assert.equal(workers.length, 1);
});

test("a worker that takes too long is terminated, and the next code gets a new one", async (context) => {
  const { highlighter, workers, tick } = stage(context);
  const slow = assert.rejects(highlighter.read("_A", "java"), /timed out/);
  const next = highlighter.read("let a", "javascript");
  await settle();
  await workers[0].send({ tree: [] });
  await tick(299);
  assert.equal(workers[0].isEnded, false);
  await tick(1);
  await slow;
  assert.equal(workers[0].isEnded, true);
  // A late message from the old worker is ignored.
  await workers[0].send({ tree: ["late"] });
  await workers[1].send({ tree: [] });
  await workers[1].send({ tree: ["let a"] });
  assert.deepEqual(await next, ["let a"]);
});

test("a grammar that timed out three times is not tried again", async (context) => {
  const { highlighter, workers, tick } = stage(context);
  for (let round = 0; round < 3; round += 1) {
    const slow = assert.rejects(highlighter.read("_A", "java"), /timed out/);
    await settle();
    await workers[round].send({ tree: [] });
    await tick(300);
    await slow;
  }
  await assert.rejects(highlighter.read("class A", "java"), /before/);
  assert.equal(workers.length, 3);
});

test("a failed load is retried by the next one", async (context) => {
  const { highlighter, workers } = stage(context);
  for (const failure of ["fail", "send"]) {
    const failed = assert.rejects(highlighter.read("a", "go"), TypeError);
    await settle();
    await workers.at(-1)[failure]({ failed: true });
    await failed;
  }
  assert.deepEqual(workers.map(({ isEnded }) => isEnded), [true, true]);
});

test("without workers, code stays plain", async () => {
  const highlighter = new Highlighter({ resolve: String, createWorker: () => new (/** @type {any} */ (undefined))() });
  await assert.rejects(highlighter.read("a", "go"));
  await assert.rejects(highlighter.read("a", "go"));
});
