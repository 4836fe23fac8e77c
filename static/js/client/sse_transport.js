import { parseObject, readHello, silenceMs, strings } from "./untrusted_input.js";
import { RunStream } from "./run_stream.js";
import { sendByPost, stopByPost } from "./run_requests.js";

/**
 * @typedef {import("./api.js").Api} Api
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./errors.js").ChatError} ChatError
 * @typedef {import("./subscription.js").Subscription} Subscription
 * @typedef {import("./transport.js").Listener} Listener
 * @typedef {import("./transport.js").Transport} Transport
 *
 * @typedef {object} EventSourceLike the part of EventSource that is used
 * @property {number} readyState
 * @property {(type: string, listener: (event: any) => void) => void} addEventListener
 * @property {() => void} close
 * @typedef {new (url: string) => EventSourceLike} EventSourceClass
 */

/**
 * A browser opens six connections per host over HTTP/1.1; together with the EventSource, this leaves two for requests.
 */
const MAX_STREAMS = 3;
const CLOSED = 2;
const TOO_MANY = 429;
/** Used if the server does not send Retry-After. */
const LISTEN_AGAIN_S = 20;

/**
 * The protocol over plain HTTP, for networks that block WebSockets.
 *
 * Each followed run is its own `fetch` of `/runs/{id}/events?after=<cursor>` (three at a time; the others queue), and
 * one EventSource on `/events` delivers the notices. The multiplexed stream could deliver the events as well, but: the
 * form of its cursor is not part of the protocol, so a switch from the socket could not resume each run at its
 * position; EventSource keeps reading before the page has painted; and its errors have no status. A stream per run has
 * the exact cursor, real backpressure and a status. The price: the notices' connection carries the events a second
 * time.
 *
 * @implements {Transport}
 */
export class SseTransport {
  name = /** @type {const} */ ("sse");
  #api;
  #EventSource;
  #clock;
  #random;
  #listener;
  #open = true;
  /** @type {EventSourceLike | null} */
  #notices = null;
  #heardAt;
  #silenceMs = silenceMs(null);
  /** Aborts the request that asks why there are no notices. */
  #asking = new AbortController();
  /** @type {unknown} */
  #watch = null;
  /** @type {Map<string, RunStream>} */
  #streams = new Map();
  /** Subscriptions waiting for a free connection. @type {Map<string, Subscription>} */
  #queue = new Map();

  /**
   * @param {object} options
   * @param {Api} options.api
   * @param {EventSourceClass} options.EventSource
   * @param {Clock} options.clock
   * @param {() => number} options.random
   * @param {Listener} listener
   */
  constructor({ api, EventSource, clock, random }, listener) {
    this.#api = api;
    this.#EventSource = EventSource;
    this.#clock = clock;
    this.#random = random;
    this.#listener = listener;
    this.#heardAt = clock.now();
    void this.#connect();
  }

  /** @param {import("./transport.js").Body} body */
  async send(body) {
    return await this.#watched(sendByPost(this.#api, body));
  }

  /** @param {string} runId */
  async stop(runId) {
    await this.#watched(stopByPost(this.#api, runId));
  }

  /** @param {Subscription} subscription */
  follow(subscription) {
    const { runId } = subscription;
    this.unfollow(runId);
    if (this.#streams.size >= MAX_STREAMS) this.#queue.set(runId, subscription);
    else void this.#read(subscription);
  }

  /** @param {string} runId */
  unfollow(runId) {
    this.#queue.delete(runId);
    this.#streams.get(runId)?.close();
    this.#streams.delete(runId);
    this.#next();
  }

  check() {
    if (this.#clock.now() - this.#heardAt >= this.#silenceMs) this.#down();
  }

  close() {
    this.#open = false;
    this.#asking.abort();
    this.#notices?.close();
    this.#clock.clearTimeout(this.#watch);
    this.#queue.clear();
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
  }

  /** The list of live runs shows that HTTP works and who is signed in, and contains what a hello does. */
  async #connect() {
    try {
      const { items } = (await this.#api.request("GET", "/runs?active=1")) ?? {};
      if (!this.#open) return;
      this.#listen();
      this.#listener.hello(readHello({ runs: items }));
    } catch {
      this.#down();
    }
  }

  #listen() {
    const notices = new this.#EventSource(this.#api.url("/events"));
    this.#notices = notices;
    notices.addEventListener("open", () => this.#heard());
    notices.addEventListener("error", () => {
      // Any status but 200 ends an EventSource for good; it reconnects a lost connection by itself.
      if (notices.readyState === CLOSED) void this.#ask();
    });
    notices.addEventListener("notice", ({ data }) => {
      this.#heard();
      const notice = parseObject(data);
      if (notice && this.#open) this.#listener.notice({ ...notice, type: "notice" });
    });
    notices.addEventListener("ping", ({ data }) => {
      const ping = data ? parseObject(data) : null;
      this.#silenceMs = silenceMs(ping);
      this.#heard();
      const stalled = strings(ping?.stalled);
      if (stalled.length && this.#open) this.#listener.stalled(stalled);
    });
    this.#heard();
  }

  /**
   * Finds out why there are no notices: an EventSource does not tell. If the user has too many streams open,
   * everything else continues, and the notices are requested again when the server says so.
   */
  async #ask() {
    const { signal } = this.#asking;
    try {
      const { body } = await this.#api.open("/events", { headers: { Accept: "text/event-stream" }, signal });
      void body?.cancel().catch(() => {});
    } catch (error) {
      const { status, retryAfter } = /** @type {ChatError} */ (error);
      if (status === TOO_MANY) return this.#listenIn((retryAfter ?? LISTEN_AGAIN_S) * 1_000);
    }
    this.#down();
  }

  /** @param {number} ms */
  #listenIn(ms) {
    if (!this.#open) return;
    this.#clock.clearTimeout(this.#watch);
    this.#heardAt = this.#clock.now() + ms;
    this.#watch = this.#clock.setTimeout(() => this.#listen(), ms);
  }

  #heard() {
    if (!this.#open) return;
    this.#heardAt = this.#clock.now();
    this.#clock.clearTimeout(this.#watch);
    this.#watch = this.#clock.setTimeout(() => this.#down(), this.#silenceMs);
  }

  /** @param {Subscription} subscription */
  async #read(subscription) {
    const { runId } = subscription;
    const options = { subscription, api: this.#api, clock: this.#clock, random: this.#random };
    const stream = new RunStream({ ...options, onUnreachable: () => this.#down() });
    this.#streams.set(runId, stream);
    await stream.read();
    if (this.#streams.get(runId) !== stream) return;
    this.#streams.delete(runId);
    this.#next();
  }

  #next() {
    if (!this.#open || this.#streams.size >= MAX_STREAMS) return;
    for (const [runId, subscription] of this.#queue) {
      this.#queue.delete(runId);
      return void this.#read(subscription);
    }
  }

  /**
   * @template T
   * @param {Promise<T>} request
   */
  async #watched(request) {
    try {
      return await request;
    } catch (error) {
      if (/** @type {ChatError} */ (error).code === "network") this.#down();
      throw error;
    }
  }

  #down() {
    if (!this.#open) return;
    this.close();
    this.#listener.down({ code: null, retryMs: null, silent: false });
  }
}
