import { ChatClient } from "../client/chat_client.js";
import { NOT_SIGNED_IN } from "../client/close_codes.js";
import { warn } from "../client/warning.js";
import { ConversationStore, LiveRuns, runOf } from "../conversation/index.js";
import { csrfToken, refreshCsrfFields } from "../ui/csrf.js";
import { Drafts } from "../composer/index.js";
import { RememberedValue } from "../ui/remembered_value.js";
import { LateModule } from "../ui/late_module.js";
import { TabStorage } from "../ui/tab_storage.js";

/**
 * @typedef {object} Config the server's settings for the page
 * @property {{ id: number | string, username: string }} user
 * @property {string | null} conversation_id
 * @property {import("../composer/assistant_picker.js").Assistant[]} assistants
 * @property {import("./model_problem.js").Problem[]} model_problems
 * @property {{ message_characters: number }} limits
 * @property {boolean} is_staff
 */

const sse = new LateModule(() => import("../client/sse_transport.js"));
const unsentMessages = new LateModule(() => import("./unsent_messages.js"));
const unanswered = new LateModule(() => import("./unanswered.js"));

/**
 * The signed-in user in this tab: the connection, and their conversations and live runs as far as known, kept up to
 * date by the server's notices. Listeners added to the client later see it already updated.
 */
export class Session {
  /** Of the last close. @type {number | null} */
  #code = null;
  #outbox;
  #before;
  /** @type {import("./unsent_messages.js").UnsentMessages | null} */
  #unsentMessages = null;
  #unansweredReadings = 0;

  /**
   * @param {Config} config
   * @param {Record<string, unknown>} answers API responses that came with the page
   * @param {string} root the site's path on its host; other sites on that host share its storage
   */
  constructor({ user }, answers, root) {
    this.user = user;
    const id = root.slice(1) + user.id;
    this.#outbox = new TabStorage(`chatsite.outbox.${id}`);
    this.client = new ChatClient({
      userId: user.id,
      socketUrl: `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${root}ws/chat`,
      apiUrl: `${root}api`,
      answers,
      csrfToken,
      loadSse: () => sse.load(),
      storage: this.#outbox,
      storageKey: this.#outbox.key,
    });
    this.store = new ConversationStore(this.client);
    this.runs = new LiveRuns();
    this.drafts = new Drafts(localStorage, id);
    this.#before = this.client.outbox.entries;
    this.lastAssistant = new RememberedValue(localStorage, `chatsite.assistant.${id}`);
    this.client.addEventListener("connection", (event) => (this.#code = /** @type {CustomEvent} */ (event).detail.code));
    this.client.addEventListener("hello", (event) => this.#hello(/** @type {CustomEvent} */ (event).detail));
    this.client.addEventListener("notice", (event) => this.#notice(/** @type {CustomEvent} */ (event).detail));
  }

  /** Signed out elsewhere: the page continues as soon as somebody signs in again. */
  get signedOut() {
    return this.client.state === "closed" && this.#code === NOT_SIGNED_IN;
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

  /** Continues in place after signing in again, here or in another tab. */
  resume() {
    refreshCsrfFields();
    this.client.connect();
  }

  /** The user signs out here: removes all their data from the browser. */
  forget() {
    this.drafts.clear();
    this.client.outbox.clear();
    for (const name of this.#outbox.others) localStorage.removeItem(name);
  }

  /**
   * Sends what was left unsent before this page load or by closed tabs.
   *
   * @param {import("./unsent_messages.js").Page} page
   */
  async sendLeftovers(page) {
    if (!this.#before.length && !this.#outbox.others.length) return;
    const loaded = await unsentMessages.load().catch(() => null);
    if (!loaded) return; // The next connection retries.
    this.#unsentMessages ??= new loaded.UnsentMessages({ client: this.client, storage: this.#outbox, entries: this.#before });
    await this.#unsentMessages.send(page);
  }

  #wake = () => {
    if (document.hidden) return;
    if (this.signedOut) this.resume();
    else this.client.wake();
  };

  /** @param {import("../client/untrusted_input.js").Hello} hello */
  #hello({ runs }) {
    this.drafts.resume();
    this.runs.replace(runs);
    for (const run of runs) this.store.notice({ kind: "run_started", ...run });
    // Notices are lost while disconnected, and the first connection may come long after the list was read.
    this.store.refresh().catch((error) => warn("could not refresh the list", error));
    void this.#readUnanswered();
  }

  async #readUnanswered() {
    const reading = (this.#unansweredReadings += 1);
    try {
      const { items } = await this.client.request("GET", "/runs?unanswered=1");
      // An older list must not replace a newer one.
      if (reading !== this.#unansweredReadings) return;
      if (items.length || this.store.unanswered.size) await (await unanswered.load()).markUnanswered(items, this);
    } catch (error) {
      warn("the list could not be read again", error);
    }
  }

  /** @param {Record<string, any>} notice */
  #notice(notice) {
    if (notice.kind === "run_started") this.runs.add(runOf(notice));
    if (notice.kind === "run_ended") this.runs.end(notice.run_id);
    this.store.notice(notice);
    const { kind, status, conversation_id: id } = notice;
    const mayAnswer = kind !== "run_started" && this.store.unanswered.has(id);
    if (mayAnswer || status === "error" || kind === "conversation_restored") void this.#readUnanswered();
  }
}
