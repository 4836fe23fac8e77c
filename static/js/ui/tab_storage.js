import { newClientMessageId } from "../client/client_message_id.js";

/** The question to all pages; each page that stores something replies with the name of its copy. */
export const WHO = "who";

/**
 * What a tab stores under one key for its own reload, with a copy in the browser's storage in case the tab is closed.
 *
 * The copies of all tabs are in `browser`, each under its page's id. While a page stores something, it claims its copy
 * on a channel named after the key; unclaimed copies belong to closed tabs (closed_tabs.js).
 *
 * With its first change, a reloaded page replaces the copy of the page before it in the tab: what it removes would
 * otherwise come back with that copy.
 */
export class TabStorage {
  #tab;
  #copy;
  #nameKey;
  /** What the page before this one stored, and the name of its copy. @type {{ name: string | null, text: string | null }} */
  #before;
  /** @type {BroadcastChannel | null} */
  #channel = null;

  /** @param {string} key @param {{ tab?: Storage, browser?: Storage }} [storages] */
  constructor(key, { tab = sessionStorage, browser = localStorage } = {}) {
    this.key = key;
    this.browser = browser;
    this.#tab = tab;
    this.#copy = `${key}.${newClientMessageId()}`;
    this.#nameKey = `${key}.copy`;
    this.#before = { name: tab.getItem(this.#nameKey), text: tab.getItem(key) };
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
    this.#tab.setItem(this.#nameKey, this.#copy);
    this.browser.setItem(this.#copy, text);
    this.#removeBefore();
    this.#channel ??= this.#answer();
  }

  removeItem() {
    this.#tab.removeItem(this.key);
    this.#tab.removeItem(this.#nameKey);
    this.browser.removeItem(this.#copy);
    this.#removeBefore();
    this.#channel?.close();
    this.#channel = null;
  }

  /** The page that a tab was duplicated from may still be open: what it has stored since is its own. */
  #removeBefore() {
    const { name, text } = this.#before;
    if (name !== null && this.browser.getItem(name) === text) this.browser.removeItem(name);
    this.#before = { name: null, text: null };
  }

  #answer() {
    const channel = new BroadcastChannel(this.key);
    channel.addEventListener("message", ({ data }) => data === WHO && channel.postMessage(this.#copy));
    return channel;
  }
}
