import { ChatClient } from "../client/chat_client.js";
import { warn } from "../client/warning.js";
import { ConversationBook } from "./conversation_book.js";
import { csrfToken } from "./csrf.js";
import { Drafts } from "./drafts.js";
import { LiveRuns, runOf } from "./live_runs.js";

/**
 * @typedef {object} Config what the server tells the page
 * @property {{ id: number | string, username: string }} user
 * @property {string | null} conversation_id
 * @property {import("./assistant_picker.js").Assistant[]} assistants
 * @property {{ message_characters: number }} limits
 * @property {boolean} is_staff
 */

/**
 * The signed-in person at this tab: the connection, and what is known of their conversations and live runs, kept true
 * by what the server notifies. Listeners of the client that are added later find it up to date.
 */
export class Session {
  /** @param {Config} config */
  constructor({ user }) {
    this.client = new ChatClient({
      socketUrl: `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws/chat`,
      csrfToken,
      storage: sessionStorage,
      storageKey: `chatsite.outbox.${user.id}`,
    });
    this.book = new ConversationBook(this.client);
    this.runs = new LiveRuns();
    this.drafts = new Drafts(sessionStorage, user.id);
    this.client.addEventListener("hello", (event) => this.#hello(/** @type {CustomEvent} */ (event).detail));
    this.client.addEventListener("notice", (event) => this.#notice(/** @type {CustomEvent} */ (event).detail));
  }

  start() {
    this.client.connect();
    window.addEventListener("online", this.#wake);
    window.addEventListener("pageshow", this.#wake);
    document.addEventListener("visibilitychange", this.#wake);
  }

  stop() {
    this.client.close();
    window.removeEventListener("online", this.#wake);
    window.removeEventListener("pageshow", this.#wake);
    document.removeEventListener("visibilitychange", this.#wake);
  }

  #wake = () => {
    if (!document.hidden) this.client.wake();
  };

  /** @param {import("../client/wire.js").Hello} hello */
  #hello({ runs }) {
    this.runs.replace(runs);
    for (const run of runs) this.book.notice({ kind: "run_started", ...run });
    // Notices of the time without a connection are lost; the first may come long after the list was read.
    this.book.refresh().catch((error) => warn("the list could not be read again", error));
  }

  /** @param {Record<string, any>} notice */
  #notice(notice) {
    if (notice.kind === "run_started") this.runs.add(runOf(notice));
    if (notice.kind === "run_ended") this.runs.end(notice.run_id);
    this.book.notice(notice);
  }
}
