import { warn } from "../client/warning.js";

const PREFIX = "chatsite.draft.";
const NEW = "new";
const KEPT_FOR_MS = 90 * 24 * 60 * 60 * 1_000;

/**
 * Unsent words, one draft for each conversation: they outlive the tab.
 *
 * A storage that is full or forbidden costs the draft, never the page.
 *
 * @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">} DraftStorage
 */
export class Drafts {
  #storage;
  #prefix;
  #now;
  /** What stood here when the person logged out elsewhere: closing the page does not store it again. */
  #left = "";

  /**
   * @param {DraftStorage | null} storage
   * @param {string | number} userId so that nobody is offered another person's words
   * @param {() => number} [now]
   */
  constructor(storage, userId, now = Date.now) {
    this.#storage = storage;
    this.#prefix = `${PREFIX}${userId}.`;
    this.#now = now;
    for (const key of this.#keys()) if (this.#read(key).at < now() - KEPT_FOR_MS) this.#remove(key);
  }

  /** @param {string | null} conversationId null: the new conversation */
  read(conversationId) {
    return this.#read(this.#key(conversationId)).text;
  }

  /**
   * @param {string | null} conversationId
   * @param {string} text
   */
  write(conversationId, text) {
    const key = this.#key(conversationId);
    if (text.trim() && text === this.#left) return;
    if (this.#read(key).text === (text.trim() && text)) return; // Other tabs are told of changes only.
    try {
      this.#storage?.setItem(key, JSON.stringify({ text: text.trim() && text, at: this.#now() }));
    } catch (error) {
      warn("the draft could not be stored", error);
    }
    // Emptied first, then removed: another tab that shows it can tell words that were sent from a person who has left.
    if (!text.trim()) this.#remove(key);
  }

  /** Words come back: they stand before what was begun meanwhile. @param {string | null} conversationId @param {string} text */
  giveBack(conversationId, text) {
    const begun = this.read(conversationId);
    this.write(conversationId, begun && begun !== text ? `${text}\n\n${begun}` : text);
  }

  /**
   * What another tab has made of a draft. Those of a person who logs out there stay on the screens that show them.
   *
   * @param {Pick<StorageEvent, "key" | "newValue" | "oldValue">} event
   * @param {string | null} conversationId
   * @returns {string | null} its words by now; null if it is not about them
   */
  writtenElsewhere({ key, newValue, oldValue }, conversationId) {
    if (key !== this.#key(conversationId)) return null;
    if (newValue !== null) return textOf(newValue).text;
    this.#left = textOf(oldValue ?? "{}").text;
    return null;
  }

  /** The person is signed in, perhaps again: what stands on the screen is kept as ever. */
  resume() {
    this.#left = "";
  }

  /** Leaves nothing behind, when the person logs out here: from then on nothing is kept, whatever still stands in the page. */
  clear() {
    for (const key of this.#keys()) this.#remove(key);
    this.#storage = null;
  }

  /** @param {string} key @returns {{ text: string, at: number }} */
  #read(key) {
    try {
      return textOf(this.#storage?.getItem(key) ?? "{}");
    } catch {
      return textOf("{}");
    }
  }

  /** @param {string} key */
  #remove(key) {
    try {
      this.#storage?.removeItem(key);
    } catch (error) {
      warn("the draft could not be removed", error);
    }
  }

  #keys() {
    try {
      const storage = this.#storage;
      const keys = Array.from({ length: storage?.length ?? 0 }, (_, at) => storage?.key(at) ?? "");
      return keys.filter((key) => key.startsWith(this.#prefix));
    } catch {
      return [];
    }
  }

  /** @param {string | null} conversationId */
  #key(conversationId) {
    return this.#prefix + (conversationId ?? NEW);
  }
}

/** @param {string} stored */
function textOf(stored) {
  try {
    const { text, at } = JSON.parse(stored);
    return { text: typeof text === "string" ? text : "", at: Number(at ?? 0) };
  } catch {
    return { text: "", at: 0 };
  }
}
