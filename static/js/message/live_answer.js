import { gettext } from "../ui/i18n.js";
import { AnswerActivity } from "./answer_activity.js";
import { figuresOf, figuresOfEnd } from "./answer_figures.js";
import { answerNote, countCharacters, isContinuable } from "./answer_note.js";
import { AnswerWriter } from "./answer_writer.js";
import { ChatMessage } from "./chat_message.js";
import { failureText } from "../ui/failure_text.js";
import { statusText } from "./status_text.js";
import { part } from "../ui/template_parts.js";

/** The message of an answer in progress, until it ends or fails. */
export class LiveAnswer {
  #message;
  #writer;
  #activity;
  #model;

  /** @param {string} label @param {{ model?: string | null }} [options] */
  constructor(label, { model = null } = {}) {
    this.#message = ChatMessage.create({ role: "assistant", label, state: "streaming" });
    this.#writer = new AnswerWriter(this.#message);
    this.#activity = this.#newActivity();
    this.#model = model;
    this.#message.showStatus(gettext("Thinking…"));
  }

  get element() {
    return this.#message;
  }

  get text() {
    return this.#writer.text;
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
    status: (data) => this.#activity.showStatus(data) || this.#message.showStatus(statusText(data)),
    reasoning: (data) => this.#think(data),
    token: (data) => this.#write(data),
    tool_start: (data) => this.#startTool(data),
    tool_progress: (data) => this.#activity.hear("tool_progress", data),
    tool_result: (data) => this.#activity.hear("tool_result", data),
    tool_error: (data) => this.#activity.hear("tool_error", data),
    agent_start: (data) => this.#activity.hear("agent_start", data),
    agent_done: (data) => this.#activity.hear("agent_done", data),
    reset: () => this.#reset(),
  };

  /**
   * @param {Record<string, any>} done
   * @returns {boolean} whether the drawn text is the saved text
   */
  finish(done) {
    this.#writer.finish();
    this.#activity.end(done.status ?? "completed");
    this.#message.figures = figuresOfEnd(done, this.#model);
    this.#settle(done, done.message_id);
    return done.characters === undefined || done.characters === countCharacters(this.text);
  }

  /** @param {import("../ui/failure_text.js").Failure & { dismissable?: boolean }} failure */
  fail(failure) {
    this.#writer.finish();
    this.#activity.end("failed");
    this.#message.showStatus("");
    this.#message.state = "failed";
    this.#message.failure.show({ ...failure, ...failureText(failure), keepable: this.text !== "" });
  }

  /** Shows the answer as saved by the server. @param {import("./branch_pages.js").Message} message */
  showSaved(message) {
    this.#writer.replace(message.text);
    this.#message.figures = figuresOf(message);
    this.#settle(message, message.id);
  }

  /** An action of the failure card is in progress. */
  wait() {
    this.#message.failure.disable();
  }

  close() {
    this.#writer.close();
    this.#activity.close();
  }

  #newActivity() {
    return new AnswerActivity(part(this.#message, "activity"));
  }

  /** @param {{ text: string, agent?: string }} data @returns {Promise<void>} after the paint */
  #think(data) {
    this.#message.showStatus("");
    return this.#activity.think(data);
  }

  /** @param {{ text: string, agent?: string }} data @returns {Promise<void>} after the paint */
  #write(data) {
    this.#message.showStatus("");
    this.#activity.endThinking(data);
    // What a member of a team writes is no part of the answer.
    return data.agent ? Promise.resolve() : this.#writer.write(data.text);
  }

  /** @param {any} data */
  #startTool(data) {
    this.#message.showStatus("");
    this.#activity.startTool(data);
  }

  #reset() {
    this.#activity.close();
    this.#activity = this.#newActivity();
    this.#writer.reset();
    this.#message.state = "streaming";
    this.#message.showStatus(gettext("Starting again…"));
  }

  /**
   * @param {{ status?: string, finish_reason?: string | null }} saved
   * @param {string} id
   */
  #settle(saved, id) {
    this.#message.clearFailure();
    this.#message.showStatus("");
    this.#message.messageId = id;
    this.#message.state = saved.status === "stopped" ? "stopped" : "completed";
    this.#message.showFooter(answerNote(saved), { continuable: isContinuable(saved) });
  }
}
