import assert from "node:assert/strict";
import { test } from "node:test";

import { LiveRuns, runOf } from "../../../static/js/conversation/live_runs.js";

const WIRE = { run_id: "r1", conversation_id: "c1", client_message_id: "m1", title: "Hello" };

test("a run is found by its conversation until it ends", () => {
  const runs = new LiveRuns();

  runs.add(runOf(WIRE));

  assert.deepEqual(runs.of("c1"), { runId: "r1", conversationId: "c1", clientMessageId: "m1", title: "Hello" });
  assert.equal(runs.of("c2"), null);

  runs.end("r1");

  assert.equal(runs.of("c1"), null);
});

test("the server's list replaces the known runs", () => {
  const runs = new LiveRuns();
  runs.add(runOf(WIRE));

  runs.replace([{ ...WIRE, run_id: "r2", conversation_id: "c2" }]);

  assert.deepEqual(runs.all.map(({ runId }) => runId), ["r2"]);
});

test("it reports changes, and only changes", () => {
  const runs = new LiveRuns();
  let changes = 0;
  runs.addEventListener("change", () => (changes += 1));

  runs.add(runOf(WIRE));
  runs.end("unknown");
  runs.end("r1");

  assert.equal(changes, 2);
});

test("a start reported after the end makes nothing live", () => {
  const runs = new LiveRuns();

  runs.end("r1");
  runs.add(runOf(WIRE));

  assert.equal(runs.of("c1"), null);
});
