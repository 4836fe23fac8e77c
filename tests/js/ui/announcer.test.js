import assert from "node:assert/strict";
import { test } from "node:test";

import { answerWords } from "../../../static/js/ui/announcer.js";

test("the end of an answer is told with its length", () => {
  assert.equal(answerWords("One two\nthree.", "completed"), "Answer ready, 3 words.");
  assert.equal(answerWords("One", "stopped"), "Answer stopped, 1 word.");
  assert.equal(answerWords("half an ans", "error"), "The answer did not come");
});
