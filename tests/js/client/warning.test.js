import assert from "node:assert/strict";
import { test } from "node:test";

import { ChatError } from "../../../static/js/client/errors.js";
import { warn } from "../../../static/js/client/warning.js";

const said = (context) => {
  const { mock } = context.mock.method(console, "warn", () => {});
  return () => mock.calls.map(({ arguments: words }) => words);
};

test("what was ignored is said, with its details", (context) => {
  const words = said(context);
  const error = new ChatError({ code: "bad_response", message: "What?", retryable: false });
  warn("a list could not be read", error);
  warn("a frame was ignored", "hello", 3);
  assert.deepEqual(words(), [["chat: a list could not be read", error], ["chat: a frame was ignored", "hello", 3]]);
});

test("nothing is said of a request that the network cut off, as leaving the page does", (context) => {
  const words = said(context);
  warn("a list could not be read", new ChatError({ code: "network", message: "The server cannot be reached.", retryable: true }));
  assert.deepEqual(words(), []);
});
