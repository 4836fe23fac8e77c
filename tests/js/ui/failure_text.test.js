import assert from "node:assert/strict";
import { test } from "node:test";

import { failureText } from "../../../static/js/ui/failure_text.js";
import { waitText } from "../../../static/js/ui/wait_text.js";

test("a known code has a title, with the server's sentence below", () => {
  assert.deepEqual(failureText({ code: "timeout", message: "Nothing came for 45 seconds.", retryable: true }), {
    kind: "model",
    title: "The model took too long",
    detail: "Nothing came for 45 seconds.",
  });
});

test("if the server says no more than the code, the detail is ours, too", () => {
  assert.equal(failureText({ code: "output_too_long", message: "Zzz", retryable: false }).detail, "It is longer than this site allows.");
  assert.deepEqual(failureText({ code: "empty_answer", message: "It used up all its length.", retryable: true }), {
    kind: "model",
    title: "No answer from the model",
    detail: "It used up all its length.",
  });
  assert.equal(failureText({ code: "no_answer", message: "Zzz", retryable: true }).detail, "The site did not respond in time.");
  assert.equal(failureText({ code: "not_found", message: "Zzz", retryable: false }).detail, "");
});

test("an unknown code has a title, too", () => {
  assert.equal(failureText({ code: "brand_new", message: "?", retryable: false }).title, "The answer failed");
  assert.equal(failureText({ code: "toString", message: "?", retryable: false }).title, "The answer failed");
});

test("a message with an unknown outcome is called unsent", () => {
  const failure = { code: "closed", message: "The connection is closed.", retryable: true };

  assert.match(failureText(failure, { unanswered: true }).title, /^Not sent/);
});

test("the possible remedies are distinguished", () => {
  const kinds = ["rate_limited", "quota_exceeded", "provider_unavailable", "network"].map((code) => failureText({ code, message: "", retryable: true }).kind);

  assert.deepEqual(kinds, ["wait", "quota", "model", "network"]);
});

test("nothing is said twice", () => {
  assert.equal(failureText({ code: "timeout", message: "The model took too long", retryable: true }).detail, "");
});

test("a wait is shown in seconds, a long one in minutes", () => {
  assert.equal(waitText(0.2), "1 s");
  assert.equal(waitText(42), "42 s");
  assert.equal(waitText(121), "3 min");
});
