import assert from "node:assert/strict";
import { test } from "node:test";

import { MessageTree } from "../../../static/js/elements/message_path.js";

/** @param {string} id @param {string | null} parent @param {number} minute */
function message(id, parent, minute) {
  const role = /** @type {"user"} */ ("user");
  return { id, parent_id: parent, role, text: id, created_at: new Date(2026, 0, 1, 0, minute).toISOString() };
}

const QUESTION = message("question", null, 0);
const FIRST = message("first", "question", 1);
const SECOND = message("second", "question", 2);
const NEXT = message("next", "first", 3);

/** @param {MessageTree} tree @param {string | null} leaf */
function ids(tree, leaf) {
  return tree.path(leaf).messages.map(({ id }) => id);
}

test("the path leads from the root to the leaf, past other branches", () => {
  const tree = new MessageTree();
  tree.add([NEXT, SECOND, FIRST, QUESTION]);

  assert.deepEqual(ids(tree, "next"), ["question", "first", "next"]);
  assert.deepEqual(ids(tree, "second"), ["question", "second"]);
});

test("without a known leaf it ends at the newest message", () => {
  const tree = new MessageTree();
  tree.add([NEXT, SECOND]);
  tree.add([FIRST, QUESTION]);

  assert.deepEqual(ids(tree, null), ["question", "first", "next"]);
  assert.deepEqual(ids(tree, "unknown"), ["question", "first", "next"]);
});

test("a first page read again brings the newest message", () => {
  const tree = new MessageTree();
  tree.add([FIRST, QUESTION]);
  tree.add([NEXT, SECOND, FIRST, QUESTION]);

  assert.deepEqual(ids(tree, null), ["question", "first", "next"]);
});

test("it says when older pages hold the beginning", () => {
  const tree = new MessageTree();
  tree.add([NEXT, SECOND]);

  assert.deepEqual(tree.path("next"), { messages: [NEXT], missing: true });

  tree.add([FIRST, QUESTION]);

  assert.equal(tree.path("next").missing, false);
});

test("an empty conversation has an empty path", () => {
  const tree = new MessageTree();
  tree.add([]);

  assert.deepEqual(tree.path(null), { messages: [], missing: false });
});
