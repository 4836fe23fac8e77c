import assert from "node:assert/strict";
import { test } from "node:test";

import { sendsMessage } from "../../static/js/ui/send_keys.js";

const page = { touch: false, isThere: false };
const pressed = await listener();

async function listener() {
  let heard = null;
  globalThis.document = { addEventListener: (type, listen) => type === "keydown" && (heard = listen) };
  globalThis.customElements = { get: (name) => (name === "chat-app" && page.isThere ? class {} : undefined) };
  globalThis.matchMedia = (query) => ({ matches: page.touch && query === "(hover: none) and (pointer: coarse)" });
  await import("../../static/js/early_enter.js");
  return heard;
}

/** @returns whether the box waits for the page to send */
function press(keys, { id = "composer-text", value = "Hello" } = {}) {
  const target = { id, value, readOnly: false };
  let prevented = false;
  pressed({ key: "Enter", target, preventDefault: () => (prevented = true), ...keys });
  assert.equal(prevented, target.readOnly);
  return target.readOnly;
}

function* presses() {
  for (const key of ["Enter", "a"]) {
    for (let bits = 0; bits < 64; bits += 1) {
      const [shiftKey, ctrlKey, metaKey, altKey, isComposing, isOld] = [1, 2, 4, 8, 16, 32].map((bit) => (bits & bit) > 0);
      yield { key, shiftKey, ctrlKey, metaKey, altKey, isComposing, keyCode: isOld ? 229 : 13 };
    }
  }
}

test("the keys that send are the same as on the loaded page", () => {
  for (const touch of [false, true]) {
    page.touch = touch;
    for (const keys of presses()) assert.equal(press(keys), sendsMessage(keys, { touch }), JSON.stringify({ touch, ...keys }));
  }
  page.touch = false;
});

test("nothing is sent from other fields, or without text", () => {
  assert.ok(press({}));
  assert.ok(!press({}, { id: "assistant-search" }));
  assert.ok(!press({}, { value: " \n" }));
});

test("the loaded page handles the key itself", () => {
  page.isThere = true;
  assert.ok(!press({}));
  page.isThere = false;
});
