/**
 * @typedef {object} Run
 * @property {string} runId
 * @property {string} conversationId
 * @property {string | null} clientMessageId
 * @property {string} title
 */

/** The answers being written right now, in all of the user's tabs and devices. Fires "change". */
export class LiveRuns extends EventTarget {
  /** @type {Map<string, Run>} */
  #runs = new Map();
  /** The notices of an answer that ends right after it began may arrive in reverse order. */
  #ended = new Set();

  /** @returns {Run[]} */
  get all() {
    return [...this.#runs.values()];
  }

  /** @param {string | null} conversationId @returns {Run | null} */
  of(conversationId) {
    return this.all.find((run) => run.conversationId === conversationId) ?? null;
  }

  /** Replaces the list with the server's, which is authoritative. @param {Record<string, any>[]} wireRuns */
  replace(wireRuns) {
    this.#runs = new Map(wireRuns.map((run) => [run.run_id, runOf(run)]));
    this.#changed();
  }

  /** @param {Run} run */
  add(run) {
    if (this.#ended.has(run.runId)) return;
    this.#runs.set(run.runId, run);
    this.#changed();
  }

  /** @param {string} runId */
  end(runId) {
    this.#ended.add(runId);
    if (this.#runs.delete(runId)) this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** @param {Record<string, any>} wire an entry of `hello.runs`, of the API, or a `run_started` notice @returns {Run} */
export function runOf(wire) {
  return {
    runId: wire.run_id,
    conversationId: wire.conversation_id,
    clientMessageId: wire.client_message_id ?? null,
    title: wire.title ?? "",
  };
}
