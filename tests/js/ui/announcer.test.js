import assert from "node:assert/strict";
import { test } from "node:test";

import { spokenAnswer } from "../../../static/js/ui/announcer.js";

test("the end of an answer is announced with its length", () => {
  assert.equal(spokenAnswer("One two\nthree.", "completed"), "Answer ready, 3 words.");
  assert.equal(spokenAnswer("One", "stopped"), "Answer stopped, 1 word.");
  assert.equal(spokenAnswer("half an ans", "error"), "The answer failed");
});
