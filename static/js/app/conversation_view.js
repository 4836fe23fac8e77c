import { warn } from "../client/warning.js";
import { gettext } from "../ui/i18n.js";
import { spokenAnswer } from "../ui/announcer.js";
import { conversationIdOf, pathOf } from "../sidebar/index.js";
import { OpenConversation } from "../conversation/index.js";

/** The server reads this too, so it can render the notice before the scripts run and nothing shifts. */
const DEMO_DISMISSED = "demo_notice_dismissed=yes";
const SITE = "Chatsite";
const TITLE_CHARACTERS = 60;

/**
 * The open conversation: its messages, the text in its message box, its title, its address.
 *
 * @typedef {object} StageParts
 * @property {import("./session.js").Session} session
 * @property {import("./session.js").Config} config
 * @property {HTMLElement} app carries the view: "empty" or "conversation"
 * @property {import("../transcript/chat_transcript.js").ChatTranscript} transcript
 * @property {import("../composer/chat_composer.js").ChatComposer} composer
 * @property {import("../sidebar/conversation_list.js").ConversationList} list
 * @property {HTMLElement} demo
 * @property {string} root the address of a new chat
 */
export class ConversationView {
  #parts;
  /** @type {OpenConversation} */
  #open;
  /** Settles when the history is drawn, or is known not to load. */
  loaded = Promise.resolve();

  /** @param {StageParts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#open = this.#make(null);
  }

  get open() {
    return this.#open;
  }

  /** Shows the conversation in the address. */
  showAddress() {
    this.#show(conversationIdOf(location.pathname), new URLSearchParams(location.search).get("message"));
  }

  /**
   * @param {string | null} id null: a new conversation
   * @param {string | null} [messageId] the message to show; without one, the end
   */
  go(id, messageId = null) {
    if (id !== this.#open.id || id === null || messageId !== null) {
      const path = this.pathOf(id, messageId);
      if (path !== location.pathname + location.search) history.pushState(null, "", path);
      this.#show(id, messageId);
    }
    if (matchMedia("(hover: hover)").matches) this.#parts.composer.focusText();
  }

  /**
   * @param {string | null} id
   * @param {string | null} [messageId]
   */
  pathOf(id, messageId = null) {
    return pathOf(id, this.#parts.root) + (messageId ? `?message=${encodeURIComponent(messageId)}` : "");
  }

  /** Follows the runs of this conversation, after a connect or a notice. */
  meetRuns() {
    const run = this.#parts.session.runs.of(this.#open.id);
    if (run) this.#open.meet(run);
  }

  close() {
    this.#open.close();
  }

  drawTitle() {
    const { id } = this.#open;
    const open = this.#parts.session.store.get(id);
    const title = id === null ? gettext("New chat") : (open?.title ?? "");
    const heading = /** @type {HTMLElement} */ (document.getElementById("conversation-title"));
    heading.textContent = title;
    /** @type {HTMLElement} */ (document.getElementById("archived-note")).hidden = !open?.archived;
    /** @type {HTMLElement} */ (document.getElementById("conversation-more")).hidden = !open || open.provisional === true;
    document.title = id === null || !title ? SITE : `${title} · ${SITE}`;
  }

  drawTools() {
    this.#parts.composer.showTools(this.#parts.session.store.get(this.#open.id));
  }

  drawDemo() {
    this.#parts.demo.hidden = !this.#parts.composer.assistant?.demo || document.cookie.includes(DEMO_DISMISSED);
  }

  /** Until the browser is closed. */
  dismissDemo() {
    document.cookie = `${DEMO_DISMISSED}; path=/; samesite=lax`;
    this.drawDemo();
  }

  /**
   * @param {string | null} id
   * @param {string | null} messageId
   */
  #show(id, messageId) {
    const { session, composer, list } = this.#parts;
    this.#open.close();
    this.#open = this.#make(id, messageId);
    list.current = id;
    composer.open(id, { assistant: session.store.get(id)?.assistant ?? null });
    this.drawTools();
    this.loaded = this.#open.load().then(() => this.meetRuns()); // Runs that started while the history was loading.
    this.#draw();
  }

  /**
   * @param {string | null} id
   * @param {string | null} [messageId]
   */
  #make(id, messageId = null) {
    const { session, transcript, composer, config } = this.#parts;
    const assistant = () => composer.assistant?.slug ?? null;
    const tools = () => composer.tools;
    const open = new OpenConversation(id, { client: session.client, transcript, assistants: config.assistants, assistant, tools, messageId });
    open.addEventListener("change", () => this.#draw());
    open.addEventListener("identified", (event) => this.#identified(open, detailOf(event).before));
    open.addEventListener("vanished", () => {
      session.store.drop(open.id ?? "");
      this.go(null);
    });
    open.addEventListener("described", (event) => this.#described(detailOf(event).conversation));
    open.addEventListener("turn-started", (event) => this.#started(detailOf(event).turn));
    open.addEventListener("turn-ended", (event) => void this.#ended(open, detailOf(event)));
    return open;
  }

  /**
   * A new conversation got its id from the first `ok`. `before` is an id under which nothing was ever saved.
   *
   * @param {OpenConversation} open
   * @param {string | null} before
   */
  #identified({ id }, before) {
    const { session, composer, list, root } = this.#parts;
    if (id === null) return;
    if (before) session.store.drop(before);
    const path = pathOf(id, root);
    if (before) history.replaceState(null, "", path);
    else history.pushState(null, "", path);
    composer.identify(id);
    list.current = id;
  }

  /** @param {import("../conversation/conversation_store.js").Conversation} conversation */
  #described(conversation) {
    this.#parts.session.store.put(conversation);
    this.#parts.composer.showAssistant(conversation.assistant);
    this.drawDemo();
  }

  /** @param {import("../conversation/turn.js").Turn} turn */
  #started({ runId, clientMessageId, text, assistant, tools }) {
    const { session, app } = this.#parts;
    const { id } = this.#open;
    if (id === null || runId === null) return;
    const title = text.trim().split("\n")[0].slice(0, TITLE_CHARACTERS);
    session.store.expect({ id, title, assistant, tools });
    session.runs.add({ runId, conversationId: id, clientMessageId, title });
    this.#parts.composer.showAssistant(assistant);
    this.drawDemo();
    app.dispatchEvent(new CustomEvent("announce", { detail: gettext("Generating…") }));
  }

  /**
   * @param {OpenConversation} open
   * @param {{ turn: import("../conversation/turn.js").Turn, status: string }} end
   */
  async #ended({ id }, { turn, status }) {
    const { session, app } = this.#parts;
    if (turn.runId) session.runs.end(turn.runId);
    // What waits for the person has told so itself.
    if (status !== "waiting") app.dispatchEvent(new CustomEvent("announce", { detail: spokenAnswer(turn.answerText, status) }));
    if (status === "error") app.dispatchEvent(new CustomEvent("models-doubted"));
    if (status === "error" || !session.store.get(id)?.provisional) return;
    try {
      const saved = await session.client.request("GET", `/conversations/${id}`);
      if (session.store.get(id)?.provisional) session.store.put(saved); // It may have been deleted in the meantime.
    } catch (error) {
      warn("could not read the conversation", error); // The notice of its creation will follow.
    }
  }

  #draw() {
    const { app, composer } = this.#parts;
    const { empty, current } = this.#open;
    app.dataset.view = empty ? "empty" : "conversation";
    /** @type {HTMLElement} */ (document.getElementById("welcome")).hidden = !empty;
    composer.busy = current !== null;
    this.drawTitle();
    this.drawDemo();
  }
}

/** @param {Event} event @returns {any} */
function detailOf(event) {
  return /** @type {CustomEvent} */ (event).detail;
}
