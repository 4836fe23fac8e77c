import assert from "node:assert/strict";
import { test } from "node:test";

import { detailRows, tokensPerSecond } from "../../../static/js/message/answer_details.js";
import { figuresOf } from "../../../static/js/message/answer_figures.js";

const SAVED = { model: "big-1", ttft_ms: 480, duration_ms: 10_480, input_tokens: 1200, output_tokens: 500 };

test("the pace excludes the wait for the first token", () => {
  assert.equal(tokensPerSecond(figuresOf(SAVED)), 50);
  assert.equal(tokensPerSecond({ outputTokens: 1, durationMs: 100 }), null);
  assert.equal(tokensPerSecond({ outputTokens: 10, durationMs: 100, ttftMs: 100 }), null);
  assert.equal(tokensPerSecond({}), null);
});

test("there is a row for each known figure, and none for the others", () => {
  assert.deepEqual(detailRows(figuresOf(SAVED)), [
    ["Model", "big-1"],
    ["First token", "0.48 s"],
    ["Full answer", "10 s"],
    ["Speed", "50 tokens/s"],
    ["Input tokens", "1,200"],
    ["Output tokens", "500"],
  ]);
  assert.deepEqual(detailRows(figuresOf({ model: "", ttft_ms: null })), []);
});
