import { warn } from "../client/warning.js";

const PREFIX = "chatsite.draft.";
const NEW = "new";

/**
 * Unsent words, kept per conversation for as long as the tab lives.
 *
 * A storage that is full or forbidden costs the draft, never the page.
 */
export class Drafts {
  #storage;
  #prefix;

  /**
   * @param {Pick<Storage, "getItem" | "setItem" | "removeItem"> | null} storage
   * @param {string | number} userId so that nobody is offered another person's words
   */
  constructor(storage, userId) {
    this.#storage = storage;
    this.#prefix = `${PREFIX}${userId}.`;
  }

  /** @param {string | null} conversationId null: the new conversation */
  read(conversationId) {
    try {
      return this.#storage?.getItem(this.#key(conversationId)) ?? "";
    } catch {
      return "";
    }
  }

  /**
   * @param {string | null} conversationId
   * @param {string} text
   */
  write(conversationId, text) {
    try {
      if (text.trim()) this.#storage?.setItem(this.#key(conversationId), text);
      else this.#storage?.removeItem(this.#key(conversationId));
    } catch (error) {
      warn("the draft could not be stored", error);
    }
  }

  /** @param {string | null} conversationId */
  #key(conversationId) {
    return this.#prefix + (conversationId ?? NEW);
  }
}
