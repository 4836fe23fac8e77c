import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const VENDOR = new URL("../../static/vendor/", import.meta.url);
const FILE = /^ {2}(\S+)(?: .*)?\n {4}sha256 ([0-9a-f]{64})$/gm;
const SCRIPT = readFileSync(new URL("../../bin/vendor", import.meta.url), "utf8");
const packages = readdirSync(VENDOR).filter((name) => /^[a-z-]+-\d+\.\d+\.\d+$/.test(name));

test("there are vendored packages", () => {
  assert.ok(packages.includes("markdown-it-15.0.3"));
});

for (const name of packages) {
  const folder = new URL(`${name}/`, VENDOR);

  test(`${name} matches its ORIGIN and what bin/vendor fetches`, () => {
    const files = [...readFileSync(new URL("ORIGIN", folder), "utf8").matchAll(FILE)];
    assert.ok(files.length >= 2, "the code and its licence");
    for (const [, file, expected] of files) {
      const actual = createHash("sha256").update(readFileSync(new URL(file, folder))).digest("hex");
      assert.equal(actual, expected, file);
      assert.ok(SCRIPT.includes(expected), `${file} in bin/vendor`);
    }
  });

  test(`${name} refers to no source map`, () => {
    for (const file of readdirSync(folder).filter((file) => file.endsWith(".js"))) {
      assert.doesNotMatch(readFileSync(new URL(file, folder), "utf8"), /sourceMappingURL/);
    }
  });
}

test("the lock file names no host", () => {
  assert.doesNotMatch(readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8"), /"resolved"/);
});
