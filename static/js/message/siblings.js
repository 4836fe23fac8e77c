/**
 * Tracks the messages at the same place of a conversation: versions of a question, answers to one question.
 *
 * A message still being written is included under a temporary id until it is saved.
 *
 * @typedef {"user" | "assistant"} Role
 */
export class Siblings {
  /** @type {Map<string, string[]>} */
  #saved = new Map();
  /** @type {Map<string, string[]>} */
  #unsaved = new Map();
  /** Waiting answers, by the unsaved ones that continue them. @type {Map<string, string>} */
  #superseded = new Map();

  /**
   * @param {string | null} parentId null: the beginning of the conversation
   * @param {Role} role
   * @returns {string[]} oldest first
   */
  of(parentId, role) {
    const key = keyOf(parentId, role);
    const gone = [...this.#superseded.values()];
    return [...(this.#saved.get(key) ?? []), ...(this.#unsaved.get(key) ?? [])].filter((id) => !gone.includes(id));
  }

  /** Records the server's list. @param {import("./branch_pages.js").Message} message */
  learn({ id, parent_id: parentId, role, siblings = [id] }) {
    this.#saved.set(keyOf(parentId, role), siblings);
  }

  /**
   * @param {string | null} parentId
   * @param {Role} role
   * @param {string} id
   */
  addUnsaved(parentId, role, id) {
    const key = keyOf(parentId, role);
    const ids = this.#unsaved.get(key) ?? [];
    if (!ids.includes(id)) this.#unsaved.set(key, [...ids, id]);
  }

  /**
   * A waiting answer is no version any more once another has continued it.
   *
   * @param {string} unsavedId the one that continues it
   * @param {string} id
   */
  supersede(unsavedId, id) {
    this.#superseded.set(unsavedId, id);
  }

  /** @param {string} id the id of an unsaved message that was removed */
  remove(id) {
    this.#superseded.delete(id);
    for (const [key, ids] of this.#unsaved) this.#unsaved.set(key, ids.filter((other) => other !== id));
  }

  /**
   * @param {string} unsavedId
   * @param {{ parentId: string | null, role: Role, id: string }} saved
   */
  settle(unsavedId, { parentId, role, id }) {
    const gone = this.#superseded.get(unsavedId);
    this.remove(unsavedId);
    const key = keyOf(parentId, role);
    const ids = (this.#saved.get(key) ?? []).filter((other) => other !== gone);
    this.#saved.set(key, ids.includes(id) ? ids : [...ids, id]);
  }
}

/**
 * @param {string | null} parentId
 * @param {Role} role
 */
function keyOf(parentId, role) {
  return `${role} ${parentId ?? "root"}`;
}
