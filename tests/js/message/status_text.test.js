import assert from "node:assert/strict";
import { test } from "node:test";

import { statusText } from "../../../static/js/message/status_text.js";

test("a state that says everything is shown in the page's words", () => {
  assert.equal(statusText({ state: "retrying", text: "Zzz" }), "The model is busy. Retrying…");
  assert.equal(statusText({ state: "saving", text: "Zzz" }), "Saving the answer…");
  assert.match(statusText({ state: "shortening", text: "Zzz" }), /too long for this model/);
});

test("for any other state, the text says more", () => {
  assert.equal(statusText({ state: "reading", text: "Reading two pages…" }), "Reading two pages…");
  assert.equal(statusText({ state: "toString", text: "Odd" }), "Odd");
  assert.equal(statusText({ text: "Older than states" }), "Older than states");
});
