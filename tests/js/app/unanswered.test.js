import assert from "node:assert/strict";
import { test } from "node:test";

import { ChatError } from "../../../static/js/client/errors.js";
import { ConversationStore } from "../../../static/js/conversation/conversation_store.js";
import { LiveRuns } from "../../../static/js/conversation/live_runs.js";
import { markUnanswered } from "../../../static/js/app/unanswered.js";

const AT = "2026-01-01T00:00:00Z";
const SAVED = { id: "c1", title: "Saved", assistant: null, active_leaf_id: null, created_at: AT, updated_at: AT };

/** @param {string} id */
function run(id, { first = true } = {}) {
  return { run_id: `run of ${id}`, conversation_id: id, title: `Question of ${id}`, unanswered: { failed_at: AT, first } };
}

function session() {
  /** @type {string[]} */
  const requests = [];
  const client = {
    async request(/** @type {string} */ method, /** @type {string} */ path) {
      requests.push(`${method} ${path}`);
      return SAVED;
    },
  };
  return { requests, client, store: new ConversationStore(client), runs: new LiveRuns() };
}

test("a question that began a conversation gets a row without a request to the server", async () => {
  const made = session();

  await markUnanswered([run("c2")], made);

  const { title, updated_at: at, provisional } = /** @type {any} */ (made.store.get("c2"));
  assert.deepEqual([title, at, provisional], ["Question of c2", AT, true]);
  assert.deepEqual([...made.store.unanswered], ["c2"]);
  assert.deepEqual(made.requests, []);
});

test("a conversation that is not in the list yet is fetched", async () => {
  const made = session();

  await markUnanswered([run("c1", { first: false })], made);

  assert.equal(made.store.get("c1"), SAVED);
  assert.deepEqual(made.requests, ["GET /conversations/c1"]);
});

test("a conversation deleted in that moment is left out, and the others are still marked", async () => {
  const made = session();
  made.client.request = async (method, path) => {
    if (path.endsWith("/c1")) throw new ChatError({ code: "not_found", message: "There is nothing here with this id.", retryable: false });
    return { ...SAVED, id: path.split("/").at(-1) };
  };
  let told = 0;
  made.store.addEventListener("change", () => (told += 1));

  await markUnanswered([run("c1", { first: false }), run("c3", { first: false })], made);

  assert.equal(made.store.get("c1"), null);
  assert.equal(made.store.get("c3")?.id, "c3");
  assert.ok(told > 0);
});

test("any other failure to fetch a conversation is reported", async () => {
  const made = session();
  made.client.request = async () => {
    throw new ChatError({ code: "unavailable", message: "Not now.", retryable: true });
  };

  await assert.rejects(markUnanswered([run("c1", { first: false })], made), { code: "unavailable" });
});

test("a known conversation is marked, and a change is reported", async () => {
  const made = session();
  made.store.put(SAVED);
  let told = 0;
  made.store.addEventListener("change", () => (told += 1));

  await markUnanswered([run("c1", { first: false })], made);

  assert.equal(made.store.unanswered.has("c1"), true);
  assert.equal(made.store.get("c1"), SAVED);
  assert.ok(told > 0);
});

test("once dismissed or answered, it is no longer marked, and a conversation that was nothing else disappears", async () => {
  const made = session();
  made.store.put(SAVED);
  await markUnanswered([run("c2"), run("c1", { first: false })], made);

  await markUnanswered([], made);

  assert.equal(made.store.unanswered.size, 0);
  assert.equal(made.store.get("c2"), null);
  assert.equal(made.store.get("c1"), SAVED);
});

test("a question being retried stays", async () => {
  const made = session();
  await markUnanswered([run("c2")], made);
  made.runs.add({ runId: "r", conversationId: "c2", clientMessageId: null, title: "" });

  await markUnanswered([], made);

  assert.equal(made.store.get("c2")?.provisional, true);
});
