import { DRAINING, FINAL } from "./close_codes.js";
import { ReconnectDelay } from "./reconnect_delay.js";

/**
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./socket.js").Down} Down
 * @typedef {import("./transport.js").Listener} Listener
 * @typedef {import("./transport.js").Transport} Transport
 * @typedef {import("./untrusted_input.js").Hello} Hello
 *
 * @typedef {"connecting" | "open" | "waiting" | "closed"} State
 *
 * @typedef {object} ConnectionDetail
 * @property {State} state
 * @property {"websocket" | "sse"} transport
 * @property {number | null} retryInMs while waiting
 * @property {number} since when it opened; if not open, when it was last open or first tried, so "offline for" counts
 *   from here
 * @property {number | null} code of the close, if it is final
 * @property {boolean} wasOpen whether there was a connection before
 * @property {boolean} draining the server said goodbye because it is shutting down; another will be up soon
 *
 * @typedef {object} ConnectionListener
 * @property {(transport: Transport, hello: Hello) => void} opened
 * @property {(detail: ConnectionDetail) => void} changed
 * @property {Listener["notice"]} notice
 * @property {Listener["stalled"]} stalled
 */

const FIRST_APPLICATION_CODE = 4000;
/** One failure may be a server restart; two in a row suggest a proxy that blocks WebSockets. */
const FAILURES_BEFORE_FALLBACK = 2;
const SOON_MS = 1_000;
/** A connection that lasted this long was good: after the next loss, backoff starts over. */
const STABLE_AFTER_MS = 10_000;
/** The longest wait a server may ask for, and how often a socket is retried while SSE is in use. */
const LONGEST_WAIT_MS = 60_000;

/**
 * Keeps one transport open: reconnects, falls back from WebSocket to SSE and switches back, and stops on final close
 * codes.
 *
 * A transport is never reused. While SSE is in use, a socket is tried alongside, and takes over only after its hello.
 */
export class Connection {
  #make;
  #clock;
  #listener;
  #delay;
  #random;
  /** @type {State} */
  #state = "closed";
  /** @type {"websocket" | "sse"} */
  #name = "websocket";
  /** @type {Transport | null} */
  #current = null;
  /** @type {Transport | null} */
  #candidate = null;
  #failures = 0;
  #wasOpen = false;
  #draining = false;
  #since = 0;
  /** The only timer: for the next attempt, or the next socket to try alongside SSE. @type {unknown} */
  #timer = null;
  /** @type {unknown} */
  #stableTimer = null;

  /**
   * @param {Record<"websocket" | "sse", (listener: Listener) => Transport>} make
   * @param {{ clock: Clock, random: () => number }} options
   * @param {ConnectionListener} listener
   */
  constructor(make, { clock, random }, listener) {
    this.#make = make;
    this.#clock = clock;
    this.#listener = listener;
    this.#delay = new ReconnectDelay(random);
    this.#random = random;
  }

  get state() {
    return this.#state;
  }

  get transport() {
    return this.#name;
  }

  /** The open transport. @returns {Transport | null} */
  get current() {
    return this.#current;
  }

  start() {
    if (this.#state !== "closed") return;
    this.#since = this.#clock.now();
    this.#delay.reset();
    this.#attempt();
  }

  /** @param {number | null} [code] the final close code; null if the page itself closes */
  stop(code = null) {
    if (this.#state === "closed") return;
    this.#drop();
    this.#change("closed", { code });
  }

  /** Something may have changed (online again, visible again): does now what the timer would do. */
  wake() {
    if (this.#state === "waiting") {
      if (this.#name === "sse") this.#failures = FAILURES_BEFORE_FALLBACK - 1;
      this.#name = "websocket";
      this.#attempt();
    } else if (this.#state === "open") {
      this.#current?.check();
      if (this.#current?.name === "sse") this.#trySocketBeside();
    }
  }

  #attempt() {
    this.#clock.clearTimeout(this.#timer);
    this.#change("connecting");
    this.#try(this.#name);
  }

  /** @param {"websocket" | "sse"} name */
  #try(name) {
    /** @type {Transport} */
    const candidate = this.#make[name]({
      hello: (hello) => this.#candidate === candidate && this.#opened(candidate, hello),
      down: (down) => this.#down(candidate, down),
      notice: (notice) => this.#current === candidate && this.#listener.notice(notice),
      stalled: (runIds) => this.#current === candidate && this.#listener.stalled(runIds),
    });
    this.#candidate = candidate;
  }

  #trySocketBeside() {
    this.#clock.clearTimeout(this.#timer);
    if (!this.#candidate) this.#try("websocket");
  }

  /**
   * @param {Transport} transport
   * @param {Hello} hello
   */
  #opened(transport, hello) {
    this.#current?.close();
    this.#current = transport;
    this.#candidate = null;
    this.#failures = 0;
    this.#draining = false;
    this.#since = this.#clock.now();
    this.#clock.clearTimeout(this.#timer);
    this.#clock.clearTimeout(this.#stableTimer);
    this.#stableTimer = this.#clock.setTimeout(() => this.#delay.reset(), STABLE_AFTER_MS);
    // Where sockets have worked before, only the network was down.
    if (transport.name === "sse") this.#waitForSocket(this.#wasOpen && this.#name === "websocket" ? SOON_MS : LONGEST_WAIT_MS);
    this.#wasOpen = true;
    this.#name = transport.name;
    this.#change("open");
    if (this.#current === transport) this.#listener.opened(transport, hello);
  }

  /**
   * @param {Transport} transport
   * @param {Down} down
   */
  #down(transport, down) {
    if (transport !== this.#current && transport !== this.#candidate) return;
    if (down.code !== null && FINAL.has(down.code)) return this.stop(down.code);
    if (down.code === DRAINING) this.#draining = true;
    const wasOpen = transport === this.#current;
    if (!wasOpen) this.#candidate = null;
    if (!wasOpen && this.#current) return this.#waitForSocket();
    if (wasOpen) this.#drop();
    if (!wasOpen && transport.name === "websocket" && this.#blocked(down)) return this.#try("sse");
    this.#wait(down.retryMs);
  }

  /** @param {Down} down of a socket that never said hello */
  #blocked({ code, silent }) {
    if (code !== null && code >= FIRST_APPLICATION_CODE) return false; // Only the server itself sends such a code.
    this.#failures += silent ? FAILURES_BEFORE_FALLBACK : 1;
    return this.#failures >= FAILURES_BEFORE_FALLBACK;
  }

  #waitForSocket(ms = LONGEST_WAIT_MS) {
    this.#timer = this.#clock.setTimeout(() => this.#trySocketBeside(), ms);
  }

  /** @param {number | null} retryMs */
  #wait(retryMs) {
    const ms = retryMs === null ? this.#nextDelay() : Math.min(retryMs, LONGEST_WAIT_MS);
    this.#timer = this.#clock.setTimeout(() => this.#attempt(), ms);
    this.#change("waiting", { retryInMs: ms });
  }

  /** @returns {number} milliseconds */
  #nextDelay() {
    // A newly opened page finds out quickly whether WebSockets are blocked.
    if (!this.#wasOpen && this.#failures < FAILURES_BEFORE_FALLBACK) return Math.round(this.#random() * SOON_MS);
    return this.#delay.next();
  }

  #drop() {
    if (this.#current) this.#since = this.#clock.now();
    const transports = [this.#current, this.#candidate];
    this.#current = this.#candidate = null;
    this.#clock.clearTimeout(this.#timer);
    this.#clock.clearTimeout(this.#stableTimer);
    for (const transport of transports) transport?.close();
  }

  /**
   * @param {State} state
   * @param {{ retryInMs?: number | null, code?: number | null }} [more]
   */
  #change(state, { retryInMs = null, code = null } = {}) {
    this.#state = state;
    this.#listener.changed({ state, transport: this.#name, retryInMs, since: this.#since, code, wasOpen: this.#wasOpen, draining: this.#draining });
  }
}
