import assert from "node:assert/strict";
import { test } from "node:test";

import { failureWords, waitWords } from "../../../static/js/ui/failure_text.js";

test("a known code has a title, with the words of the server below", () => {
  assert.deepEqual(failureWords({ code: "timeout", message: "Nothing came for 45 seconds.", retryable: true }), {
    kind: "model",
    title: "The model took too long",
    detail: "Nothing came for 45 seconds.",
  });
});

test("where the server says no more than the code, the sentence below is ours, too", () => {
  assert.equal(failureWords({ code: "output_too_long", message: "Zzz", retryable: false }).detail, "It grew longer than this site allows.");
  assert.deepEqual(failureWords({ code: "empty_answer", message: "It used up all its length.", retryable: true }), {
    kind: "model",
    title: "The model said nothing",
    detail: "It used up all its length.",
  });
  assert.equal(failureWords({ code: "no_answer", message: "Zzz", retryable: true }).detail, "The site did not answer in time.");
  assert.equal(failureWords({ code: "not_found", message: "Zzz", retryable: false }).detail, "");
});

test("an unknown code has a title as well", () => {
  assert.equal(failureWords({ code: "brand_new", message: "?", retryable: false }).title, "The answer did not come");
  assert.equal(failureWords({ code: "toString", message: "?", retryable: false }).title, "The answer did not come");
});

test("a message whose fate is unknown is called unsent", () => {
  const failure = { code: "closed", message: "The connection is closed.", retryable: true };

  assert.match(failureWords(failure, { unanswered: true }).title, /^Not sent/);
});

test("what can be done about it is told apart", () => {
  const kinds = ["rate_limited", "quota_exceeded", "provider_unavailable", "network"].map((code) => failureWords({ code, message: "", retryable: true }).kind);

  assert.deepEqual(kinds, ["wait", "quota", "model", "network"]);
});

test("nothing is said twice", () => {
  assert.equal(failureWords({ code: "timeout", message: "The model took too long", retryable: true }).detail, "");
});

test("a wait is told in seconds, a long one in minutes", () => {
  assert.equal(waitWords(0.2), "1 s");
  assert.equal(waitWords(42), "42 s");
  assert.equal(waitWords(121), "3 min");
});
