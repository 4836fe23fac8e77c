/**
 * Marks the conversations with failed questions, which can be retried or dismissed. This includes conversations that
 * were never saved because no answer was.
 *
 * @param {Record<string, any>[]} runs failed runs, newest first
 * @param {object} session
 * @param {import("../conversation/conversation_store.js").Requests} session.client
 * @param {import("../conversation/conversation_store.js").ConversationStore} session.store
 * @param {import("../conversation/live_runs.js").LiveRuns} session.runs
 */
export async function markUnanswered(runs, { client, store, runs: live }) {
  const [before, failed] = [store.unanswered, new Map(runs.map((run) => [run.conversation_id, run]))];
  store.unanswered = new Set(failed.keys());
  for (const id of before) {
    if (!failed.has(id) && store.get(id)?.provisional && !live.of(id)) store.drop(id);
  }
  await Promise.all([...failed.values()].filter(({ conversation_id: id }) => !store.get(id)).map((run) => find(run, client, store)));
  store.dispatchEvent(new Event("change"));
}

/**
 * @param {Record<string, any>} run
 * @param {import("../conversation/conversation_store.js").Requests} client
 * @param {import("../conversation/conversation_store.js").ConversationStore} store
 */
async function find({ conversation_id: id, title, unanswered: { failed_at: at, first } }, client, store) {
  const begun = { id, title, assistant: null, active_leaf_id: null, created_at: at, updated_at: at, provisional: true };
  const found = first ? begun : await client.request("GET", `/conversations/${id}`).catch(unlessDeleted);
  if (found && !store.get(id)) store.put(found);
}

/** A conversation may be deleted while the failed questions are read. @param {unknown} error */
function unlessDeleted(error) {
  if (/** @type {{ code?: string }} */ (error).code !== "not_found") throw error;
  return null;
}
