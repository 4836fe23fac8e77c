import assert from "node:assert/strict";
import { test } from "node:test";

import { ChatError } from "../../../static/js/client/errors.js";
import { warn } from "../../../static/js/client/warning.js";

const said = (context) => {
  const { mock } = context.mock.method(console, "warn", () => {});
  return () => mock.calls.map(({ arguments: words }) => words);
};

test("ignored input is logged with its details", (context) => {
  const words = said(context);
  const error = new ChatError({ code: "bad_response", message: "What?", retryable: false });
  warn("could not read a list", error);
  warn("ignored a frame", "hello", 3);
  assert.deepEqual(words(), [["chat: could not read a list", error], ["chat: ignored a frame", "hello", 3]]);
});

test("a request that the network cut off, as when leaving the page, is not logged", (context) => {
  const words = said(context);
  warn("could not read a list", new ChatError({ code: "network", message: "The server cannot be reached.", retryable: true }));
  assert.deepEqual(words(), []);
});
