import assert from "node:assert/strict";
import { test } from "node:test";

import { Siblings } from "../../../static/js/message/siblings.js";

test("versions share one place and one role", () => {
  const siblings = new Siblings();
  siblings.learn({ id: "q2", parent_id: null, role: "user", siblings: ["q1", "q2"] });
  siblings.learn({ id: "a1", parent_id: "q2", role: "assistant", siblings: ["a1"] });

  assert.deepEqual(siblings.of(null, "user"), ["q1", "q2"]);
  assert.deepEqual(siblings.of("q2", "assistant"), ["a1"]);
  assert.deepEqual(siblings.of("q2", "user"), []);
});

test("a message being written is the last version, and gets its own id when saved", () => {
  const siblings = new Siblings();
  siblings.learn({ id: "a1", parent_id: "q1", role: "assistant", siblings: ["a1"] });

  siblings.addUnsaved("q1", "assistant", "draft");
  siblings.addUnsaved("q1", "assistant", "draft");
  assert.deepEqual(siblings.of("q1", "assistant"), ["a1", "draft"]);

  siblings.settle("draft", { parentId: "q1", role: "assistant", id: "a2" });
  assert.deepEqual(siblings.of("q1", "assistant"), ["a1", "a2"]);
  siblings.learn({ id: "a2", parent_id: "q1", role: "assistant", siblings: ["a1", "a2"] });
  siblings.settle("draft", { parentId: "q1", role: "assistant", id: "a2" });
  assert.deepEqual(siblings.of("q1", "assistant"), ["a1", "a2"]);
});

test("a message that came to nothing is not a version", () => {
  const siblings = new Siblings();
  siblings.learn({ id: "q1", parent_id: null, role: "user", siblings: ["q1"] });
  siblings.addUnsaved(null, "user", "draft");

  siblings.remove("draft");

  assert.deepEqual(siblings.of(null, "user"), ["q1"]);
});

test("a waiting answer is no version while another continues it, and after that is saved", () => {
  const siblings = new Siblings();
  siblings.learn({ id: "a2", parent_id: "q1", role: "assistant", siblings: ["a1", "a2"] });
  siblings.addUnsaved("q1", "assistant", "draft");
  siblings.supersede("draft", "a2");
  assert.deepEqual(siblings.of("q1", "assistant"), ["a1", "draft"]);

  siblings.remove("draft");
  assert.deepEqual(siblings.of("q1", "assistant"), ["a1", "a2"], "it came to nothing");

  siblings.supersede("draft", "a2");
  siblings.settle("draft", { parentId: "q1", role: "assistant", id: "a3" });
  assert.deepEqual(siblings.of("q1", "assistant"), ["a1", "a3"]);
});
