import assert from "node:assert/strict";
import { before, test } from "node:test";

import { parseHTML } from "linkedom";

import { keyNames } from "../../../static/js/ui/key_names.js";
import { editsLast } from "../../../static/js/ui/send_keys.js";
import { shortcutOf } from "../../../static/js/ui/shortcuts.js";

const { document, Element } = parseHTML("<!doctype html><html><body><textarea></textarea><p>Text</p></body></html>");

before(() => void (globalThis.Element = Element));

/** @param {string} key @param {Record<string, unknown>} [fields] */
function press(key, fields = {}) {
  return /** @type {any} */ ({ key, target: document.querySelector("p"), keyCode: 0, ...fields });
}

test("a single key is a shortcut while nothing is being typed", () => {
  assert.equal(shortcutOf(press("/")), "focus-composer");
  assert.equal(shortcutOf(press("?", { shiftKey: true })), "shortcuts");
  assert.equal(shortcutOf(press("/", { target: document.querySelector("textarea") })), null);
  assert.equal(shortcutOf(press("a")), null);
  assert.equal(shortcutOf(press("constructor")), null);
});

test("with Ctrl or Cmd, it is a shortcut everywhere", () => {
  const target = document.querySelector("textarea");
  assert.equal(shortcutOf(press("k", { ctrlKey: true, target })), "palette");
  assert.equal(shortcutOf(press("K", { metaKey: true, target })), "palette");
  assert.equal(shortcutOf(press("O", { ctrlKey: true, shiftKey: true, target })), "new-chat");
  assert.equal(shortcutOf(press("Escape", { target })), "stop");
  assert.equal(shortcutOf(press("k", { ctrlKey: true, altKey: true })), null);
});

test("keys handled by an input method, or already handled, are not shortcuts", () => {
  assert.equal(shortcutOf(press("Escape", { isComposing: true })), null);
  assert.equal(shortcutOf(press("Escape", { keyCode: 229 })), null);
  assert.equal(shortcutOf(press("/", { defaultPrevented: true })), null);
});

test("the up arrow alone edits the last question", () => {
  assert.equal(editsLast(press("ArrowUp")), true);
  assert.equal(editsLast(press("ArrowUp", { shiftKey: true })), false);
  assert.equal(editsLast(press("ArrowUp", { keyCode: 229 })), false);
  assert.equal(editsLast(press("ArrowDown")), false);
});

test("keys are named as on the keyboard", () => {
  assert.deepEqual(keyNames("Mod+Shift+O", "MacIntel"), ["⌘", "⇧", "O"]);
  assert.deepEqual(keyNames("Mod+K", "Linux x86_64"), ["Ctrl", "K"]);
});
