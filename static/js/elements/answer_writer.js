import { FramePump } from "../markdown/pump.js";
import { MarkdownStream, renderMarkdown } from "../markdown/stream.js";

/**
 * Writes a growing answer into a message, once per frame. Every promise resolves after the paint of what was given.
 *
 * @typedef {import("./chat_message.js").ChatMessage} ChatMessage
 */
export class AnswerWriter {
  #message;
  #drawing;
  #thoughtSince = 0;
  #thinking = false;
  #text = "";

  /** @param {ChatMessage} message */
  constructor(message) {
    this.#message = message;
    this.#drawing = newDrawing(message);
  }

  get text() {
    return this.#text;
  }

  /** @param {string} text a piece of the answer @returns {Promise<void>} */
  write(text) {
    if (!this.#text) this.#endThinking();
    this.#text += text;
    return this.#drawing.answer.write(text);
  }

  /** @param {string} text a piece of the model's thinking @returns {Promise<void>} */
  think(text) {
    if (!this.#thinking) this.#beginThinking();
    return this.#drawing.thoughts.write(text);
  }

  /** Throws away what there is: the run starts again. */
  reset() {
    this.close();
    this.#text = "";
    this.#thinking = false;
    this.#message.showReasoning("", { open: false });
    this.#drawing = newDrawing(this.#message);
  }

  /** The answer is whole, or will not grow any more. */
  finish() {
    this.#endThinking();
    const { answer, thoughts, markdown } = this.#drawing;
    void answer.flush();
    void thoughts.flush();
    markdown.finish();
    this.#message.source = this.#text;
    this.close();
  }

  /** Replaces everything by the text that the server has saved. @param {string} text */
  replace(text) {
    this.close();
    this.#text = text;
    this.#message.source = text;
    this.#message.body.replaceChildren();
    renderMarkdown(this.#message.body, text);
  }

  close() {
    this.#drawing.answer.close();
    this.#drawing.thoughts.close();
  }

  #beginThinking() {
    this.#thinking = true;
    this.#thoughtSince ||= Date.now();
    this.#message.showReasoning("Thinking…", { open: !this.#text });
  }

  #endThinking() {
    if (!this.#thinking) return;
    this.#thinking = false;
    const seconds = Math.max(1, Math.round((Date.now() - this.#thoughtSince) / 1_000));
    this.#message.showReasoning(`Thought for ${seconds} s`, { open: false });
  }
}

/** Empties the message and begins anew. @param {ChatMessage} message */
function newDrawing(message) {
  const thought = document.createTextNode("");
  message.body.replaceChildren();
  message.thoughts.replaceChildren(thought);
  const markdown = new MarkdownStream(message.body);
  return {
    markdown,
    answer: new FramePump({ draw: (text) => markdown.push(text) }),
    thoughts: new FramePump({ draw: (text) => thought.appendData(text) }),
  };
}
