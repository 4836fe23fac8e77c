import assert from "node:assert/strict";
import { test } from "node:test";

import { SearchFeed } from "../../../static/js/palette/search_feed.js";
import { ClockByHand, settle } from "../client/clock_by_hand.js";

/** Requests that the test responds to. */
function rig() {
  const clock = new ClockByHand();
  /** @type {{ path: string, answer: (page: unknown) => void, fail: (error: Error) => void }[]} */
  const asked = [];
  const client = {
    request: (/** @type {string} */ method, /** @type {string} */ path) =>
      new Promise((answer, fail) => asked.push({ path: `${method} ${path}`, answer, fail })),
  };
  return { clock, asked, feed: new SearchFeed(client, clock) };
}

/** @param {string} id */
function hit(id) {
  return { conversation: { id }, message_id: null };
}

test("it sends one request, when typing pauses", async () => {
  const { feed, clock, asked } = rig();

  for (const words of ["h", "he", "hero", "heron "]) {
    feed.search(words);
    await clock.advance(50);
  }
  assert.equal(feed.state, "searching");
  await clock.advance(120);

  assert.deepEqual(asked.map(({ path }) => path), ["GET /search?q=heron"]);
});

test("it knows whether the hits belong to the query", async () => {
  const { feed, clock, asked } = rig();
  feed.search("heron");
  await clock.advance(120);
  assert.equal(feed.answered, false);
  asked[0].answer({ items: [hit("a")], next: null });
  await settle();
  assert.equal(feed.answered, true);

  feed.search("herons");
  assert.equal(feed.answered, false);
  await clock.advance(120);
  asked[1].fail(new Error("Out of order"));
  await settle();
  assert.equal(feed.answered, false);
});

test("a response to an outdated query is discarded", async () => {
  const { feed, clock, asked } = rig();
  feed.search("first");
  await clock.advance(120);
  feed.search("second");
  await clock.advance(120);

  asked[1].answer({ items: [hit("b")], next: null });
  await settle();
  asked[0].answer({ items: [hit("a")], next: null });
  await settle();

  assert.deepEqual(feed.hits, [hit("b")]);
  assert.equal(feed.state, "ready");
});

test("the last hits stay until the next arrive", async () => {
  const { feed, clock, asked } = rig();
  feed.search("heron");
  await clock.advance(120);
  asked[0].answer({ items: [hit("a")], next: null });
  await settle();

  feed.search("herons");

  assert.deepEqual([feed.state, feed.hits], ["searching", [hit("a")]]);
});

test("further pages are added, one at a time", async () => {
  const { feed, clock, asked } = rig();
  feed.search("heron");
  await clock.advance(120);
  asked[0].answer({ items: [hit("a")], next: "x=" });
  await settle();

  void feed.more();
  void feed.more();
  assert.deepEqual(asked.map(({ path }) => path).slice(1), ["GET /search?q=heron&cursor=x%3D"]);
  asked[1].answer({ items: [hit("b")], next: null });
  await settle();
  await feed.more();

  assert.deepEqual(feed.hits, [hit("a"), hit("b")]);
  assert.equal(asked.length, 2);
});

test("a failure is reported, and the same query can be repeated", async () => {
  const { feed, clock, asked } = rig();
  feed.search("heron");
  await clock.advance(120);
  asked[0].fail(new Error("The server cannot be reached."));
  await settle();
  assert.deepEqual([feed.state, feed.problem], ["failed", "The server cannot be reached."]);

  feed.search("heron");
  await clock.advance(120);
  asked[1].answer({ items: [], next: null });
  await settle();

  assert.equal(feed.state, "ready");
});

test("an empty query sends no request and finds nothing", async () => {
  const { feed, clock, asked } = rig();
  feed.search("heron");
  feed.search("   ");
  await clock.advance(1_000);

  assert.deepEqual([feed.state, feed.hits, asked], ["idle", [], []]);
});
