/**
 * One dispatched server-sent event.
 *
 * @typedef {object} ServerSentEvent
 * @property {string} event the event name; "message" if none was given
 * @property {string} data
 * @property {string} lastEventId as in EventSource: the last id of the stream, from this event or an earlier one
 * @property {string | null} id the id of this event; null if it had none
 */

const DIGITS = /^[0-9]+$/;

/**
 * Decodes `text/event-stream` incrementally. Chunks may split anywhere: within a character, between CR and LF.
 *
 * Follows "Server-sent events" in the WHATWG HTML standard (9.2.6, interpreting an event stream): UTF-8 with an
 * optional BOM; lines end in LF, CR or CRLF; comments and unknown fields are ignored; an id with a NUL is ignored; an
 * event without data is not dispatched; an event without its blank line at the end of the stream is dropped.
 */
export class SSEDecoder {
  /** Milliseconds from the last valid `retry:` field, or null. @type {number | null} */
  retry = null;
  #text = new TextDecoder("utf-8", { ignoreBOM: true });
  #atStart = true;
  #afterCR = false;
  #line = "";
  #event = "";
  /** @type {string[]} */
  #data = [];
  #lastEventId = "";
  /** @type {string | null} */
  #id = null;

  /**
   * @param {Uint8Array | string} chunk bytes, or already decoded text
   * @returns {ServerSentEvent[]} the events that this chunk completed
   */
  push(chunk) {
    let text = typeof chunk === "string" ? chunk : this.#text.decode(chunk, { stream: true });
    if (this.#atStart && text) {
      this.#atStart = false;
      if (text.startsWith("\uFEFF")) text = text.slice(1);
    }
    return this.#lines(text).flatMap((line) => this.#take(line));
  }

  /** @param {string} text */
  #lines(text) {
    if (this.#afterCR && text) {
      this.#afterCR = false;
      if (text.startsWith("\n")) text = text.slice(1);
    }
    if (text.endsWith("\r")) this.#afterCR = true;
    const lines = text.split(/\r\n|\n|\r/);
    lines[0] = this.#line + lines[0];
    this.#line = lines.pop() ?? "";
    return lines;
  }

  /**
   * @param {string} line
   * @returns {ServerSentEvent[]}
   */
  #take(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#lastEventId = this.#id = value;
    else if (field === "retry" && DIGITS.test(value)) this.retry = Number(value);
    return [];
  }

  /** @returns {ServerSentEvent[]} */
  #dispatch() {
    const event = this.#event || "message";
    const data = this.#data;
    const id = this.#id;
    this.#event = "";
    this.#data = [];
    this.#id = null;
    return data.length ? [{ event, data: data.join("\n"), lastEventId: this.#lastEventId, id }] : [];
  }
}
