import { gettext } from "../ui/i18n.js";

/**
 * Handles the buttons on messages, and scrolling, for the open conversation.
 *
 * @typedef {import("../conversation/open_conversation.js").OpenConversation} OpenConversation
 */
export class MessageActs {
  #open;
  #send;
  #attempt;
  #giveBack;
  #toast;

  /**
   * @param {HTMLElement} app
   * @param {object} options
   * @param {() => OpenConversation} options.open the open conversation
   * @param {(text: string, send: () => Promise<unknown>) => unknown} options.send reports why something was refused,
   *   and returns the text
   * @param {(work: unknown) => unknown} options.attempt reports a failure as a toast
   * @param {(text: string) => void} options.giveBack returns text to the message box
   * @param {(text: string, undo: () => void) => unknown} options.toast offers to undo
   * @param {AbortSignal} options.signal stops it
   */
  constructor(app, { open, send, attempt, giveBack, toast, signal }) {
    this.#open = open;
    this.#send = send;
    this.#attempt = attempt;
    this.#giveBack = giveBack;
    this.#toast = toast;
    for (const [type, handle] of Object.entries(this.#handlers)) {
      app.addEventListener(type, (event) => void handle(/** @type {any} */ (event)), { signal });
    }
  }

  /** @type {Record<string, (event: CustomEvent & { target: any }) => unknown>} */
  #handlers = {
    "message-retry": ({ target }) => this.#send(this.#open().textOf(target), () => this.#open().retry(target)),
    "message-keep": ({ target }) => this.#attempt(this.#open().keep(target)),
    "message-return": ({ target }) => this.#giveBack(this.#open().takeBack(target)),
    "message-dismiss": ({ target }) => this.#attempt(this.#dismiss(target)),
    "message-edit": ({ target, detail }) => this.#ask(detail.text, () => this.#open().edit(target, detail.text)),
    "message-regenerate": ({ target }) => this.#ask("", () => this.#open().regenerate(target)),
    "message-continue": ({ target }) => this.#ask("", () => this.#open().continue(target)),
    "message-decide": ({ target, detail }) => this.#send("", () => this.#open().decide(target, detail.decided).catch(detail.failed)),
    "message-read": ({ target, detail }) => this.#open().fetch(target.messageId).then(detail.read, detail.failed),
    "message-branch": ({ target, detail }) => this.#attempt(this.#turn(target, detail)),
    "transcript-older": () => this.#attempt(this.#open().loadOlder()),
    "transcript-newer": () => this.#attempt(this.#open().loadNewer()),
    "transcript-latest": () => this.#attempt(this.#open().showLatest()),
    "composer-edit-last": ({ currentTarget }) => lastQuestion(/** @type {HTMLElement} */ (currentTarget))?.edit(),
  };

  /**
   * @param {string} text
   * @param {() => Promise<unknown>} send
   */
  #ask(text, send) {
    if (!this.#open().current) return this.#send(text, send);
    this.#giveBack(text);
    return this.#attempt(Promise.reject(new Error(gettext("An answer is being written. Wait for it, or stop it."))));
  }

  /** @param {EventTarget} message a question that failed */
  async #dismiss(message) {
    const text = await this.#open().dismiss(message);
    this.#toast(gettext("Question dismissed"), () => this.#giveBack(text));
  }

  /**
   * @param {import("../message/chat_message.js").ChatMessage} message
   * @param {{ id: string, action: string }} wanted
   */
  async #turn(message, { id, action }) {
    (await this.#open().turnTo(message, id))?.focusVersions(action);
  }
}

/** @param {HTMLElement} app @returns {import("../message/chat_message.js").ChatMessage | null} */
function lastQuestion(app) {
  return [.../** @type {NodeListOf<any>} */ (app.querySelectorAll('chat-message[data-role="user"]'))].at(-1) ?? null;
}
