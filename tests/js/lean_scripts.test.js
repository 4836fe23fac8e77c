import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { tokenize } from "espree";

const SCRIPTS = readdirSync("static/js", { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".js"))
  .map((name) => `static/js/${name}`);
// As in chatsite/lean_scripts.py.
const LEAN = `
import json, sys
from rjsmin import jsmin
json.dump({path: jsmin(open(path, encoding="utf-8").read()) for path in json.load(sys.stdin)}, sys.stdout)
`;

/** The tokens a browser reads. No statement ends by a line break alone: the linter enforces it. */
function meaning(source) {
  return tokenize(source, { ecmaVersion: 2024, sourceType: "module" }).map(({ type, value }) => `${type} ${value}`);
}

test("serving a script removes nothing but comments and whitespace", () => {
  assert.ok(SCRIPTS.length > 50);
  const lean = JSON.parse(execFileSync(".venv/bin/python", ["-c", LEAN], { input: JSON.stringify(SCRIPTS), encoding: "utf8" }));
  for (const path of SCRIPTS) {
    const source = readFileSync(path, "utf8");
    assert.deepEqual(meaning(lean[path]), meaning(source), path);
    assert.ok(lean[path].length < source.length, path);
  }
});
