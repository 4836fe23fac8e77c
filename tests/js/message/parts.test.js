/** The page tells the parts of a saved answer as chat/protocol/parts.py does: on the same fixtures. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { unfold } from "../../../static/js/message/parts.js";

const FIXTURES = JSON.parse(readFileSync(new URL("../../protocol/parts.json", import.meta.url), "utf8"));

for (const { name, parts, unfolded } of FIXTURES) {
  test(`as events: ${name}`, () => assert.deepEqual(JSON.parse(JSON.stringify(unfold(parts))), unfolded));
}

test("a kind of tomorrow, and one named as every object's property, say nothing", () => {
  assert.deepEqual(unfold([{ kind: "hologram", text: "x" }, { kind: "toString" }, { kind: "text", text: "Hi" }]), [["token", { text: "Hi" }]]);
});
