import assert from "node:assert/strict";
import { test } from "node:test";

import { ChatError, connectionLost } from "../../../static/js/client/errors.js";
import { errorText } from "../../../static/js/ui/error_text.js";

test("a code that says everything is shown in the page's words", () => {
  assert.equal(errorText(connectionLost()), "The connection was lost before the site responded.");
  assert.equal(errorText(new ChatError({ code: "too_many_runs", message: "3 answers are being written." })), "Too many answers at once. Wait for one to finish.");
});

test("the sentence for a rate limit fits whatever was limited", () => {
  const message = "You have sent many messages. Wait a moment.";
  assert.equal(errorText(new ChatError({ code: "rate_limited", message })), "Too many requests. Wait a moment, then try again.");
});

test("without a model, the page says whom to ask", () => {
  assert.equal(errorText(new ChatError({ code: "no_model", message: "Zzz" })), "No model is available to you. Ask your administrator.");
});

test("if the server knows more, its sentence is shown", () => {
  for (const code of ["unavailable", "too_many_requests", "brand_new", "toString"]) {
    assert.equal(errorText(new ChatError({ code, message: "Ask your administrator." })), "Ask your administrator.");
  }
  assert.equal(errorText(new Error("Out of order")), "Out of order");
});
