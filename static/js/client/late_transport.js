/**
 * @typedef {import("./transport.js").Listener} Listener
 * @typedef {import("./transport.js").Transport} Transport
 */

/**
 * A transport whose code is loaded on demand. If loading fails, the transport is down, like any other without a
 * network.
 *
 * @implements {Transport}
 */
export class LateTransport {
  /** @type {Transport | null} */
  #transport = null;
  #open = true;

  /**
   * @param {Transport["name"]} name
   * @param {() => Promise<(listener: Listener) => Transport>} load
   * @param {Listener} listener
   */
  constructor(name, load, listener) {
    this.name = name;
    void this.#begin(load, listener);
  }

  /** @param {import("./transport.js").Body} body */
  send(body) {
    return this.#helloed.send(body);
  }

  /** @param {string} runId */
  stop(runId) {
    return this.#helloed.stop(runId);
  }

  /** @param {import("./subscription.js").Subscription} subscription */
  follow(subscription) {
    this.#helloed.follow(subscription);
  }

  /** @param {string} runId */
  unfollow(runId) {
    this.#helloed.unfollow(runId);
  }

  check() {
    this.#transport?.check();
  }

  close() {
    this.#open = false;
    this.#transport?.close();
  }

  /** Nothing is requested of a transport before its hello, and that comes from the loaded one. */
  get #helloed() {
    return /** @type {Transport} */ (this.#transport);
  }

  /**
   * @param {() => Promise<(listener: Listener) => Transport>} load
   * @param {Listener} listener
   */
  async #begin(load, listener) {
    try {
      const make = await load();
      if (this.#open) this.#transport = make(listener);
    } catch {
      if (this.#open) listener.down({ code: null, retryMs: null, silent: false });
    }
  }
}
