import assert from "node:assert/strict";
import { test } from "node:test";

import { Drafts } from "../../../static/js/elements/drafts.js";

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

  get size() {
    return this.#items.size;
  }
}

test("each conversation keeps its own words", () => {
  const drafts = new Drafts(new MemoryStorage(), 1);

  drafts.write("a", "first");
  drafts.write(null, "new");

  assert.equal(drafts.read("a"), "first");
  assert.equal(drafts.read(null), "new");
  assert.equal(drafts.read("b"), "");
});

test("one person's words are not offered to another", () => {
  const storage = new MemoryStorage();
  new Drafts(storage, 1).write("a", "secret");

  assert.equal(new Drafts(storage, 2).read("a"), "");
});

test("blank words leave nothing behind", () => {
  const storage = new MemoryStorage();
  const drafts = new Drafts(storage, 1);

  drafts.write("a", "text");
  drafts.write("a", " \n");

  assert.equal(storage.size, 0);
});

test("a forbidden storage costs the draft, not the page", (t) => {
  t.mock.method(console, "warn", () => {});
  const forbidden = () => {
    throw new Error("forbidden");
  };
  const drafts = new Drafts({ getItem: forbidden, setItem: forbidden, removeItem: forbidden }, 1);

  drafts.write("a", "text");

  assert.equal(drafts.read("a"), "");
});

test("without a storage there are no drafts", () => {
  const drafts = new Drafts(null, 1);

  drafts.write("a", "text");

  assert.equal(drafts.read("a"), "");
});
