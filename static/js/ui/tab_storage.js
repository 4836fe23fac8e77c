import { newClientMessageId } from "../client/client_message_id.js";

/** The question to all pages; each page that stores something replies with the name of its copy. */
export const WHO = "who";

/**
 * What a tab stores under one key for its own reload, with a copy in the browser's storage in case the tab is closed.
 *
 * The copies of all tabs are in `browser`, each under its page's id. While a page stores something, it claims its copy
 * on a channel named after the key; unclaimed copies belong to closed tabs (closed_tabs.js).
 */
export class TabStorage {
  #tab;
  #copy;
  /** @type {BroadcastChannel | null} */
  #channel = null;

  /** @param {string} key @param {{ tab?: Storage, browser?: Storage }} [storages] */
  constructor(key, { tab = sessionStorage, browser = localStorage } = {}) {
    this.key = key;
    this.browser = browser;
    this.#tab = tab;
    this.#copy = `${key}.${newClientMessageId()}`;
  }

  /** The names of other pages' copies. */
  get others() {
    return Object.keys(this.browser).filter((name) => name.startsWith(`${this.key}.`) && name !== this.#copy);
  }

  getItem() {
    return this.#tab.getItem(this.key);
  }

  /** @param {string} _ @param {string} text */
  setItem(_, text) {
    this.#tab.setItem(this.key, text);
    this.browser.setItem(this.#copy, text);
    this.#channel ??= this.#answer();
  }

  removeItem() {
    this.#tab.removeItem(this.key);
    this.browser.removeItem(this.#copy);
    this.#channel?.close();
    this.#channel = null;
  }

  #answer() {
    const channel = new BroadcastChannel(this.key);
    channel.addEventListener("message", ({ data }) => data === WHO && channel.postMessage(this.#copy));
    return channel;
  }
}
