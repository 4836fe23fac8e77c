import assert from "node:assert/strict";
import test from "node:test";

import { formatCursor, isBehind, parseCursor } from "../../../static/js/client/cursor.js";

test("it reads and writes a cursor", () => {
  assert.deepEqual(parseCursor("a1B2c3D4.17"), { epoch: "a1B2c3D4", seq: 17 });
  assert.equal(formatCursor({ epoch: "a1B2c3D4", seq: 17 }), "a1B2c3D4.17");
  assert.equal(formatCursor(null), null);
});

test("it accepts nothing else as a cursor", () => {
  for (const text of ["", "abc", ".1", "e.", "e.-1", "e.1.2", "e.1e9", "e.99999999999999999", "e.1\n", null, undefined, 7, {}]) {
    assert.equal(parseCursor(text), null, JSON.stringify(text));
  }
});

test("it knows whether a cursor is behind a tip", () => {
  const tip = { epoch: "e", seq: 5 };
  assert.equal(isBehind({ epoch: "e", seq: 4 }, tip), true);
  assert.equal(isBehind({ epoch: "e", seq: 5 }, tip), false);
  assert.equal(isBehind({ epoch: "e", seq: 6 }, tip), false);
  assert.equal(isBehind({ epoch: "d", seq: 9 }, tip), true);
  assert.equal(isBehind(null, tip), true);
  assert.equal(isBehind(null, { epoch: "e", seq: 0 }), false);
});
