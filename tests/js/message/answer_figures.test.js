import assert from "node:assert/strict";
import { test } from "node:test";

import { figuresOf, figuresOfEnd } from "../../../static/js/message/answer_figures.js";

const SAVED = { model: "big-1", ttft_ms: 480, duration_ms: 10_480, input_tokens: 1200, output_tokens: 500 };

test("a saved answer and the end of a streamed one give the same figures", () => {
  const { input_tokens, output_tokens, ...times } = SAVED;

  assert.deepEqual(figuresOfEnd({ ...times, usage: { input_tokens, output_tokens } }, "big-1"), figuresOf(SAVED));
});
