import assert from "node:assert/strict";
import { test } from "node:test";

import { BranchPages } from "../../../static/js/message/branch_pages.js";

/** A server whose responses the test releases, in the order of the requests. */
class Server {
  asked = [];
  #answers = [];

  request(method, path) {
    this.asked.push(`${method} ${path}`);
    return new Promise((resolve) => this.#answers.push(resolve));
  }

  answer(page) {
    this.#answers.shift()({ items: [], next: null, previous: null, leaf_id: null, ...page });
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const newest = (...ids) => ids.map((id) => ({ id }));
const ids = (messages) => messages.map(({ id }) => id);

test("a branch is read upwards from its end, and returned oldest first", async () => {
  const server = new Server();
  const pages = new BranchPages("c1", server);

  const opened = pages.open();
  server.answer({ items: newest("a2", "q2"), next: "up", leaf_id: "a2" });
  assert.deepEqual(ids(await opened), ["q2", "a2"]);
  assert.deepEqual([pages.leaf, pages.hasOlder, pages.hasNewer], ["a2", true, false]);

  const older = pages.older();
  server.answer({ items: newest("a1", "q1"), next: null, previous: "down" });
  assert.deepEqual(ids(await older), ["q1", "a1"]);
  assert.deepEqual([pages.hasOlder, pages.hasNewer], [false, false]);
  assert.deepEqual(ids(await pages.older()), []);
  assert.deepEqual(server.asked, [
    "GET /conversations/c1/messages?branch=active",
    "GET /conversations/c1/messages?branch=active&cursor=up",
  ]);
});

test("opened at a message, it is read in both directions", async () => {
  const server = new Server();
  const pages = new BranchPages("c1", server);

  const opened = pages.openAt("a5");
  server.answer({ items: newest("a5"), next: "up", previous: "down", leaf_id: "a9" });
  await opened;
  assert.deepEqual([pages.leaf, pages.hasOlder, pages.hasNewer], ["a9", true, true]);

  const newer = pages.newer();
  server.answer({ items: newest("a6", "q6"), next: "other", previous: null });
  assert.deepEqual(ids(await newer), ["q6", "a6"]);
  assert.deepEqual([pages.hasOlder, pages.hasNewer], [true, false]);
});

test("a page of an abandoned branch is discarded", async () => {
  const server = new Server();
  const pages = new BranchPages("c1", server);
  const opened = pages.open();
  server.answer({ items: newest("a2"), next: "up", leaf_id: "a2" });
  await opened;

  const older = pages.older();
  const turned = pages.turnAt("a7");
  server.answer({ items: newest("a1"), next: "further" });
  server.answer({ items: newest("a7"), next: "elsewhere", leaf_id: "a7" });

  assert.deepEqual(ids(await older), []);
  assert.deepEqual(ids(await turned), ["a7"]);
  assert.equal(pages.leaf, "a7");
});

test("above a fork, reading continues from where it was", async () => {
  const server = new Server();
  const pages = new BranchPages("c1", server);
  const opened = pages.open();
  server.answer({ items: newest("a2"), next: "up", leaf_id: "a2" });
  await opened;

  const turned = pages.turnAt("a7");
  server.answer({ items: newest("a7"), next: "elsewhere", leaf_id: "a7" });
  await turned;
  void pages.older();

  assert.match(server.asked.at(-1), /cursor=up$/);
});

test("a branch cut at its end has nothing below", async () => {
  const server = new Server();
  const pages = new BranchPages("c1", server);
  const opened = pages.openAt("a5");
  server.answer({ items: newest("a5"), next: "up", previous: "down", leaf_id: "a9" });
  await opened;

  pages.end("a5");

  assert.deepEqual([pages.leaf, pages.hasOlder, pages.hasNewer], ["a5", true, false]);
});

test("if long messages make short pages, the end is read up to a known message", async () => {
  const server = new Server();
  const pages = new BranchPages("c1", server);
  const opened = pages.open();
  server.answer({ items: newest("a1", "q1"), leaf_id: "a1" });
  await opened;

  const peeked = pages.peek();
  server.answer({ items: newest("a2"), next: "up", leaf_id: "a2" });
  await settled();
  server.answer({ items: newest("q2", "a1"), next: "further", previous: "down" });

  const { leaf, messages } = await peeked;
  assert.deepEqual([leaf, ids(messages)], ["a2", ["a1", "q2", "a2"]]);
  assert.equal(server.asked.length, 3);
  assert.deepEqual([pages.leaf, pages.hasOlder, pages.hasNewer], ["a1", false, false]);
});

test("a branch without known messages is not read to its beginning", async () => {
  const server = new Server();
  const pages = new BranchPages("c1", server);
  const opened = pages.open();
  server.answer({ items: newest("a1"), leaf_id: "a1" });
  await opened;

  const peeked = pages.peek();
  for (let number = 0; number < 8; number += 1) {
    server.answer({ items: newest(`x${number}`), next: "up", leaf_id: "x0" });
    await settled();
  }

  assert.equal((await peeked).messages.length, 8);
  assert.equal(server.asked.length, 9);
});
