import { warn } from "./warning.js";
import { isObject } from "./wire.js";

/**
 * @typedef {object} Message what a person sends
 * @property {string} text
 * @property {string | null} [conversationId] null or absent: a new conversation
 * @property {string | null} [parentId] absent: the active leaf; "root": a new first message
 * @property {string | null} [assistant] slug
 * @property {string} clientMessageId the idempotency key
 *
 * @typedef {Message & { queuedAt: number }} Entry `queuedAt` in milliseconds since the epoch
 * @typedef {{ runId: string, conversationId: string, clientMessageId: string, duplicate: boolean }} Sent
 * @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} OutboxStorage
 */

/**
 * Messages that the server has not answered yet. They survive reconnects and, with a storage, reloads.
 *
 * A storage that is full or forbidden costs only the latter.
 */
export class Outbox {
  #storage;
  #key;
  /** @type {Map<string, Entry>} */
  #entries = new Map();

  /**
   * @param {OutboxStorage | null} storage
   * @param {string} key of the storage: one per user, so that nobody is offered another person's words
   */
  constructor(storage, key) {
    this.#storage = storage;
    this.#key = key;
    for (const entry of this.#load()) this.#entries.set(entry.clientMessageId, entry);
  }

  /** Oldest first. @returns {Entry[]} */
  get entries() {
    return [...this.#entries.values()];
  }

  /** @param {Entry} entry takes the place of one with the same id */
  add(entry) {
    this.#entries.set(entry.clientMessageId, entry);
    this.#save();
  }

  /** @param {string} clientMessageId */
  remove(clientMessageId) {
    if (this.#entries.delete(clientMessageId)) this.#save();
  }

  /** @returns {Entry[]} */
  #load() {
    try {
      const saved = JSON.parse(this.#storage?.getItem(this.#key) ?? "[]");
      return Array.isArray(saved) ? saved.filter(isEntry) : [];
    } catch {
      return [];
    }
  }

  #save() {
    try {
      if (this.#entries.size) this.#storage?.setItem(this.#key, JSON.stringify(this.entries));
      else this.#storage?.removeItem(this.#key);
    } catch (error) {
      warn("the outbox could not be stored", error);
    }
  }
}

/** @param {unknown} value @returns {value is Entry} */
function isEntry(value) {
  return isObject(value) && typeof value.clientMessageId === "string" && typeof value.text === "string";
}

/**
 * @param {Message} entry
 * @returns {Record<string, string>} the body of the request, the same for both transports
 */
export function toWire({ clientMessageId, text, conversationId, parentId, assistant }) {
  return {
    client_message_id: clientMessageId,
    text,
    ...(conversationId && { conversation_id: conversationId }),
    ...(parentId && { parent_id: parentId }),
    ...(assistant && { assistant }),
  };
}
