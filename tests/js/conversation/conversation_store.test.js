import assert from "node:assert/strict";
import { test } from "node:test";

import { ConversationStore } from "../../../static/js/conversation/conversation_store.js";

/** @param {string} id @param {number} minute */
function conversation(id, minute, title = id) {
  const at = new Date(2026, 0, 1, 0, minute).toISOString();
  return { id, title, assistant: null, active_leaf_id: null, created_at: at, updated_at: at };
}

const NOTHING = { items: [], next: null };

/**
 * A server with scripted responses: each request takes the next one; an Error is thrown. Nothing is pinned.
 *
 * @param {...unknown} answers
 */
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

/** @param {ConversationStore} store */
function ids(store) {
  return store.all.map(({ id }) => id);
}

test("pages are read one after another, newest first", async () => {
  const client = server({ items: [conversation("b", 2)], next: "x=" }, { items: [conversation("a", 1)], next: null });
  const store = new ConversationStore(client);

  await Promise.all([store.loadMore(), store.loadMore()]);
  assert.equal(store.complete, false);
  await store.loadMore();
  await store.loadMore();

  assert.deepEqual(ids(store), ["b", "a"]);
  assert.equal(store.complete, true);
  assert.deepEqual(client.requests, [["GET", "/conversations"], ["GET", "/conversations?cursor=x%3D"]]);
});

test("a page that failed to load can be requested again", async () => {
  const store = new ConversationStore(server(new Error("network"), { items: [conversation("a", 1)], next: null }));

  await assert.rejects(store.loadMore(), /network/);
  await store.loadMore();

  assert.deepEqual(ids(store), ["a"]);
});

test("a new title shows at once, and is reverted if the server refuses it", async () => {
  const store = new ConversationStore(server(new Error("refused")));
  store.put(conversation("a", 1, "old"));

  const renamed = store.change("a", { title: "new" });

  assert.equal(store.get("a")?.title, "new");
  await assert.rejects(renamed, /refused/);
  assert.equal(store.get("a")?.title, "old");
});

test("a change can be shown when it is saved, and not before", async () => {
  const saved = { ...conversation("a", 1), tools: false };
  const client = server(saved, new Error("refused"));
  const store = new ConversationStore(client);
  store.put({ ...conversation("a", 1), tools: true });

  const saving = store.save("a", { tools: false });
  assert.equal(store.get("a")?.tools, true);
  await saving;
  assert.equal(store.get("a"), saved);
  assert.deepEqual(client.requests, [["PATCH", "/conversations/a", { tools: false }]]);

  await assert.rejects(store.save("a", { tools: true }), /refused/);
  assert.equal(store.get("a"), saved);
});

test("what a notice brings meanwhile is newer than the response to a change", async () => {
  const store = new ConversationStore(server({ ...conversation("a", 1), tools: false }));
  store.put(conversation("a", 1));

  const saving = store.save("a", { tools: false });
  store.notice({ kind: "conversation_changed", conversation: { ...conversation("a", 2), tools: true } });
  await saving;

  assert.equal(store.get("a")?.tools, true);
});

test("what its first message chose of tools is known before a conversation is saved", () => {
  const store = new ConversationStore(server());

  store.expect({ id: "a", title: "Hello", tools: false });
  store.notice({ kind: "run_started", conversation_id: "a", title: "Hello" });
  assert.equal(store.get("a")?.tools, false);

  store.put({ ...conversation("b", 1), tools: true });
  store.expect({ id: "b", title: "Hello", tools: false });
  assert.equal(store.get("b")?.tools, true);
});

test("a deleted conversation stays away even if a page still contains it, until it is restored", async () => {
  const store = new ConversationStore(server(null, { items: [conversation("a", 1)], next: null }, conversation("a", 1)));
  store.put(conversation("a", 1));

  await store.delete("a");
  await store.loadMore();
  assert.deepEqual(ids(store), []);

  await store.restore("a");
  assert.deepEqual(ids(store), ["a"]);
});

test("a failed deletion brings the conversation back", async () => {
  const store = new ConversationStore(server(new Error("network")));
  store.put(conversation("a", 1));

  await assert.rejects(store.delete("a"), /network/);

  assert.deepEqual(ids(store), ["a"]);
});

test("a conversation is listed while its first answer is being written", () => {
  const store = new ConversationStore(server());

  store.notice({ kind: "run_started", conversation_id: "a", title: "Hello" });
  assert.equal(store.get("a")?.provisional, true);

  store.notice({ kind: "conversation_created", conversation: conversation("a", 1, "Hello") });
  assert.equal(store.get("a")?.provisional, undefined);
});

test("a turn moves a conversation to the top and keeps its title", () => {
  const store = new ConversationStore(server());
  store.put(conversation("a", 1, "first"));
  store.put(conversation("b", 2));

  store.notice({ kind: "run_started", conversation_id: "a", title: "another question" });

  assert.deepEqual(ids(store), ["a", "b"]);
  assert.equal(store.get("a")?.title, "first");
});

test("notices from other tabs are applied", () => {
  const store = new ConversationStore(server());
  store.put(conversation("a", 1));

  store.notice({ kind: "conversation_renamed", conversation: conversation("a", 1, "renamed") });
  assert.equal(store.get("a")?.title, "renamed");

  store.notice({ kind: "conversation_deleted", conversation_id: "a" });
  assert.equal(store.get("a"), null);

  store.notice({ kind: "run_ended", conversation_id: "a", run_id: "r", status: "completed" });
  assert.equal(store.get("a"), null);
});

test("pinned conversations come with the first page, however old they are", async () => {
  const pages = { "/conversations": { items: [conversation("b", 2)], next: "x" }, "/conversations?pinned=1": { items: [{ ...conversation("old", 0), pinned: true }], next: null } };
  const store = new ConversationStore({ request: async (_, path) => pages[path] });

  await store.loadMore();

  assert.deepEqual(ids(store), ["b", "old"]);
});

test("the archive is a separate list", async () => {
  const client = server({ items: [{ ...conversation("a", 1), archived: true }], next: null }, { ...conversation("a", 1), archived: false });
  const store = new ConversationStore(client);
  store.put(conversation("b", 2));

  await store.loadMoreArchived();
  assert.deepEqual(store.archived.map(({ id }) => id), ["a"]);
  assert.deepEqual(ids(store), ["b"]);
  assert.equal(store.archiveComplete, true);

  await store.change("a", { archived: false });
  assert.deepEqual(ids(store), ["b", "a"]);
  assert.deepEqual(client.requests.at(-1), ["PATCH", "/conversations/a", { archived: false }]);
});

test("a change that changes nothing is not sent", async () => {
  const client = server();
  const store = new ConversationStore(client);
  store.put(conversation("a", 1, "title"));

  await store.change("a", { title: "title" });
  await store.change("a", { unread: false });

  assert.deepEqual(client.requests, []);
});

test("a failed change does not undo what another tab has changed in the meantime", async () => {
  const store = new ConversationStore(server(new Error("network")));
  store.put(conversation("a", 1, "old"));

  const renamed = store.change("a", { title: "mine" });
  store.notice({ kind: "conversation_renamed", conversation: conversation("a", 1, "theirs") });
  await assert.rejects(renamed, /network/);

  assert.equal(store.get("a")?.title, "theirs");
});

test("on a refresh, conversations deleted in the meantime are gone, and older pages are read as far as before", async () => {
  const client = server({ items: [conversation("d", 4)], next: "1" }, { items: [conversation("b", 2)], next: "2" });
  const store = new ConversationStore(client);
  for (const [id, minute] of [["d", 4], ["c", 3], ["b", 2]]) store.put(conversation(id, minute));

  await store.refresh();

  assert.deepEqual(ids(store), ["d", "b"]);
  assert.deepEqual(client.requests, [["GET", "/conversations"], ["GET", "/conversations?cursor=1"]]);
});

test("a refresh keeps unsaved and archived conversations, and what a notice has just brought", async () => {
  let answer = (/** @type {unknown} */ page) => page;
  const page = new Promise((resolve) => (answer = resolve));
  const store = new ConversationStore({ request: (_, path) => (path.includes("pinned") ? Promise.resolve(NOTHING) : page) });
  store.expect({ id: "begun", title: "begun" });
  store.put({ ...conversation("archived", 1), archived: true });
  store.put(conversation("gone", 1));
  store.put(conversation("changed", 1, "old"));

  const refreshed = store.refresh();
  store.notice({ kind: "conversation_renamed", conversation: conversation("changed", 1, "new") });
  answer(NOTHING);
  await refreshed;

  assert.deepEqual(ids(store), ["begun", "changed"]);
  assert.equal(store.archived.length, 1);
});

test("late messages about a deleted conversation do not bring it back", async () => {
  const store = new ConversationStore(server({ ...conversation("a", 1), unread: false }));
  store.put({ ...conversation("a", 1), unread: true });

  const read = store.change("a", { unread: false });
  store.notice({ kind: "conversation_deleted", conversation_id: "a" });
  await read;
  store.notice({ kind: "conversation_changed", conversation: conversation("a", 1) });
  assert.equal(store.get("a"), null);

  store.notice({ kind: "conversation_restored", conversation: conversation("a", 1) });
  assert.deepEqual(ids(store), ["a"]);
});

test("the response to a change is older than a notice that came before it", async () => {
  const store = new ConversationStore(server({ ...conversation("a", 1, "old"), unread: false }));
  store.put({ ...conversation("a", 1, "old"), unread: true });

  const read = store.change("a", { unread: false });
  store.notice({ kind: "conversation_renamed", conversation: conversation("a", 1, "new") });
  await read;

  assert.equal(store.get("a")?.title, "new");
});

for (const [name, read] of /** @type {[string, (store: ConversationStore) => Promise<void>][]} */ ([["refresh", (store) => store.refresh()], ["loadMore", (store) => store.loadMore()]])) {
  test(`a page of ${name} is older than a notice that came before it`, async () => {
    let answer = (/** @type {unknown} */ page) => page;
    const page = new Promise((resolve) => (answer = resolve));
    const store = new ConversationStore({ request: (_, path) => (path.includes("pinned") ? Promise.resolve(NOTHING) : page) });
    store.put(conversation("renamed", 1, "old"));
    store.put(conversation("deleted", 1));

    const done = read(store);
    store.notice({ kind: "conversation_renamed", conversation: conversation("renamed", 1, "new") });
    store.notice({ kind: "conversation_created", conversation: conversation("created", 2, "whole") });
    store.notice({ kind: "conversation_deleted", conversation_id: "deleted" });
    answer({ items: [conversation("created", 2, "first"), conversation("renamed", 1, "old"), conversation("deleted", 1)], next: null });
    await done;

    assert.deepEqual(store.all.map(({ title }) => title), ["whole", "new"]);
  });
}

test("a page knows more about a conversation than the start of a turn in it", async () => {
  const store = new ConversationStore(server({ items: [conversation("a", 1, "its title")], next: null }));

  const loading = store.loadMore();
  store.notice({ kind: "run_started", conversation_id: "a", title: "another question" });
  await loading;

  assert.equal(store.get("a")?.title, "its title");
  assert.equal(store.get("a")?.provisional, undefined);
});

test("a page requested twice is added once", async () => {
  const store = new ConversationStore(server({ items: [conversation("a", 1, "old")], next: null }));

  const first = store.loadMore();
  store.notice({ kind: "conversation_renamed", conversation: conversation("a", 1, "new") });
  await Promise.all([first, store.loadMore()]);

  assert.equal(store.get("a")?.title, "new");
});

test("a conversation restored while disconnected is back after a refresh", async () => {
  const store = new ConversationStore(server({ items: [conversation("a", 1)], next: null }));
  store.notice({ kind: "conversation_deleted", conversation_id: "a" });

  await store.refresh();

  assert.deepEqual(ids(store), ["a"]);
});
