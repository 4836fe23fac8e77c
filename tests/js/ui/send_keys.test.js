import assert from "node:assert/strict";
import { test } from "node:test";

import { sendsMessage } from "../../../static/js/ui/send_keys.js";

const DESKTOP = { touch: false };
const TOUCH = { touch: true };

/** @param {Partial<KeyboardEvent>} fields */
function press(fields) {
  return { key: "Enter", shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, isComposing: false, keyCode: 13, ...fields };
}

test("Enter sends", () => {
  assert.equal(sendsMessage(press({}), DESKTOP), true);
});

test("Shift+Enter and Alt+Enter break the line", () => {
  assert.equal(sendsMessage(press({ shiftKey: true }), DESKTOP), false);
  assert.equal(sendsMessage(press({ altKey: true }), DESKTOP), false);
});

test("on a touch screen, Enter breaks the line", () => {
  assert.equal(sendsMessage(press({}), TOUCH), false);
});

test("Ctrl and Cmd with Enter always send", () => {
  assert.equal(sendsMessage(press({ ctrlKey: true }), TOUCH), true);
  assert.equal(sendsMessage(press({ metaKey: true }), DESKTOP), true);
});

test("an Enter that ends a composition sends nothing", () => {
  assert.equal(sendsMessage(press({ isComposing: true }), DESKTOP), false);
  assert.equal(sendsMessage(press({ isComposing: true, ctrlKey: true }), DESKTOP), false);
});

test("nor does Safari's, which comes after the composition has ended", () => {
  assert.equal(sendsMessage(press({ keyCode: 229 }), DESKTOP), false);
});

test("other keys send nothing", () => {
  assert.equal(sendsMessage(press({ key: "a", ctrlKey: true }), DESKTOP), false);
});
