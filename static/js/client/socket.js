import { connectionLost, errorFrom } from "./errors.js";
import { warn } from "./warning.js";
import { parseFrame, silenceMs } from "./untrusted_input.js";

/**
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./untrusted_input.js").Frame} Frame
 * @typedef {import("./errors.js").ChatError} ChatError
 *
 * @typedef {object} SocketLike the part of WebSocket that is used
 * @property {(type: "message" | "close" | "error", listener: (event: any) => void) => void} addEventListener
 * @property {(text: string) => void} send
 * @property {() => void} close
 * @typedef {new (url: string, protocol: string) => SocketLike} SocketClass
 *
 * @typedef {object} Down how a connection ended
 * @property {number | null} code the close code, null if there was none
 * @property {number | null} retryMs when the server wants us to reconnect
 * @property {boolean} silent nothing arrived in time
 *
 * @typedef {(error: ChatError | null, reply: Frame) => void} Settle
 */

const SUBPROTOCOL = "chat.v1";
const HELLO_TIMEOUT_MS = 5_000;
const REPLY_TIMEOUT_MS = 15_000;

/**
 * One WebSocket, from opening to close: requests and their replies, and liveness.
 *
 * `onFrame` gets every frame except replies. `onDown` is called once, when the socket has closed, said goodbye or gone
 * silent; by then, requests without a reply have failed with `connection_lost`. Neither is called after `close()`.
 */
export class Socket {
  #clock;
  #onFrame;
  #onDown;
  /** @type {SocketLike | null} */
  #ws = null;
  /** @type {Map<string, { settle: Settle, timer: unknown }>} */
  #requests = new Map();
  #lastRef = 0;
  #heardAt;
  #silenceMs = HELLO_TIMEOUT_MS;
  /** @type {unknown} */
  #watch;

  /**
   * @param {object} options
   * @param {string} options.url
   * @param {SocketClass} options.WebSocket
   * @param {Clock} options.clock
   * @param {(frame: Frame) => void} options.onFrame
   * @param {(down: Down) => void} options.onDown
   */
  constructor({ url, WebSocket, clock, onFrame, onDown }) {
    this.#clock = clock;
    this.#onFrame = onFrame;
    this.#onDown = onDown;
    this.#heardAt = clock.now();
    this.#watch = clock.setTimeout(() => this.#down({ silent: true }), HELLO_TIMEOUT_MS);
    try {
      this.#ws = new WebSocket(url, SUBPROTOCOL);
      this.#listen(this.#ws);
    } catch (error) {
      warn("could not create the WebSocket", error);
      clock.clearTimeout(this.#watch);
      this.#watch = clock.setTimeout(() => this.#down({}), 0);
    }
  }

  /**
   * Calls `settle` synchronously with the reply, so that the state is ready before the next frame arrives.
   *
   * @param {string} type
   * @param {Record<string, unknown>} fields
   * @param {Settle} settle
   */
  request(type, fields, settle) {
    const ref = String((this.#lastRef += 1));
    const timer = this.#clock.setTimeout(() => this.#down({ silent: true }), REPLY_TIMEOUT_MS);
    this.#requests.set(ref, { settle, timer });
    this.post({ type, ref, ...fields });
  }

  /** Sends a frame that gets no reply. @param {Record<string, unknown>} frame */
  post(frame) {
    try {
      this.#ws?.send(JSON.stringify(frame));
    } catch (error) {
      warn("could not send a frame", error); // The socket's close event is about to follow.
    }
  }

  /** Checks at once whether the server has been silent too long: timers do not run while the machine sleeps. */
  check() {
    const left = this.#heardAt + this.#silenceMs - this.#clock.now();
    if (left <= 0) this.#down({ silent: true });
    return left;
  }

  /** @param {number | null} [code] the close code, for requests without a reply */
  close(code = null) {
    const ws = this.#ws;
    this.#ws = null;
    this.#onDown = () => {};
    this.#clock.clearTimeout(this.#watch);
    ws?.close();
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const { settle, timer } of requests) {
      this.#clock.clearTimeout(timer);
      settle(connectionLost(code), { type: "error" });
    }
  }

  /** @param {SocketLike} ws */
  #listen(ws) {
    ws.addEventListener("message", ({ data }) => this.#ws === ws && this.#hear(data));
    ws.addEventListener("close", ({ code }) => this.#ws === ws && this.#down({ code }));
    // The close event after an error would add nothing: its code is 1006.
    ws.addEventListener("error", () => this.#ws === ws && this.#down({}));
  }

  /** @param {unknown} text */
  #hear(text) {
    this.#heardAt = this.#clock.now();
    const frame = parseFrame(text);
    if (!frame) return;
    try {
      this.#take(frame);
    } catch (error) {
      warn("could not handle a frame", frame.type, error);
    }
  }

  /** @param {Frame} frame */
  #take(frame) {
    if (frame.type === "ok" || frame.type === "error") return this.#settle(frame);
    if (frame.type === "bye") return this.#down({ code: frame.code, retryMs: frame.retry_ms });
    if (frame.type === "hello") {
      this.#clock.clearTimeout(this.#watch);
      this.#silenceMs = silenceMs(frame);
      this.#watchOn();
    }
    this.#onFrame(frame);
  }

  /** @param {Frame} frame */
  #settle(frame) {
    const request = this.#requests.get(frame.ref);
    if (!request) return warn("ignored an unexpected reply", frame.code ?? frame.type);
    this.#requests.delete(frame.ref);
    this.#clock.clearTimeout(request.timer);
    request.settle(frame.type === "error" ? errorFrom(frame) : null, frame);
  }

  #watchOn() {
    const left = this.check();
    if (left > 0) this.#watch = this.#clock.setTimeout(() => this.#watchOn(), left);
  }

  /** @param {{ code?: unknown, retryMs?: unknown, silent?: boolean }} how */
  #down({ code, retryMs, silent = false }) {
    const onDown = this.#onDown;
    this.close(asNumber(code));
    onDown({ code: asNumber(code), retryMs: asNumber(retryMs), silent });
  }
}

/** @param {unknown} value */
function asNumber(value) {
  return typeof value === "number" && value >= 0 ? value : null;
}
