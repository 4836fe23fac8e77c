import assert from "node:assert/strict";
import { test } from "node:test";

import { ConversationBook } from "../../../static/js/conversation/conversation_store.js";

/** @param {string} id @param {number} minute */
function conversation(id, minute, title = id) {
  const at = new Date(2026, 0, 1, 0, minute).toISOString();
  return { id, title, assistant: null, active_leaf_id: null, created_at: at, updated_at: at };
}

const NOTHING = { items: [], next: null };

/** A server with scripted answers: each request takes the next one; an Error is thrown. Nothing is pinned. @param {...unknown} answers */
function server(...answers) {
  /** @type {unknown[][]} */
  const requests = [];
  return {
    requests,
    async request(/** @type {string} */ method, /** @type {string} */ path, /** @type {unknown} */ body) {
      if (path === "/conversations?pinned=1") return NOTHING;
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

  const renamed = book.change("a", { title: "new" });

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

test("what is pinned is there with the first page, however old it is", async () => {
  const pages = { "/conversations": { items: [conversation("b", 2)], next: "x" }, "/conversations?pinned=1": { items: [{ ...conversation("old", 0), pinned: true }], next: null } };
  const book = new ConversationBook({ request: async (_, path) => pages[path] });

  await book.loadMore();

  assert.deepEqual(ids(book), ["b", "old"]);
});

test("the archive is a list of its own", async () => {
  const client = server({ items: [{ ...conversation("a", 1), archived: true }], next: null }, { ...conversation("a", 1), archived: false });
  const book = new ConversationBook(client);
  book.put(conversation("b", 2));

  await book.loadMoreArchived();
  assert.deepEqual(book.archived.map(({ id }) => id), ["a"]);
  assert.deepEqual(ids(book), ["b"]);
  assert.equal(book.archiveComplete, true);

  await book.change("a", { archived: false });
  assert.deepEqual(ids(book), ["b", "a"]);
  assert.deepEqual(client.requests.at(-1), ["PATCH", "/conversations/a", { archived: false }]);
});

test("a change that changes nothing is not asked for", async () => {
  const client = server();
  const book = new ConversationBook(client);
  book.put(conversation("a", 1, "title"));

  await book.change("a", { title: "title" });
  await book.change("a", { unread: false });

  assert.deepEqual(client.requests, []);
});

test("a change that fails does not undo what another tab has changed meanwhile", async () => {
  const book = new ConversationBook(server(new Error("network")));
  book.put(conversation("a", 1, "old"));

  const renamed = book.change("a", { title: "mine" });
  book.notice({ kind: "conversation_renamed", conversation: conversation("a", 1, "theirs") });
  await assert.rejects(renamed, /network/);

  assert.equal(book.get("a")?.title, "theirs");
});

test("read again, what was deleted meanwhile is gone, and older pages are read as far as they were", async () => {
  const client = server({ items: [conversation("d", 4)], next: "1" }, { items: [conversation("b", 2)], next: "2" });
  const book = new ConversationBook(client);
  for (const [id, minute] of [["d", 4], ["c", 3], ["b", 2]]) book.put(conversation(id, minute));

  await book.refresh();

  assert.deepEqual(ids(book), ["d", "b"]);
  assert.deepEqual(client.requests, [["GET", "/conversations"], ["GET", "/conversations?cursor=1"]]);
});

test("read again, it keeps what is not saved yet, what is archived, and what a notice has just brought", async () => {
  let answer = (/** @type {unknown} */ page) => page;
  const page = new Promise((resolve) => (answer = resolve));
  const book = new ConversationBook({ request: (_, path) => (path.includes("pinned") ? Promise.resolve(NOTHING) : page) });
  book.expect({ id: "begun", title: "begun" });
  book.put({ ...conversation("archived", 1), archived: true });
  book.put(conversation("gone", 1));
  book.put(conversation("changed", 1, "old"));

  const refreshed = book.refresh();
  book.notice({ kind: "conversation_renamed", conversation: conversation("changed", 1, "new") });
  answer(NOTHING);
  await refreshed;

  assert.deepEqual(ids(book), ["begun", "changed"]);
  assert.equal(book.archived.length, 1);
});

test("what is said late of a deleted conversation does not bring it back", async () => {
  const book = new ConversationBook(server({ ...conversation("a", 1), unread: false }));
  book.put({ ...conversation("a", 1), unread: true });

  const read = book.change("a", { unread: false });
  book.notice({ kind: "conversation_deleted", conversation_id: "a" });
  await read;
  book.notice({ kind: "conversation_changed", conversation: conversation("a", 1) });
  assert.equal(book.get("a"), null);

  book.notice({ kind: "conversation_restored", conversation: conversation("a", 1) });
  assert.deepEqual(ids(book), ["a"]);
});

test("the answer to a change is older than a notice that came before it", async () => {
  const book = new ConversationBook(server({ ...conversation("a", 1, "old"), unread: false }));
  book.put({ ...conversation("a", 1, "old"), unread: true });

  const read = book.change("a", { unread: false });
  book.notice({ kind: "conversation_renamed", conversation: conversation("a", 1, "new") });
  await read;

  assert.equal(book.get("a")?.title, "new");
});

for (const [name, read] of /** @type {[string, (book: ConversationBook) => Promise<void>][]} */ ([["refresh", (book) => book.refresh()], ["loadMore", (book) => book.loadMore()]])) {
  test(`a page of ${name} is older than a notice that came before it`, async () => {
    let answer = (/** @type {unknown} */ page) => page;
    const page = new Promise((resolve) => (answer = resolve));
    const book = new ConversationBook({ request: (_, path) => (path.includes("pinned") ? Promise.resolve(NOTHING) : page) });
    book.put(conversation("renamed", 1, "old"));
    book.put(conversation("deleted", 1));

    const done = read(book);
    book.notice({ kind: "conversation_renamed", conversation: conversation("renamed", 1, "new") });
    book.notice({ kind: "conversation_created", conversation: conversation("created", 2, "whole") });
    book.notice({ kind: "conversation_deleted", conversation_id: "deleted" });
    answer({ items: [conversation("created", 2, "first"), conversation("renamed", 1, "old"), conversation("deleted", 1)], next: null });
    await done;

    assert.deepEqual(book.all.map(({ title }) => title), ["whole", "new"]);
  });
}

test("a page knows more of a conversation than the beginning of a turn in it", async () => {
  const book = new ConversationBook(server({ items: [conversation("a", 1, "its title")], next: null }));

  const loading = book.loadMore();
  book.notice({ kind: "run_started", conversation_id: "a", title: "another question" });
  await loading;

  assert.equal(book.get("a")?.title, "its title");
  assert.equal(book.get("a")?.provisional, undefined);
});

test("a page that two have asked for is taken up once", async () => {
  const book = new ConversationBook(server({ items: [conversation("a", 1, "old")], next: null }));

  const first = book.loadMore();
  book.notice({ kind: "conversation_renamed", conversation: conversation("a", 1, "new") });
  await Promise.all([first, book.loadMore()]);

  assert.equal(book.get("a")?.title, "new");
});

test("what was restored while there was no connection is back when the list is read again", async () => {
  const book = new ConversationBook(server({ items: [conversation("a", 1)], next: null }));
  book.notice({ kind: "conversation_deleted", conversation_id: "a" });

  await book.refresh();

  assert.deepEqual(ids(book), ["a"]);
});
