import { enableActions } from "../markdown/actions.js";
import { Announcer } from "./announcer.js";
import { Session } from "./session.js";
import { shortcutOf } from "./shortcuts.js";
import { Stage } from "./stage.js";
import { actionOf } from "./template_parts.js";

/** The page: joins the sidebar, the conversation on the screen and the message box to the session. */
export class ChatApp extends HTMLElement {
  /** @type {Session} */
  #session = /** @type {any} */ (null);
  /** @type {Stage} */
  #stage = /** @type {any} */ (null);
  /** @type {Announcer} */
  #announcer = /** @type {any} */ (null);
  #listeners = new AbortController();

  connectedCallback() {
    const config = JSON.parse(document.getElementById("chat-config")?.textContent ?? "{}");
    const root = this.dataset.newUrl ?? "/";
    const [transcript, composer, list, demo] = this.#find("chat-transcript", "chat-composer", "conversation-list", "demo-notice");
    this.#announcer = new Announcer(/** @type {HTMLElement} */ (document.getElementById("announcer")));
    this.#session = new Session(config);
    list.start({ book: this.#session.book, runs: this.#session.runs, root });
    composer.start({ drafts: this.#session.drafts, assistants: config.assistants, limit: config.limits.message_characters });
    this.#stage = new Stage({ session: this.#session, config, app: this, transcript, composer, list, demo, root });
    enableActions(transcript);
    this.#listen();
    this.#stage.showAddress();
    this.#session.start();
  }

  disconnectedCallback() {
    this.#listeners.abort();
    this.#stage.close();
    this.#session.stop();
  }

  #listen() {
    const { signal } = this.#listeners;
    for (const [type, handle] of Object.entries(this.#handlers)) {
      this.addEventListener(type, (event) => void handle(detailOf(event), event), { signal });
    }
    const { client, book } = this.#session;
    client.addEventListener("connection", (event) => this.#connection(detailOf(event)), { signal });
    client.addEventListener("hello", () => this.#hello(), { signal });
    client.addEventListener("notice", (event) => this.#notice(detailOf(event)), { signal });
    book.addEventListener("change", () => this.#stage.drawTitle(), { signal });
    document.addEventListener("keydown", (event) => this.#pressed(event), { signal });
    window.addEventListener("popstate", () => this.#stage.showAddress(), { signal });
  }

  /** @type {Record<string, (detail: any, event: any) => unknown>} */
  #handlers = {
    "composer-send": (message) => this.#send(message.text, () => this.#open.send(message)),
    "composer-stop": () => this.#try(this.#open.stop()),
    "composer-assistant": () => this.#stage.drawDemo(),
    "conversation-open": ({ id }) => this.#go(id),
    "conversation-rename": ({ id, title }) => this.#try(this.#session.book.rename(id, title)),
    "conversation-delete": ({ id, title }) => this.#try(this.#delete(id, title)),
    "message-retry": (_, { target }) => this.#send("", () => this.#open.retry(target)),
    "message-keep": (_, { target }) => this.#try(this.#open.keep(target)),
    "message-return": (_, { target }) => this.#composer.giveBack(this.#open.takeBack(target)),
    "transcript-older": () => this.#try(this.#open.loadOlder()),
    announce: (text) => this.#announcer.say(text),
    click: (_, event) => this.#clicked(event),
  };

  get #open() {
    return this.#stage.open;
  }

  get #composer() {
    return this.#find("chat-composer")[0];
  }

  /**
   * @param {string} text what goes back into the message box if it is refused
   * @param {() => Promise<unknown>} send
   */
  async #send(text, send) {
    const open = this.#open;
    try {
      await send();
    } catch (error) {
      if (open.closed) return this.#session.drafts.write(open.id, text);
      const { code, message, retryAfter } = /** @type {import("../client/errors.js").ChatError} */ (error);
      this.#composer.giveBack(text);
      if (code !== "discarded") this.#composer.showProblem(message, { retryAfter });
    }
  }

  /**
   * @param {string} id
   * @param {string} title
   */
  async #delete(id, title) {
    const wasOpen = this.#open.id === id;
    if (wasOpen) this.#go(null);
    await this.#session.book.delete(id);
    this.#toast(`Deleted “${title}”`, () => void this.#try(this.#restore(id, wasOpen)));
  }

  /**
   * @param {string} id
   * @param {boolean} reopen
   */
  async #restore(id, reopen) {
    await this.#session.book.restore(id);
    if (reopen && this.#open.empty) this.#go(id);
  }

  /** @param {string | null} id */
  #go(id) {
    this.#find("side-bar")[0].open = false;
    this.#stage.go(id);
  }

  /** @param {import("../client/connection.js").ConnectionDetail} detail */
  #connection(detail) {
    this.#find("connection-notice")[0].show(detail, { loginUrl: this.dataset.loginUrl });
  }

  #hello() {
    this.#stage.meetRuns();
    void this.#try(this.#open.refresh());
  }

  /** @param {Record<string, any>} notice */
  #notice({ kind, conversation_id: id, run_id: runId }) {
    if (id !== this.#open.id) return;
    if (kind === "run_started") this.#stage.meetRuns();
    if (kind === "run_ended" && !this.#open.follows(runId)) void this.#try(this.#open.refresh());
    if (kind !== "conversation_deleted") return;
    this.#go(null);
    this.#toast("This conversation was deleted elsewhere", null);
  }

  /** @param {Event} event */
  #clicked(event) {
    const prompt = /** @type {Element} */ (event.target).closest("[data-prompt]");
    if (prompt instanceof HTMLElement) this.#composer.giveBack(prompt.dataset.prompt ?? "");
    const asked = actionOf(event)?.action;
    if (asked === "open-sidebar" || asked === "close-sidebar") this.#find("side-bar")[0].open = asked === "open-sidebar";
    if (asked === "reload-conversation") this.#stage.showAddress();
    if (asked !== "new-chat" || /** @type {MouseEvent} */ (event).ctrlKey || /** @type {MouseEvent} */ (event).metaKey) return;
    event.preventDefault();
    this.#go(null);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const shortcut = shortcutOf(event);
    if (!shortcut || (shortcut === "stop" && (!this.#open.current || document.querySelector(":popover-open")))) return;
    event.preventDefault();
    if (shortcut === "stop") void this.#try(this.#open.stop());
    if (shortcut === "new-chat") this.#go(null);
    if (shortcut === "focus-composer") this.#composer.focusText();
  }

  /** @param {unknown} work @returns {Promise<void>} a failure is told in passing: nothing was lost */
  async #try(work) {
    try {
      await work;
    } catch (error) {
      this.#toast(/** @type {Error} */ (error).message, null);
    }
  }

  /**
   * @param {string} text
   * @param {(() => void) | null} undo
   */
  #toast(text, undo) {
    this.#find("undo-toast")[0].show(text, undo);
  }

  /** @param {...string} names @returns {any[]} the elements of the page by their tag names */
  #find(...names) {
    return names.map((name) => this.querySelector(name));
  }
}

/** @param {Event} event @returns {any} */
function detailOf(event) {
  return /** @type {CustomEvent} */ (event).detail;
}
