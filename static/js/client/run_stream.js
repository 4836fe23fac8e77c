import { SSEDecoder } from "./sse_decoder.js";
import { Backoff } from "./backoff.js";
import { ChatError } from "./errors.js";
import { parseObject, silenceMs } from "./untrusted_input.js";

/**
 * @typedef {import("./api.js").Api} Api
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./sse_decoder.js").ServerSentEvent} ServerSentEvent
 * @typedef {import("./subscription.js").Subscription} Subscription
 */

const NO_CONTENT = 204;

/**
 * Reads the events of one run over HTTP into a subscription until the run ends, over as many responses as needed.
 *
 * The next bytes are read only after the last events are applied: TCP backpressure lets the page pace the server.
 */
export class RunStream {
  #api;
  #clock;
  #subscription;
  #backoff;
  #onUnreachable;
  #closed = false;
  #silenceMs = silenceMs(null);
  /** Aborts the response being read. */
  #abort = new AbortController();
  /** Skips the pause between two responses. @type {() => void} */
  #resume = () => {};

  /**
   * @param {object} options
   * @param {Subscription} options.subscription
   * @param {Api} options.api
   * @param {Clock} options.clock
   * @param {() => number} options.random
   * @param {() => void} options.onUnreachable called when the server cannot be reached
   */
  constructor({ subscription, api, clock, random, onUnreachable }) {
    this.#subscription = subscription;
    this.#api = api;
    this.#clock = clock;
    this.#backoff = new Backoff(random);
    this.#onUnreachable = onUnreachable;
  }

  /** Resolves when the subscription has ended or this stream is closed; never rejects. */
  async read() {
    while (this.#running) {
      try {
        if (await this.#response()) this.#backoff.reset();
        else await this.#pause(this.#backoff.next());
      } catch (error) {
        if (this.#running) await this.#recover(error);
      }
    }
  }

  close() {
    this.#closed = true;
    this.#abort.abort();
    this.#resume();
  }

  get #running() {
    return this.#subscription.open && !this.#closed;
  }

  /** @returns {Promise<boolean>} whether the response brought anything new */
  async #response() {
    const { runId, cursor } = this.#subscription;
    const after = cursor ? `?after=${encodeURIComponent(cursor)}` : "";
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const headers = { Accept: "text/event-stream" };
    const response = await this.#watched(
      this.#api.open(`/runs/${encodeURIComponent(runId)}/events${after}`, { headers, signal }),
    );
    if (!this.#running) return false;
    if (response.status === NO_CONTENT || !response.body) {
      this.#subscription.finish(); // The cursor is at the end of the run.
      return true;
    }
    this.#subscription.begin();
    const reader = response.body.getReader();
    try {
      await this.#readAll(reader);
    } finally {
      await reader.cancel().catch(() => {}); // Also ends the request if there was a gap.
    }
    return this.#subscription.cursor !== cursor;
  }

  /** @param {ReadableStreamDefaultReader<Uint8Array>} reader */
  async #readAll(reader) {
    const decoder = new SSEDecoder();
    while (this.#running) {
      const { done, value } = await this.#watched(reader.read());
      if (done || !this.#running) return;
      const events = decoder.push(value).map(toRunEvent);
      for (const { event, data } of events) if (event === "ping") this.#silenceMs = silenceMs(data);
      const { applied, gap } = this.#subscription.accept(events.filter(({ event }) => event !== "ping"));
      await applied;
      if (gap) return;
    }
  }

  /**
   * Aborts the response if this takes longer than the server's allowed silence.
   *
   * @template T
   * @param {Promise<T>} promise
   */
  async #watched(promise) {
    const timer = this.#clock.setTimeout(() => this.#abort.abort(), this.#silenceMs);
    try {
      return await promise;
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }

  /** @param {unknown} error */
  async #recover(error) {
    if (!(error instanceof ChatError)) return this.#pause(this.#backoff.next()); // Cut off while reading.
    if (error.code === "network" || error.code === "no_answer") return this.#onUnreachable();
    if (error.code === "bad_cursor" && this.#subscription.cursor) return this.#subscription.restart(error.code);
    if (!error.retryable) return this.#subscription.fail(error);
    return this.#pause(Math.max(this.#backoff.next(), (error.retryAfter ?? 0) * 1_000));
  }

  /** @param {number} ms */
  async #pause(ms) {
    /** @type {unknown} */
    let timer;
    await new Promise((resolve) => {
      this.#resume = () => resolve(undefined);
      timer = this.#clock.setTimeout(this.#resume, ms);
    });
    this.#clock.clearTimeout(timer);
  }
}

/** @param {ServerSentEvent} received */
function toRunEvent({ id, event, data }) {
  return { id, event, data: parseObject(data) };
}
