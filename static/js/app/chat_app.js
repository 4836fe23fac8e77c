import { warn } from "../client/warning.js";
import { gettext } from "../ui/i18n.js";
import { enableActions } from "../markdown/actions.js";
import { Announcer } from "../ui/announcer.js";
import { Commands } from "./commands.js";
import { refreshCsrfFields } from "../ui/csrf.js";
import { LateModule, loadLateModules } from "../ui/late_module.js";
import { MessageActs } from "./message_actions.js";
import { errorText } from "../ui/error_text.js";
import { Session } from "./session.js";
import { shortcutOf } from "../ui/shortcuts.js";
import { ConversationView } from "./conversation_view.js";
import { actionOf } from "../ui/template_parts.js";

const actions = new LateModule(() => import("./conversation_actions.js"));
const modelWatch = new LateModule(() => import("./model_watch.js"));
const toast = new LateModule(() => import("../ui/undo_toast.js"));
const readMarks = new LateModule(() => import("./read_marks.js"));
const UNSENT = 'chat-message[data-role="user"][data-state="failed"]';
/** Errors that may go away with another model, or with the same one a moment later. */
const MODELS = new Set(["no_model", "not_found", "unavailable"]);
/** These handle Escape first. */
const OVERLAY = ":popover-open, dialog[open]";

/** The page: connects the sidebar, the open conversation and the message box to the session. */
export class ChatApp extends HTMLElement {
  /** @type {import("./session.js").Config} */
  #config = /** @type {any} */ (null);
  /** @type {Session} */
  #session = /** @type {any} */ (null);
  /** @type {ConversationView} */
  #view = /** @type {any} */ (null);
  /** @type {Commands} */
  #commands = /** @type {any} */ (null);
  /** @type {import("./conversation_actions.js").ConversationActions | null} */
  #actions = null;
  /** @type {Announcer} */
  #announcer = /** @type {any} */ (null);
  /** @type {import("./model_watch.js").ModelWatch | null} */
  #models = null;
  /** @type {import("./read_marks.js").ReadMarks | null} */
  #marks = null;
  #listeners = new AbortController();

  connectedCallback() {
    const [config, answers] = ["chat-config", "chat-answers"].map((id) => JSON.parse(document.getElementById(id)?.textContent ?? "{}"));
    const root = this.dataset.newUrl ?? "/";
    const [transcript, composer, list, demo] = this.#find("chat-transcript", "chat-composer", "conversation-list", "#demo-notice");
    this.#announcer = new Announcer(/** @type {HTMLElement} */ (document.getElementById("announcer")));
    this.#config = config;
    const session = (this.#session = new Session(config, answers, root));
    list.start({ store: session.store, runs: session.runs, root });
    composer.start({
      drafts: session.drafts,
      lastAssistant: session.lastAssistant,
      assistants: config.assistants,
      limit: config.limits.message_characters,
      saveTools: (/** @type {string} */ id, /** @type {boolean} */ on) => this.#try(session.store.save(id, { tools: on })),
    });
    const view = (this.#view = new ConversationView({ session, config, app: this, transcript, composer, list, demo, root }));
    this.#commands = new Commands({ app: this, session, view, composer, list, act: (act) => this.#act(act), go: this.#go, stop: () => void this.#try(this.#open.stop()) });
    enableActions(transcript);
    new MessageActs(this, {
      open: () => this.#open,
      send: (text, send) => this.#send(text, send),
      attempt: (work) => this.#try(work),
      giveBack: (text) => this.#composer.giveBack(text),
      toast: (text, undo) => this.#toast(text, undo),
      signal: this.#listeners.signal,
    });
    this.#listen();
    view.showAddress();
    session.start();
    void view.loaded.then(() => {
      composer.sendEarly();
      loadLateModules();
    });
    if (config.model_problems.length || !config.assistants.length) void this.#watchModels({ doubted: !config.assistants.length });
  }

  disconnectedCallback() {
    this.#listeners.abort();
    this.#marks?.close();
    this.#models?.close();
    this.#view.close();
    this.#session.stop();
  }

  #listen() {
    const { signal } = this.#listeners;
    for (const [type, handle] of Object.entries(this.#handlers)) {
      this.addEventListener(type, (event) => void handle(detailOf(event), event), { signal });
    }
    const { client, store } = this.#session;
    client.addEventListener("connection", (event) => this.#find("connection-notice")[0].show(detailOf(event)), { signal });
    client.addEventListener("hello", () => this.#hello(), { signal });
    client.addEventListener("hello", () => void this.#try(this.#sendLeftovers()), { signal });
    client.addEventListener("stranger", () => location.reload(), { signal });
    client.addEventListener("notice", (event) => this.#notice(detailOf(event)), { signal });
    store.addEventListener("change", () => this.#changed(), { signal });
    document.addEventListener("keydown", (event) => this.#pressed(event), { signal });
    document.addEventListener("submit", (event) => this.#submitted(event), { signal });
    window.addEventListener("popstate", () => this.#view.showAddress(), { signal });
  }

  /** @type {Record<string, (detail: any, event: any) => unknown>} */
  #handlers = {
    "composer-send": (message) => this.#send(message.text, () => this.#open.send(message)),
    "composer-stop": () => this.#commands.run("stop"),
    "composer-assistant": () => this.#view.drawDemo(),
    "conversation-open": ({ id }) => this.#go(id),
    "conversation-change": ({ id, changes }) => this.#act((actions) => actions.change(id, changes)),
    "conversation-rename": ({ id }) => this.#commands.rename(id),
    "conversation-delete": ({ id }) => this.#act((actions) => actions.delete(id)),
    "models-doubted": () => this.#watchModels(),
    "connection-wake": () => this.#session.client.wake(),
    "sign-in": () => this.#commands.run("sign-in"),
    announce: (text) => this.#announcer.say(text),
    click: (_, event) => this.#clicked(event),
  };

  get #open() {
    return this.#view.open;
  }

  /** @returns {import("../composer/chat_composer.js").ChatComposer} */
  get #composer() {
    return this.#find("chat-composer")[0];
  }

  /**
   * @param {string} text returned to the message box if the server refuses it
   * @param {() => Promise<unknown>} send
   */
  async #send(text, send) {
    const open = this.#open;
    if (this.#session.signedOut) this.#commands.run("sign-in"); // The message waits in the outbox.
    try {
      await send();
    } catch (error) {
      const failure = /** @type {import("../client/errors.js").ChatError} */ (error);
      if (open.closed) return this.#giveBack(open.id, text);
      this.#composer.giveBack(text);
      if (MODELS.has(failure.code)) void this.#watchModels();
      if (failure.code !== "discarded") this.#composer.showProblem(errorText(failure), failure);
    }
  }

  /** `messageId`: the message to show. @type {(id: string | null, messageId?: string | null) => void} */
  #go = (id, messageId = null) => {
    this.#find("side-bar")[0].open = false;
    this.#view.go(id, messageId);
  };

  /** Returns refused text to the conversation it was meant for. @param {string | null} id @param {string} text */
  #giveBack(id, text) {
    if (id === this.#open.id) this.#composer.giveBack(text);
    else this.#session.drafts.giveBack(id, text);
  }

  #hello() {
    this.#view.meetRuns();
    void this.#try(this.#open.refresh());
  }

  /** Resends messages from before this page load, or from closed tabs, that were never answered. */
  async #sendLeftovers() {
    await this.#view.loaded; // Wait until we know whether the conversation exists.
    await this.#session.sendLeftovers({
      view: this.#view,
      unsent: () => /** @type {NodeListOf<any>} */ (this.querySelectorAll(UNSENT)),
      retry: (message) => this.#send(message.source, () => this.#open.retry(message)),
      giveBack: (id, text) => this.#giveBack(id, text),
    });
  }

  async #changed() {
    const [store, view] = [this.#session.store, this.#view];
    view.drawTitle();
    view.drawTools();
    if (this.#marks || !store.get(this.#open.id)?.unread) return;
    const loaded = await readMarks.load().catch(() => null); // The next change retries.
    if (!loaded || this.#listeners.signal.aborted) return;
    this.#marks ??= new loaded.ReadMarks({ store, view, transcript: this.#find("chat-transcript")[0] });
  }

  /**
   * @param {{ doubted?: boolean }} [options] whether the models may have changed since the page last heard about them
   */
  async #watchModels({ doubted = true } = {}) {
    const loaded = await modelWatch.load().catch(() => null); // The next failure retries.
    if (!loaded || this.#listeners.signal.aborted) return;
    const [composer, notice] = this.#find("chat-composer", "#model-notice");
    this.#models ??= new loaded.ModelWatch({ client: this.#session.client, config: this.#config, composer, notice });
    if (doubted) this.#models.doubt();
  }

  /** @param {Record<string, any>} notice */
  #notice({ kind, conversation_id: id, run_id: runId }) {
    if (id !== this.#open.id) return;
    if (kind === "run_started") this.#view.meetRuns();
    if (kind === "run_dismissed") this.#open.forget(runId);
    if (kind === "run_ended" && !this.#open.follows(runId)) void this.#try(this.#open.refresh());
    if (kind !== "conversation_deleted") return;
    this.#go(null);
    this.#toast(gettext("This conversation was deleted elsewhere"), null);
  }

  /** @param {(actions: import("./conversation_actions.js").ConversationActions) => Promise<void>} act */
  #act(act) {
    void this.#try(this.#loadActs().then(act));
  }

  async #loadActs() {
    const { ConversationActions } = await actions.load();
    return (this.#actions ??= new ConversationActions({ store: this.#session.store, current: () => this.#open, go: this.#go, toast: this.#toast }));
  }

  /** @param {Event} event */
  #clicked(event) {
    const prompt = /** @type {Element} */ (event.target).closest("[data-prompt]");
    if (prompt instanceof HTMLElement) this.#composer.giveBack(prompt.dataset.prompt ?? "");
    const asked = actionOf(event);
    if (asked?.action === "conversation-menu") this.#find("conversation-list")[0].showMenu(this.#open.id, event);
    if (!asked || asked.element.closest("[role=menu]") || !this.#commands.has(asked.action)) return;
    // Leave clicks that open a new tab to the browser.
    if (/** @type {MouseEvent} */ (event).ctrlKey || /** @type {MouseEvent} */ (event).metaKey) return;
    event.preventDefault();
    this.#commands.run(asked.action);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const shortcut = shortcutOf(event);
    if (!shortcut) return;
    if (shortcut === "stop" && (!this.#open.current || document.querySelector(OVERLAY))) return;
    event.preventDefault();
    if (!document.querySelector("dialog[open]")) this.#commands.run(shortcut);
  }

  /** @param {Event} event */
  #submitted({ target }) {
    refreshCsrfFields();
    if (target instanceof HTMLFormElement && target.dataset.leaves !== undefined) this.#session.forget();
  }

  /** @param {unknown} work @returns {Promise<void>} a failure is shown as a toast: nothing was lost */
  async #try(work) {
    try {
      await work;
    } catch (error) {
      this.#toast(errorText(/** @type {Error} */ (error)), null);
    }
  }

  /** @type {(text: string, undo: (() => void) | null) => void} */
  #toast = (text, undo) => {
    const show = () => this.#find("undo-toast")[0].show(text, undo);
    toast.load().then(show, (error) => warn(text, error));
  };

  /** @param {...string} names @returns {any[]} the page's elements with these tag names */
  #find(...names) {
    return names.map((name) => this.querySelector(name));
  }
}

/** @param {Event} event @returns {any} */
function detailOf(event) {
  return /** @type {CustomEvent} */ (event).detail;
}
