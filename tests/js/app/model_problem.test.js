import assert from "node:assert/strict";
import { test } from "node:test";

import { modelProblem } from "../../../static/js/app/model_problem.js";

const SILENT = { provider: "openai", silent: true };
const REFUSED = { provider: "openai", silent: false };
const OPENAI = { provider: "openai" };
const OLLAMA = { provider: "ollama" };

test("a server that does not respond is reported if its model is chosen", () => {
  assert.equal(modelProblem([SILENT], OPENAI), "silent");
  assert.equal(modelProblem([REFUSED, SILENT], null), "silent");
});

test("nothing is reported if another provider can answer", () => {
  assert.equal(modelProblem([SILENT], OLLAMA), null);
  assert.equal(modelProblem([], OPENAI), null);
  assert.equal(modelProblem([], null), null);
});

test("a server that lists no models is reported only if no one else can answer", () => {
  assert.equal(modelProblem([REFUSED], null), "refused");
  assert.equal(modelProblem([REFUSED], OPENAI), null);
});
