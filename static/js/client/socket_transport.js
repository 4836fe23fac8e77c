import { FRAME_TOO_BIG } from "./close_codes.js";
import { Acks } from "./acks.js";
import { errorFrom } from "./errors.js";
import { Feeds } from "./feeds.js";
import { sendByPost } from "./run_requests.js";
import { Socket } from "./socket.js";
import { EarlyFrames } from "./early_frames.js";
import { warn } from "./warning.js";
import { isObject, readHello, strings } from "./untrusted_input.js";

/**
 * @typedef {import("./api.js").Api} Api
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./outbox.js").Sent} Sent
 * @typedef {import("./socket.js").Down} Down
 * @typedef {import("./socket.js").SocketClass} SocketClass
 * @typedef {import("./subscription.js").Subscription} Subscription
 * @typedef {import("./transport.js").Listener} Listener
 * @typedef {import("./transport.js").Transport} Transport
 * @typedef {import("./early_frames.js").EventsFrame} EventsFrame
 * @typedef {import("./untrusted_input.js").Frame} Frame
 */


/**
 * The largest frame that may be sent over a socket; larger ones go by POST. The server does not announce its own limit
 * (128 KiB by default) and closes the socket when it is exceeded: 100,000 characters may well be 300 kB. Shared by all
 * sockets of a client, and learned.
 */
export class FrameLimit {
  bytes = 64 * 1024;
}

/**
 * The protocol over one WebSocket.
 *
 * @implements {Transport}
 */
export class SocketTransport {
  name = /** @type {const} */ ("websocket");
  #api;
  #limit;
  #listener;
  #socket;
  #acks;
  #feeds;
  #unclaimed;

  /**
   * @param {object} options
   * @param {string} options.url
   * @param {SocketClass} options.WebSocket
   * @param {Api} options.api
   * @param {FrameLimit} options.limit
   * @param {Clock} options.clock
   * @param {Listener} listener
   */
  constructor({ url, WebSocket, api, limit, clock }, listener) {
    this.#api = api;
    this.#limit = limit;
    this.#listener = listener;
    this.#acks = new Acks((frame) => this.#socket.post({ type: "ack", frame }), clock);
    this.#unclaimed = new EarlyFrames(clock, (frames, runId) => this.#letGo(frames, runId));
    this.#feeds = new Feeds({
      request: (type, fields, settle) => this.#socket.request(type, fields, settle),
      acks: this.#acks,
      clock,
    });
    this.#socket = new Socket({
      url,
      WebSocket,
      clock,
      onFrame: (frame) => this.#take(frame),
      onDown: (down) => this.#down(down),
    });
  }

  /**
   * @param {import("./transport.js").Body} body
   * @returns {Promise<Sent>}
   */
  send(body) {
    const size = new TextEncoder().encode(JSON.stringify(body)).length;
    if (size > this.#limit.bytes) return sendByPost(this.#api, body);
    const { type, ...fields } = body;
    this.#unclaimed.sending();
    return new Promise((resolve, reject) => {
      this.#socket.request(type, fields, (error, reply) => {
        if (error?.status === FRAME_TOO_BIG) this.#limit.bytes = Math.min(this.#limit.bytes, size - 1);
        const sent = error ? null : readSent(reply, body);
        // A duplicate already belongs to somebody, so the server need not follow it for us: it will be subscribed to.
        if (sent) this.#feeds.unasked(sent.runId);
        this.#unclaimed.answered(sent && !sent.duplicate && !this.#feeds.has(sent.runId) ? sent.runId : null);
        if (sent) resolve(sent);
        else reject(error ?? errorFrom(null));
      });
    });
  }

  /**
   * @param {string} runId
   * @returns {Promise<void>}
   */
  stop(runId) {
    return new Promise((resolve, reject) => {
      this.#socket.request("stop", { run_id: runId }, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** @param {Subscription} subscription */
  follow(subscription) {
    const frames = this.#unclaimed.claim(subscription.runId);
    if (frames) this.#feeds.adopt(subscription, frames);
    else this.#feeds.subscribe(subscription);
  }

  /** @param {string} runId */
  unfollow(runId) {
    if (this.#feeds.has(runId)) this.#feeds.unsubscribe(runId);
  }

  check() {
    this.#socket.check();
  }

  close() {
    this.#acks.close();
    this.#unclaimed.close();
    this.#feeds.close();
    this.#socket.close();
  }

  /** @param {Frame} frame */
  #take(frame) {
    if (frame.type === "events") this.#events(frame);
    else if (frame.type === "hello") this.#listener.hello(readHello(frame));
    else if (frame.type === "notice") this.#listener.notice(frame);
    else if (frame.type === "ping") {
      if (isObject(frame.tips)) this.#feeds.compare(frame.tips);
      const stalled = strings(frame.stalled);
      if (stalled.length) this.#listener.stalled(stalled);
    }
  }

  /** @param {Frame} received */
  #events(received) {
    const { frame, run_id: runId, events } = received;
    if (!Number.isSafeInteger(frame)) return warn("ignored an events frame without a number");
    this.#acks.received(frame);
    if (typeof runId !== "string" || !Array.isArray(events)) {
      warn("ignored a malformed events frame");
      return this.#acks.applied(frame); // Unacknowledged, it would block everything after it.
    }
    if (this.#feeds.has(runId) || !this.#unclaimed.keep(runId, { frame, events })) {
      this.#feeds.deliver(runId, { frame, events });
    } else {
      this.#feeds.unasked(runId);
    }
  }

  /**
   * @param {EventsFrame[]} frames
   * @param {string} runId
   */
  #letGo(frames, runId) {
    for (const { frame } of frames) this.#acks.applied(frame);
    this.#feeds.unsubscribe(runId);
  }

  /** @param {Down} down */
  #down(down) {
    this.close();
    this.#listener.down(down);
  }
}

/**
 * @param {Frame} reply
 * @param {import("./transport.js").Body} body
 * @returns {Sent | null}
 */
function readSent({ run_id: runId, conversation_id: conversationId, duplicate }, body) {
  if (typeof runId !== "string") return null;
  return { runId, conversationId, clientMessageId: body.client_message_id, duplicate: duplicate === true };
}
