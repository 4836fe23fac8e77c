import assert from "node:assert/strict";
import { test } from "node:test";

import { Drafts } from "../../../static/js/composer/drafts.js";

class MemoryStorage {
  #items = new Map();

  getItem(/** @type {string} */ key) {
    return this.#items.get(key) ?? null;
  }

  setItem(/** @type {string} */ key, /** @type {string} */ value) {
    this.#items.set(key, value);
  }

  removeItem(/** @type {string} */ key) {
    this.#items.delete(key);
  }

  key(/** @type {number} */ at) {
    return [...this.#items.keys()][at] ?? null;
  }

  get length() {
    return this.#items.size;
  }
}

test("each conversation has its own draft", () => {
  const drafts = new Drafts(new MemoryStorage(), 1);

  drafts.write("a", "first");
  drafts.write(null, "new");

  assert.equal(drafts.read("a"), "first");
  assert.equal(drafts.read(null), "new");
  assert.equal(drafts.read("b"), "");
});

test("one user's drafts are not shown to another", () => {
  const storage = new MemoryStorage();
  new Drafts(storage, 1).write("a", "secret");

  assert.equal(new Drafts(storage, 2).read("a"), "");
});

test("a blank draft leaves nothing behind", () => {
  const storage = new MemoryStorage();
  const drafts = new Drafts(storage, 1);

  drafts.write("a", "text");
  drafts.write("a", " \n");

  assert.equal(storage.length, 0);
});

test("a forbidden storage loses the draft, not the page", (t) => {
  t.mock.method(console, "warn", () => {});
  const forbidden = () => {
    throw new Error("forbidden");
  };
  const drafts = new Drafts({ getItem: forbidden, setItem: forbidden, removeItem: forbidden, key: forbidden, length: 1 }, 1);

  drafts.write("a", "text");

  assert.equal(drafts.read("a"), "");
});

test("without a storage there are no drafts", () => {
  const drafts = new Drafts(null, 1);

  drafts.write("a", "text");

  assert.equal(drafts.read("a"), "");
});

test("returned text is put before text typed in the meantime", () => {
  const drafts = new Drafts(new MemoryStorage(), 1);

  drafts.giveBack("a", "refused");
  assert.equal(drafts.read("a"), "refused");
  drafts.giveBack("a", "refused");
  assert.equal(drafts.read("a"), "refused");
  drafts.write("a", "begun");
  drafts.giveBack("a", "refused");

  assert.equal(drafts.read("a"), "refused\n\nbegun");
});

test("a choice of tools is kept beside the draft, and is no part of it", () => {
  const storage = new MemoryStorage();
  const drafts = new Drafts(storage, 1);
  assert.equal(drafts.tools("a"), null);

  drafts.chooseTools("a", false);
  drafts.chooseTools(null, true);
  drafts.write("a", "text");
  drafts.write("a", "");
  assert.deepEqual([drafts.tools("a"), drafts.tools(null), drafts.tools("b"), drafts.read("a")], [false, true, null, ""]);

  drafts.chooseTools("a", null);
  assert.deepEqual([drafts.tools("a"), storage.length], [null, 1]);
  drafts.clear();
  assert.equal(storage.length, 0);
});

test("drafts older than three months are removed, and only the user's own", () => {
  const storage = new MemoryStorage();
  const day = 24 * 60 * 60 * 1_000;
  new Drafts(storage, 1, () => 0).write("old", "text");
  new Drafts(storage, 1, () => 60 * day).write("newer", "text");
  new Drafts(storage, 2, () => 0).write("old", "theirs");

  new Drafts(storage, 1, () => 91 * day);

  assert.deepEqual([storage.key(0), storage.key(1)], ["chatsite.draft.1.newer", "chatsite.draft.2.old"]);
});

test("signing out leaves nothing behind, and keeps other users' drafts", () => {
  const storage = new MemoryStorage();
  const drafts = new Drafts(storage, 1);
  drafts.write("a", "text");
  drafts.write(null, "text");
  new Drafts(storage, 12).write("a", "theirs");

  drafts.clear();
  drafts.write("a", "what is still in the box while the page closes");

  assert.equal(storage.length, 1);
  assert.equal(new Drafts(storage, 12).read("a"), "theirs");
});

/** A tab with the draft "text", whose user has signed out in another tab. */
function loggedOutElsewhere() {
  const storage = new MemoryStorage();
  const drafts = new Drafts(storage, 1);
  drafts.write("a", "text");
  const left = { key: storage.key(0), oldValue: storage.getItem(storage.key(0)), newValue: null };
  new Drafts(storage, 1).clear();
  drafts.writtenElsewhere(left, "a");
  return { storage, drafts };
}

test("the draft of a user who signed out in another tab is not stored again unchanged", () => {
  const { storage, drafts } = loggedOutElsewhere();
  drafts.write("a", "text");
  assert.equal(storage.length, 0);
  drafts.write("a", "text, and more");
  assert.equal(drafts.read("a"), "text, and more");
  drafts.clear();
});

test("drafts are stored again after signing in again", () => {
  const { drafts } = loggedOutElsewhere();

  drafts.resume();
  drafts.write("a", "text");

  assert.equal(drafts.read("a"), "text");
});

test("another tab is notified of drafts written or sent, but not of a sign-out", () => {
  const storage = new MemoryStorage();
  /** @type {{ key: string, newValue: string | null }[]} */
  const events = [];
  const spied = {
    getItem: (/** @type {string} */ key) => storage.getItem(key),
    key: (/** @type {number} */ at) => storage.key(at),
    get length() {
      return storage.length;
    },
    setItem: (/** @type {string} */ key, /** @type {string} */ newValue) => void (storage.setItem(key, newValue), events.push({ key, newValue })),
    removeItem: (/** @type {string} */ key) => void (storage.removeItem(key), events.push({ key, newValue: null })),
  };
  const [drafts, there] = [new Drafts(spied, 1), new Drafts(storage, 1)];
  const heard = () => events.splice(0).map((event) => there.writtenElsewhere(event, "a"));

  drafts.write("b", "elsewhere");
  assert.deepEqual(heard(), [null]);
  drafts.write("a", "text");
  assert.deepEqual(heard(), ["text"]);
  drafts.write("a", "");
  assert.deepEqual(heard(), ["", null]);
  drafts.write("a", "text");
  drafts.clear();
  assert.deepEqual(heard().at(-1), null);
});
