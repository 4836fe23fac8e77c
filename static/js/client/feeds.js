import { isBehind, parseCursor } from "./cursor.js";

/**
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./errors.js").ChatError} ChatError
 * @typedef {import("./socket.js").Settle} Settle
 * @typedef {import("./subscription.js").Subscription} Subscription
 * @typedef {import("./early_frames.js").EventsFrame} EventsFrame
 * @typedef {import("./acks.js").Acks} Acks
 *
 * @typedef {object} Feed
 * @property {Subscription} subscription
 * @property {boolean} subscribing the reply to the subscribe has not arrived yet
 * @property {boolean} deaf incoming frames belong to an earlier feed of the same run
 * @property {number} unpainted frames handed over but not applied
 */

/**
 * The server batches tokens for up to 40 ms before sending them; a reader behind the tip for longer than this has lost
 * something.
 */
const TIP_GRACE_MS = 1_000;
const RETRY_SUBSCRIBE_MS = 2_000;

/**
 * The runs that one socket feeds.
 *
 * A run that this socket already feeds is unsubscribed first; frames that arrive before the reply are dropped, and
 * only then is the run subscribed to again. Otherwise frames of the old feed could be taken for the new one's, or the
 * new one's dropped.
 */
export class Feeds {
  #request;
  #acks;
  #clock;
  /** @type {Map<string, Feed>} */
  #feeds = new Map();
  /** Runs that we have subscribed to, or that the server has sent. @type {Set<string>} */
  #fed = new Set();
  /** @type {Set<unknown>} */
  #timers = new Set();

  /**
   * @param {object} options
   * @param {(type: string, fields: Record<string, unknown>, settle: Settle) => void} options.request
   * @param {Acks} options.acks
   * @param {Clock} options.clock
   */
  constructor({ request, acks, clock }) {
    this.#request = request;
    this.#acks = acks;
    this.#clock = clock;
  }

  /** @param {string} runId */
  has(runId) {
    return this.#feeds.has(runId);
  }

  /** The server feeds this run without a subscribe. @param {string} runId */
  unasked(runId) {
    this.#fed.add(runId);
  }

  /**
   * @param {Subscription} subscription
   * @param {EventsFrame[]} frames sent by the server without a subscribe, from the start of the run
   */
  adopt(subscription, frames) {
    subscription.begin({ fromStart: true });
    this.#feeds.set(subscription.runId, { subscription, subscribing: false, deaf: false, unpainted: 0 });
    for (const frame of frames) this.deliver(subscription.runId, frame);
  }

  /** @param {Subscription} subscription */
  subscribe(subscription) {
    const { runId } = subscription;
    /** @type {Feed} */
    const feed = { subscription, subscribing: true, deaf: this.#fed.has(runId), unpainted: 0 };
    this.#feeds.set(runId, feed);
    if (!feed.deaf) return this.#ask(feed);
    return this.#request("unsubscribe", { run_id: runId }, (error) => {
      if (this.#feeds.get(runId) !== feed) return;
      if (error?.retryable) this.#refused(feed, error);
      else this.#ask(feed);
    });
  }

  /** @param {string} runId */
  unsubscribe(runId) {
    this.#feeds.delete(runId);
    this.#request("unsubscribe", { run_id: runId }, () => {});
  }

  /**
   * @param {string} runId
   * @param {EventsFrame} frame its number is already registered with the acks
   */
  deliver(runId, { frame, events }) {
    const feed = this.#feeds.get(runId);
    if (!feed || feed.deaf) return this.#acks.applied(frame);
    const { applied, gap } = feed.subscription.accept(events);
    feed.unpainted += 1;
    void applied.then(() => {
      feed.unpainted -= 1;
      this.#acks.applied(frame);
    });
    if (!feed.subscription.open) this.#feeds.delete(runId);
    else if (gap) this.subscribe(feed.subscription);
  }

  /**
   * Detects lost events, above all a lost last event of a run, which no later event would reveal.
   *
   * @param {Record<string, unknown>} tips run id → cursor of its last event
   */
  compare(tips) {
    for (const [runId, text] of Object.entries(tips)) {
      const feed = this.#feeds.get(runId);
      const tip = parseCursor(text);
      if (!feed || !tip || !isBehind(parseCursor(feed.subscription.cursor), tip)) continue;
      const seen = feed.subscription.cursor;
      this.#later(TIP_GRACE_MS, () => {
        const idle = !feed.subscribing && feed.unpainted === 0 && feed.subscription.cursor === seen;
        if (idle && this.#feeds.get(runId) === feed) this.subscribe(feed.subscription);
      });
    }
  }

  close() {
    for (const timer of this.#timers) this.#clock.clearTimeout(timer);
    this.#timers.clear();
    this.#feeds.clear();
  }

  /** @param {Feed} feed */
  #ask(feed) {
    const { runId, cursor } = feed.subscription;
    feed.deaf = false;
    this.#fed.add(runId);
    feed.subscription.begin();
    this.#request("subscribe", { run_id: runId, ...(cursor && { after: cursor }) }, (error) => {
      feed.subscribing = false;
      if (error && this.#feeds.get(runId) === feed) this.#refused(feed, error);
    });
  }

  /**
   * @param {Feed} feed
   * @param {ChatError} error
   */
  #refused({ subscription }, error) {
    const { runId, cursor } = subscription;
    if (error.code === "connection_lost") return;
    if (error.code === "bad_cursor" && cursor !== null) {
      subscription.restart(error.code);
      this.subscribe(subscription);
    } else if (error.retryable) {
      const wait = error.retryAfter === null ? RETRY_SUBSCRIBE_MS : error.retryAfter * 1_000;
      this.#later(wait, () => this.#feeds.get(runId)?.subscription === subscription && this.subscribe(subscription));
    } else {
      this.#feeds.delete(runId);
      subscription.fail(error);
    }
  }

  /**
   * @param {number} ms
   * @param {() => void} action
   */
  #later(ms, action) {
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    this.#timers.add(timer);
  }
}
