import { ChatError } from "./errors.js";

/**
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./transport.js").Transport} Transport
 *
 * @typedef {object} Delivery
 * @property {(transport: Transport) => Promise<any>} perform
 * @property {Transport | null} transport the transport it was sent on
 * @property {Promise<any>} promise
 * @property {(value: any) => void} resolve
 * @property {(error: unknown) => void} reject
 */

/**
 * For requests that got no response although the connection stayed open: a POST through a proxy that lost its server
 * for a moment.
 */
const AGAIN_AFTER_MS = 3_000;
/** Rejected for now, not for good: the request is retried once the user has signed in. */
const SIGNED_OUT = "not_signed_in";

/**
 * Requests that need a reply, whatever happens to the connection. Each is retried on the next transport until it gets
 * a reply, ok or error, so each must be idempotent. Never sent twice at the same time on one transport.
 */
export class Deliveries {
  #clock;
  #current;
  /** @type {Map<string, Delivery>} */
  #waiting = new Map();
  /** @type {ChatError | null} */
  #ended = null;

  /**
   * @param {Clock} clock
   * @param {() => Transport | null} current the open transport
   */
  constructor(clock, current) {
    this.#clock = clock;
    this.#current = current;
  }

  /** @param {string} key */
  has(key) {
    return this.#waiting.has(key);
  }

  /**
   * @template T
   * @param {string} key adding a pending key returns its existing promise
   * @param {(transport: Transport) => Promise<T>} perform
   * @returns {Promise<T>}
   */
  add(key, perform) {
    const known = this.#waiting.get(key);
    if (known) return known.promise;
    if (this.#ended) return Promise.reject(this.#ended);
    const delivery = newDelivery(perform);
    this.#waiting.set(key, delivery);
    this.#deliver(key, delivery);
    return delivery.promise;
  }

  /** A transport has opened. */
  flush() {
    for (const [key, delivery] of this.#waiting) this.#deliver(key, delivery);
  }

  /**
   * @param {string} key
   * @param {ChatError} error
   */
  cancel(key, error) {
    const delivery = this.#waiting.get(key);
    this.#waiting.delete(key);
    delivery?.reject(error);
  }

  /**
   * Delivers nothing more until `reopen()`: rejects pending and new requests with `error`.
   *
   * @param {ChatError} error
   */
  end(error) {
    this.#ended = error;
    for (const key of [...this.#waiting.keys()]) this.cancel(key, error);
  }

  reopen() {
    this.#ended = null;
  }

  /**
   * @param {string} key
   * @param {Delivery} delivery
   */
  #deliver(key, delivery) {
    const transport = this.#current();
    if (!transport || delivery.transport === transport) return;
    delivery.transport = transport;
    delivery.perform(transport).then(
      (value) => this.#settle(key, delivery, () => delivery.resolve(value)),
      (error) => {
        if (error instanceof ChatError && (error.unanswered || error.code === SIGNED_OUT)) this.#again(key, delivery, transport, error);
        else this.#settle(key, delivery, () => delivery.reject(error));
      },
    );
  }

  /**
   * @param {string} key
   * @param {Delivery} delivery
   * @param {() => void} settle
   */
  #settle(key, delivery, settle) {
    if (this.#waiting.get(key) !== delivery) return;
    this.#waiting.delete(key);
    settle();
  }

  /**
   * @param {string} key
   * @param {Delivery} delivery
   * @param {Transport} transport
   * @param {ChatError} error
   */
  #again(key, delivery, transport, error) {
    if (delivery.transport === transport) delivery.transport = null;
    if (this.#current() !== transport) return this.#deliver(key, delivery);
    const wait = Math.max(AGAIN_AFTER_MS, (error.retryAfter ?? 0) * 1_000);
    this.#clock.setTimeout(() => this.#waiting.get(key) === delivery && this.#deliver(key, delivery), wait);
  }
}

/**
 * @param {(transport: Transport) => Promise<any>} perform
 * @returns {Delivery}
 */
function newDelivery(perform) {
  const delivery = /** @type {Delivery} */ ({ perform, transport: null });
  delivery.promise = new Promise((resolve, reject) => Object.assign(delivery, { resolve, reject }));
  return delivery;
}
