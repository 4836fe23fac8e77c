import assert from "node:assert/strict";
import { test } from "node:test";

import { matchingCommands, paletteCommands } from "../../../static/js/palette/palette_commands.js";

const OPEN = { id: "c", title: "Herons", assistant: null, active_leaf_id: null, created_at: "", updated_at: "" };

/** @param {string} query @param {any} open */
function names(query, open = null) {
  return matchingCommands(paletteCommands(open), query).map(({ name }) => name);
}

test("a command is found by the beginnings of its words, in any order", () => {
  assert.deepEqual(names("dark"), ["theme-dark"]);
  assert.deepEqual(names("the da"), ["theme-dark"]);
  assert.deepEqual(names("NEW"), ["new-chat"]);
  assert.deepEqual(names("ark"), []);
});

test("a command is found by words that are not in its name", () => {
  assert.deepEqual(names("appearance night"), ["theme-dark"]);
});

test("commands on the open conversation are there if there is one", () => {
  assert.deepEqual(names("this conversation"), []);
  assert.deepEqual(names("this conversation", OPEN), ["pin", "rename", "archive", "delete"]);
});

test("an action can be undone", () => {
  assert.deepEqual(names("unpin", { ...OPEN, pinned: true }), ["pin"]);
  assert.deepEqual(names("unarchive", { ...OPEN, archived: true }), ["archive"]);
  assert.deepEqual(names("pin", { ...OPEN, archived: true }), []);
});
