import { gettext } from "../ui/i18n.js";
import { figuresOfEnd } from "./answer_figures.js";
import { answerNote, countCharacters, isContinuable, stateOf, waitingLine } from "./answer_note.js";
import { AnswerParts } from "./answer_parts.js";
import { ChatMessage } from "./chat_message.js";
import { KINDS, PART_EVENTS } from "./part_kinds.js";
import { drawSaved } from "./saved_message.js";
import { statusText } from "./status_text.js";

/** Events that begin a part: the answer itself now shows that the model is at work. */
const BEGINNINGS = new Set(Object.values(KINDS).map(({ begins }) => begins));

/** The message of an answer in progress, until it ends or fails. */
export class LiveAnswer {
  #message;
  #parts;
  #model;

  /** @param {string} label @param {{ model?: string | null }} [options] */
  constructor(label, { model = null } = {}) {
    this.#message = ChatMessage.create({ role: "assistant", label, state: "streaming" });
    this.#parts = new AnswerParts(this.#message.parts, { live: true });
    this.#model = model;
    this.#message.showStatus(gettext("Thinking…"));
  }

  get element() {
    return this.#message;
  }

  get text() {
    return this.#parts.text;
  }

  /** Sets who is answering, once known. @param {string} label @param {string} model */
  identify(label, model) {
    this.#message.label = label;
    this.#model = model;
  }

  /** Handlers for the events of a run, by event name. @type {Record<string, (data: any) => unknown>} */
  events = {
    // @ts-expect-error -- null prototype: an event name must not match an inherited property
    __proto__: null,
    ...Object.fromEntries(PART_EVENTS.map((name) => [name, (/** @type {any} */ data) => this.#hear(name, data)])),
    status: (data) => this.#parts.showStatus(data) || this.#message.showStatus(statusText(data)),
    reset: () => this.#reset(),
  };

  /**
   * @param {Record<string, any>} done
   * @returns {boolean} whether the drawn text is the saved text
   */
  finish(done) {
    this.#end(done.status ?? "completed");
    this.#message.figures = figuresOfEnd(done, this.#model);
    this.#settle(done, done.message_id);
    return done.characters === undefined || done.characters === countCharacters(this.text);
  }

  /** @param {import("../ui/failure_text.js").Failure} failure @param {{ dismissable?: boolean }} [options] */
  fail(failure, options) {
    this.#end("failed");
    this.#message.showStatus("");
    this.#message.state = "failed";
    void this.#message.showFailure(failure, { ...options, keepable: this.text !== "" });
  }

  /** Shows the answer as saved by the server. @param {import("./branch_pages.js").Message} message */
  showSaved(message) {
    this.#parts.close();
    this.#parts = drawSaved(this.#message, message);
    this.#settle(message, message.id);
  }

  /** An action of the failure card is in progress. */
  wait() {
    this.#message.disableFailure();
  }

  close() {
    this.#parts.close();
  }

  /** @param {string} name @param {any} data @returns {Promise<void> | void} after the paint */
  #hear(name, data) {
    if (BEGINNINGS.has(name)) this.#message.showStatus("");
    return this.#parts.hear(name, data);
  }

  /** @param {string} status */
  #end(status) {
    this.#parts.end(status);
    this.#message.source = this.text;
  }

  #reset() {
    this.#parts.close();
    this.#parts = new AnswerParts(this.#message.parts, { live: true });
    this.#message.state = "streaming";
    this.#message.showStatus(gettext("Starting again…"));
  }

  /**
   * @param {{ status?: string, finish_reason?: string | null }} saved
   * @param {string} id
   */
  #settle(saved, id) {
    this.#message.clearFailure();
    this.#message.showStatus(waitingLine(saved));
    this.#message.messageId = id;
    this.#message.state = stateOf(saved);
    this.#message.showFooter(answerNote(saved), { continuable: isContinuable(saved) });
  }
}
