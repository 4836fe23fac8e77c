import assert from "node:assert/strict";
import { test } from "node:test";

import { modelProblem } from "../../../static/js/app/model_problem.js";

const SILENT = { provider: "openai", silent: true };
const REFUSED = { provider: "openai", silent: false };
const OPENAI = { provider: "openai" };
const OLLAMA = { provider: "ollama" };

test("a server that does not answer is told of where it would have to", () => {
  assert.equal(modelProblem([SILENT], OPENAI), "silent");
  assert.equal(modelProblem([REFUSED, SILENT], null), "silent");
});

test("where somebody else can answer nothing is told", () => {
  assert.equal(modelProblem([SILENT], OLLAMA), null);
  assert.equal(modelProblem([], OPENAI), null);
  assert.equal(modelProblem([], null), null);
});

test("a server that lists no models is told of only where nobody can answer", () => {
  assert.equal(modelProblem([REFUSED], null), "refused");
  assert.equal(modelProblem([REFUSED], OPENAI), null);
});
