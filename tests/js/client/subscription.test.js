import assert from "node:assert/strict";
import test from "node:test";

import { ChatError } from "../../../static/js/client/errors.js";
import { Subscription } from "../../../static/js/client/subscription.js";
import { collector, event } from "./chat_rig.js";
import { seeded } from "./fake_network.js";

function subscribe(after = null) {
  const page = collector();
  const ends = [];
  const subscription = new Subscription("run", { after, onEvents: page.onEvents, onEnd: (_, end) => ends.push(end) });
  return { ...page, subscription, ends, ids: () => page.events.map(({ id }) => id) };
}

const start = event(1, "start");

test("it delivers events in order and advances its cursor over each, known or not", () => {
  const { subscription, names } = subscribe();

  assert.equal(subscription.accept([start, event(2, "telepathy"), event(3)]).gap, false);

  assert.deepEqual(names(), ["start", "telepathy", "token"]);
  assert.equal(subscription.cursor, "e.3");
});

test("it drops events it already has", () => {
  const { subscription, ids } = subscribe();
  subscription.accept([start, event(2), event(3)]);

  subscription.begin();
  assert.equal(subscription.accept([event(2), event(3), event(4)]).gap, false);

  assert.deepEqual(ids(), ["e.1", "e.2", "e.3", "e.4"]);
});

test("a jump to a merged token is not a gap", () => {
  const { subscription, ids } = subscribe();

  assert.equal(subscription.accept([start, event(7, "reasoning"), event(30)]).gap, false);

  assert.deepEqual(ids(), ["e.1", "e.7", "e.30"]);
});

test("a jump to any other event is a gap: nothing after it is accepted", () => {
  const { subscription, ids } = subscribe();

  assert.equal(subscription.accept([start, event(3, "status"), event(4)]).gap, true);

  assert.deepEqual(ids(), ["e.1"]);
  assert.equal(subscription.cursor, "e.1");
});

test("a gap that survives three repairs is part of the log", () => {
  const { subscription, ids } = subscribe();
  for (let round = 0; round < 3; round += 1) {
    subscription.begin();
    assert.equal(subscription.accept([...(round ? [] : [start]), event(3, "status")]).gap, true);
  }

  subscription.begin();
  assert.equal(subscription.accept([event(3, "status"), event(4)]).gap, false);

  assert.deepEqual(ids(), ["e.1", "e.3", "e.4"]);
});

test("partly known text is rejected: a feed from the start may merge across the cursor", () => {
  const { subscription, ids } = subscribe("e.7");

  subscription.begin({ fromStart: true });
  assert.equal(subscription.accept([start, event(10)]).gap, true);
  subscription.begin();
  assert.equal(subscription.accept([event(10)]).gap, false);

  assert.deepEqual(ids(), ["e.10"]);
});

test("a feed from the start that stops exactly at the cursor continues", () => {
  const { subscription, ids } = subscribe("e.7");

  subscription.begin({ fromStart: true });
  assert.equal(subscription.accept([start, event(7), event(10)]).gap, false);

  assert.deepEqual(ids(), ["e.10"]);
});

test("if a server will not resume at the cursor, the run is read from the start, after a reset", () => {
  const { subscription, names } = subscribe("e.7");
  for (let round = 0; round < 4; round += 1) {
    subscription.begin();
    assert.equal(subscription.accept([start, event(10)]).gap, true);
  }
  assert.equal(subscription.cursor, null);

  subscription.begin();
  assert.equal(subscription.accept([start, event(10)]).gap, false);

  assert.deepEqual(names(), ["reset", "start", "token"]);
});

test("a reset in the log is an ordinary event", () => {
  const { subscription, names } = subscribe();

  assert.equal(subscription.accept([start, event(5), event(6, "reset"), event(7)]).gap, false);

  assert.deepEqual(names(), ["start", "token", "reset", "token"]);
  assert.equal(subscription.cursor, "e.7");
});

for (const [what, id] of [["another epoch", "f.0"], ["another epoch, as an entry", "f.9"], ["no cursor", null], ["a position before ours", "e.0"]]) {
  test(`a reset with ${what} and the whole log replace what it has`, () => {
    const { subscription, names } = subscribe("e.40");
    subscription.begin();
    const epoch = id?.[0] ?? "f";
    const from = id === "f.9" ? 9 : 0;
    const again = [1, 2].map((seq) => ({ ...event(seq, seq === 1 ? "start" : "token"), id: `${epoch}.${from + seq}` }));

    assert.equal(subscription.accept([{ id, event: "reset", data: { attempt: 1 } }, ...again]).gap, false);

    assert.deepEqual(names(), ["reset", "start", "token"]);
    assert.equal(subscription.cursor, again[1].id);
  });
}

test("an unannounced new log is reported as a reset", () => {
  const { subscription, names } = subscribe("e.40");

  assert.equal(subscription.accept([{ ...start, id: "f.1" }, { ...event(9), id: "f.9" }]).gap, false);

  assert.deepEqual(names(), ["reset", "start", "token"]);
});

test("the middle of another log is a gap", () => {
  const { subscription, events } = subscribe("e.40");

  assert.equal(subscription.accept([{ ...event(9), id: "f.9" }]).gap, true);

  assert.deepEqual(events, []);
});

for (const name of ["done", "error"]) {
  test(`${name} ends it`, () => {
    const { subscription, names, ends } = subscribe();

    subscription.accept([start, event(2, name), event(3)]);
    subscription.accept([event(4)]);

    assert.deepEqual(names(), ["start", name]);
    assert.equal(subscription.open, false);
    assert.deepEqual(ends, ["ended"]);
  });
}

test("closed by the page, it delivers nothing more", () => {
  const { subscription, events, ends } = subscribe();

  subscription.close();
  subscription.close();
  subscription.accept([start]);

  assert.deepEqual(events, []);
  assert.deepEqual(ends, ["closed"]);
});

test("a run that cannot be followed ends with an error event", () => {
  const { subscription, events, ends } = subscribe();

  subscription.fail(new ChatError({ code: "not_found", message: "No such run." }));

  assert.deepEqual(events, [{ id: null, event: "error", data: { code: "not_found", message: "No such run.", retryable: false } }]);
  assert.deepEqual(ends, ["not_found"]);
});

test("it ignores malformed events, with a warning, and keeps its position", (t) => {
  const warn = t.mock.method(console, "warn", () => {});
  const { subscription, names } = subscribe();

  const odd = [null, 7, [], {}, { id: "e.2" }, { id: "nonsense", event: "token", data: {} }, { id: "e.2", event: "token", data: "text" }];
  assert.equal(subscription.accept([start, ...odd, event(3, "status")]).gap, false);

  assert.deepEqual(names(), ["start", "status"]);
  assert.equal(warn.mock.callCount(), odd.length);
});

test("applied waits for the page, even one that throws", async (t) => {
  const warn = t.mock.method(console, "warn", () => {});
  let paint;
  const replies = [new Promise((resolve) => (paint = resolve)), Promise.reject(new Error("paint"))];
  const onEvents = () => replies.shift() ?? assert.fail("thrown");
  const subscription = new Subscription("run", { onEvents, onEnd: () => {} });
  let applied = false;

  const first = subscription.accept([start]).applied.then(() => (applied = true));
  await Promise.resolve();
  assert.equal(applied, false);
  paint();
  await first;

  await subscription.accept([event(2)]).applied;
  await subscription.accept([event(3)]).applied;
  assert.equal(warn.mock.callCount(), 2);
});

test("over any mix of repeated, cut and merged feeds, the text is complete", () => {
  const random = seeded(23);
  for (let round = 0; round < 500; round += 1) {
    const log = Array.from({ length: 40 }, (_, index) => (random() < 0.2 ? "status" : index));
    const { subscription, events } = subscribe();
    let gap = false;
    for (let tries = 0; events.filter(({ data }) => data.last).length === 0; tries += 1) {
      assert.ok(tries < 400, "it makes progress");
      const honest = gap || random() < 0.6;
      gap = false;
      if (honest) subscription.begin();
      else subscription.begin({ fromStart: true });
      let at = honest ? Number(subscription.cursor?.slice(2) ?? 0) : 0;
      while (at < log.length && random() < 0.9) {
        const frame = [];
        const until = Math.min(log.length, at + 1 + Math.floor(random() * 8));
        while (at < until) {
          const mergeable = log[at] !== "status";
          const texts = [log[at]];
          at += 1;
          while (mergeable && at < until && log[at] !== "status" && random() < 0.7) texts.push(log[at++]);
          frame.push({ id: `e.${at}`, event: mergeable ? "token" : "status", data: { texts, last: at === log.length } });
        }
        const repeats = random() < 0.2 ? 2 : 1;
        for (let time = 0; time < repeats; time += 1) gap ||= subscription.accept(frame).gap;
        if (gap) break;
      }
    }
    assert.ok(!events.some(({ event: name }) => name === "reset"));
    assert.deepEqual(events.flatMap(({ data }) => data.texts), log);
  }
});
