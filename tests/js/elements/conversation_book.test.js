import assert from "node:assert/strict";
import { test } from "node:test";

import { ConversationBook } from "../../../static/js/elements/conversation_book.js";

/** @param {string} id @param {number} minute */
function conversation(id, minute, title = id) {
  const at = new Date(2026, 0, 1, 0, minute).toISOString();
  return { id, title, assistant: null, active_leaf_id: null, created_at: at, updated_at: at };
}

/** A server with scripted answers: each request takes the next one; an Error is thrown. @param {...unknown} answers */
function server(...answers) {
  /** @type {unknown[][]} */
  const requests = [];
  return {
    requests,
    async request(/** @type {string} */ method, /** @type {string} */ path, /** @type {unknown} */ body) {
      requests.push(body === undefined ? [method, path] : [method, path, body]);
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
}

/** @param {ConversationBook} book */
function ids(book) {
  return book.all.map(({ id }) => id);
}

test("pages are read one after the other, newest first", async () => {
  const client = server({ items: [conversation("b", 2)], next: "x=" }, { items: [conversation("a", 1)], next: null });
  const book = new ConversationBook(client);

  await Promise.all([book.loadMore(), book.loadMore()]);
  assert.equal(book.complete, false);
  await book.loadMore();
  await book.loadMore();

  assert.deepEqual(ids(book), ["b", "a"]);
  assert.equal(book.complete, true);
  assert.deepEqual(client.requests, [["GET", "/conversations"], ["GET", "/conversations?cursor=x%3D"]]);
});

test("a page that cannot be read can be read again", async () => {
  const book = new ConversationBook(server(new Error("network"), { items: [conversation("a", 1)], next: null }));

  await assert.rejects(book.loadMore(), /network/);
  await book.loadMore();

  assert.deepEqual(ids(book), ["a"]);
});

test("a new title shows at once, and goes back if the server refuses it", async () => {
  const book = new ConversationBook(server(new Error("refused")));
  book.put(conversation("a", 1, "old"));

  const renamed = book.rename("a", "new");

  assert.equal(book.get("a")?.title, "new");
  await assert.rejects(renamed, /refused/);
  assert.equal(book.get("a")?.title, "old");
});

test("a deleted conversation stays away though a page still has it, until it is restored", async () => {
  const book = new ConversationBook(server(null, { items: [conversation("a", 1)], next: null }, conversation("a", 1)));
  book.put(conversation("a", 1));

  await book.delete("a");
  await book.loadMore();
  assert.deepEqual(ids(book), []);

  await book.restore("a");
  assert.deepEqual(ids(book), ["a"]);
});

test("a deletion that fails brings the conversation back", async () => {
  const book = new ConversationBook(server(new Error("network")));
  book.put(conversation("a", 1));

  await assert.rejects(book.delete("a"), /network/);

  assert.deepEqual(ids(book), ["a"]);
});

test("a conversation whose first answer is being written is expected", () => {
  const book = new ConversationBook(server());

  book.notice({ kind: "run_started", conversation_id: "a", title: "Hello" });
  assert.equal(book.get("a")?.provisional, true);

  book.notice({ kind: "conversation_created", conversation: conversation("a", 1, "Hello") });
  assert.equal(book.get("a")?.provisional, undefined);
});

test("a turn brings a conversation to the top and keeps its title", () => {
  const book = new ConversationBook(server());
  book.put(conversation("a", 1, "first"));
  book.put(conversation("b", 2));

  book.notice({ kind: "run_started", conversation_id: "a", title: "another question" });

  assert.deepEqual(ids(book), ["a", "b"]);
  assert.equal(book.get("a")?.title, "first");
});

test("notices of other tabs are taken over", () => {
  const book = new ConversationBook(server());
  book.put(conversation("a", 1));

  book.notice({ kind: "conversation_renamed", conversation: conversation("a", 1, "renamed") });
  assert.equal(book.get("a")?.title, "renamed");

  book.notice({ kind: "conversation_deleted", conversation_id: "a" });
  assert.equal(book.get("a"), null);

  book.notice({ kind: "run_ended", conversation_id: "a", run_id: "r", status: "completed" });
  assert.equal(book.get("a"), null);
});
