/**
 * Marks the conversations whose questions wait to be asked again or dismissed: there, too, where no answer has ever made
 * a conversation of one.
 *
 * @param {Record<string, any>[]} runs those that failed, newest first
 * @param {object} session
 * @param {import("../conversation/conversation_store.js").Requests} session.client
 * @param {import("../conversation/conversation_store.js").ConversationBook} session.book
 * @param {import("../conversation/live_runs.js").LiveRuns} session.runs
 */
export async function markUnanswered(runs, { client, book, runs: live }) {
  const [before, failed] = [book.unanswered, new Map(runs.map((run) => [run.conversation_id, run]))];
  book.unanswered = new Set(failed.keys());
  for (const id of before) {
    if (!failed.has(id) && book.get(id)?.provisional && !live.of(id)) book.drop(id);
  }
  await Promise.all([...failed.values()].filter(({ conversation_id: id }) => !book.get(id)).map((run) => find(run, client, book)));
  book.dispatchEvent(new Event("change"));
}

/**
 * @param {Record<string, any>} run
 * @param {import("../conversation/conversation_store.js").Requests} client
 * @param {import("../conversation/conversation_store.js").ConversationBook} book
 */
async function find({ conversation_id: id, title, unanswered: { failed_at: at, first } }, client, book) {
  const begun = { id, title, assistant: null, active_leaf_id: null, created_at: at, updated_at: at, provisional: true };
  const found = first ? begun : await client.request("GET", `/conversations/${id}`);
  if (!book.get(id)) book.put(found);
}
