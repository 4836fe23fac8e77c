import { warn } from "../client/warning.js";

const PREFIX = "chatsite.draft.";
const NEW = "new";
const ON = "on";
const KEPT_FOR_MS = 90 * 24 * 60 * 60 * 1_000;

/**
 * Unsent text, one draft per conversation. Drafts outlive the tab.
 *
 * If the storage is full or forbidden, only the draft is lost.
 *
 * @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">} DraftStorage
 */
export class Drafts {
  #storage;
  #prefix;
  #now;
  /** The text on the screen when the user signed out elsewhere: closing the page must not store it again. */
  #left = "";

  /**
   * @param {DraftStorage | null} storage
   * @param {string | number} userId so that nobody sees another user's drafts
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
    if (this.#read(key).text === (text.trim() && text)) return; // Other tabs are notified of changes only.
    try {
      this.#storage?.setItem(key, JSON.stringify({ text: text.trim() && text, at: this.#now() }));
    } catch (error) {
      warn("could not store the draft", error);
    }
    // Emptied first, then removed, so that another tab showing it can tell a sent message from a sign-out.
    if (!text.trim()) this.#remove(key);
  }

  /** Whether tools were switched on or off for a conversation that cannot remember it yet. @param {string | null} conversationId */
  tools(conversationId) {
    const chosen = this.read(toolsOf(conversationId));
    return chosen ? chosen === ON : null;
  }

  /**
   * @param {string | null} conversationId
   * @param {boolean | null} on null: nothing is chosen
   */
  chooseTools(conversationId, on) {
    this.write(toolsOf(conversationId), on === null ? "" : on ? ON : "off");
  }

  /**
   * Returns text to the draft, before anything typed in the meantime.
   *
   * @param {string | null} conversationId
   * @param {string} text
   */
  giveBack(conversationId, text) {
    const begun = this.read(conversationId);
    this.write(conversationId, begun && begun !== text ? `${text}\n\n${begun}` : text);
  }

  /**
   * The draft as changed by another tab. When the user signs out there, drafts stay on the screens that show them.
   *
   * @param {Pick<StorageEvent, "key" | "newValue" | "oldValue">} event
   * @param {string | null} conversationId
   * @returns {string | null} its new text; null if the event is not about this draft
   */
  writtenElsewhere({ key, newValue, oldValue }, conversationId) {
    if (key !== this.#key(conversationId)) return null;
    if (newValue !== null) return textOf(newValue).text;
    this.#left = textOf(oldValue ?? "{}").text;
    return null;
  }

  /** The user is signed in, perhaps again: drafts are stored as usual. */
  resume() {
    this.#left = "";
  }

  /**
   * Removes all drafts when the user signs out here; from then on nothing is stored, whatever is still on the page.
   */
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
      warn("could not remove the draft", error);
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

/** @param {string | null} conversationId */
function toolsOf(conversationId) {
  return `${conversationId ?? NEW}.tools`;
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
