import { Api } from "./api.js";
import { newClientMessageId } from "./client_message_id.js";
import { systemClock } from "./clock.js";
import { NOT_SIGNED_IN } from "./close_codes.js";
import { Connection } from "./connection.js";
import { Deliveries } from "./deliveries.js";
import { ChatError } from "./errors.js";
import { LateTransport } from "./late_transport.js";
import { Outbox } from "./outbox.js";
import { FrameLimit, SocketTransport } from "./socket_transport.js";
import { Subscription } from "./subscription.js";

/**
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {import("./outbox.js").Message} Message
 * @typedef {import("./outbox.js").Sent} Sent
 * @typedef {import("./transport.js").Transport} Transport
 * @typedef {import("./untrusted_input.js").Hello} Hello
 * @typedef {import("./untrusted_input.js").RunEvent} RunEvent
 * @typedef {import("./connection.js").ConnectionDetail} ConnectionDetail
 *
 * @typedef {object} ChatClientOptions everything but `socketUrl` has a default from the browser
 * @property {string} socketUrl `/ws/chat`, with `ws:` or `wss:`
 * @property {string} [apiUrl]
 * @property {Record<string, unknown>} [answers] API responses that came with the page, by path; each is used for the
 *   first GET of its path
 * @property {string | number | null} [userId] the page's user: nothing is sent in another user's session
 * @property {() => string} [csrfToken] called for every unsafe request: the token changes at sign-in
 * @property {import("./socket.js").SocketClass} [WebSocket]
 * @property {import("./sse_transport.js").EventSourceClass} [EventSource]
 * @property {() => Promise<typeof import("./sse_transport.js")>} [loadSse] loads the fallback for when WebSockets are
 *   blocked
 * @property {import("./api.js").Fetch} [fetch]
 * @property {import("./outbox.js").OutboxStorage | null} [storage] for the outbox; without it, a reload forgets
 *   unanswered messages
 * @property {string} [storageKey] include the user's id
 * @property {() => string} [timeZone] called for every message; an IANA name, for tools that need the local time
 * @property {Clock} [clock]
 * @property {() => number} [random]
 */


/**
 * The page's one connection to the server: sends messages, follows runs, stops them.
 *
 * Guarantees, across reconnects and transport changes: a sent message gets one reply and creates one turn; a followed
 * run delivers each event once, in order. It does not touch the DOM. Events (`CustomEvent`):
 *
 * - `connection`: detail is a ConnectionDetail. State "closed" with a code of FINAL (close_codes.js) is final.
 * - `hello`: after every connect; detail is the hello frame, with the user's live runs. Over SSE its `user` is null.
 * - `notice`: detail is the notice. Notices are not repeated: fetch what was missed between two hellos.
 * - `stranger`: the socket or the API reports that another user is signed in. The connection is closed, and waiting
 *   messages stay in the outbox. Detail is that user, if known.
 * - `lost`: the server no longer knows a run that had accepted one of our messages; the message is back in the outbox.
 * - `stalled`: detail is `{ runIds }`, runs whose producer has gone silent.
 */
export class ChatClient extends EventTarget {
  #userId;
  #api;
  #clock;
  #connection;
  #outbox;
  #deliveries;
  /** @type {Map<string, Subscription>} */
  #subscriptions = new Map();

  /** @param {ChatClientOptions} options */
  constructor({
    socketUrl,
    apiUrl = "/api",
    answers = {},
    userId = null,
    csrfToken = () => "",
    WebSocket = globalThis.WebSocket,
    EventSource = globalThis.EventSource,
    loadSse = () => import("./sse_transport.js"),
    fetch = (url, options) => globalThis.fetch(url, options),
    storage = null,
    storageKey = "chatsite.outbox",
    timeZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone,
    clock = systemClock,
    random = Math.random,
  }) {
    super();
    this.#userId = userId;
    this.#clock = clock;
    this.#deliveries = new Deliveries(clock, () => this.#connection.current);
    this.#outbox = new Outbox(this.#deliveries, storage, storageKey, timeZone);
    const onSignedOut = () => this.#connection.stop(NOT_SIGNED_IN);
    const api = new Api({ url: apiUrl, userId, csrfToken, fetch, clock, onSignedOut, onStranger: () => this.#strange(null), answers });
    const limit = new FrameLimit();
    const makeSse = async () => {
      const { SseTransport } = await loadSse();
      return (/** @type {import("./transport.js").Listener} */ listener) => new SseTransport({ api, EventSource, clock, random }, listener);
    };
    this.#api = api;
    this.#connection = new Connection(
      {
        websocket: (listener) => new SocketTransport({ url: socketUrl, WebSocket, api, limit, clock }, listener),
        sse: (listener) => new LateTransport("sse", makeSse, listener),
      },
      { clock, random },
      {
        opened: (transport, hello) => this.#opened(transport, hello),
        changed: (detail) => this.#changed(detail),
        notice: (notice) => this.#noticed(notice),
        stalled: (runIds) => this.#tell("stalled", { runIds }),
      },
    );
  }

  /** "websocket" or "sse": in use, or last used. */
  get transport() {
    return this.#connection.transport;
  }

  /** "connecting", "open", "waiting" (for the next attempt) or "closed". */
  get state() {
    return this.#connection.state;
  }

  /** Messages that no server has accepted: `entries` and `discard(clientMessageId)`. */
  get outbox() {
    return this.#outbox;
  }

  /**
   * Does nothing if connected or connecting. After `close()`, or after signing in again, continues where it left off.
   */
  connect() {
    this.#deliveries.reopen();
    this.#connection.start();
  }

  /**
   * Rejects sends without a reply with `closed` and keeps them in the outbox; subscriptions wait for `connect()`.
   * Signing out is different: then everything waits until the user signs in again and the page calls `connect()`.
   */
  close() {
    this.#connection.stop();
  }

  /**
   * Call on `online` and when the page becomes visible: reconnects at once, and detects a connection that died during
   * sleep.
   */
  wake() {
    this.#connection.wake();
  }

  /**
   * Sends a message now, or as soon as there is a connection. Retries with the same id until it gets a reply.
   *
   * Call `follow` with the run id right after: the run's events are already on their way.
   *
   * @param {Omit<Message, "clientMessageId"> & { clientMessageId?: string }} message
   * @returns {Promise<Sent>}
   * @throws {ChatError} the server's final error, or `closed`: then the message stays in the outbox
   */
  send({ clientMessageId = newClientMessageId(), ...message }) {
    return this.#outbox.send({ ...message, clientMessageId, queuedAt: this.#clock.now() });
  }

  /**
   * Adopts the stored outbox of a page that is gone. Messages that a server had accepted are tracked until their runs
   * end; the rest wait in the outbox, to be sent or discarded.
   *
   * @param {string | null} stored
   * @returns {import("./outbox.js").Entry[]} the messages that were not known here
   */
  adopt(stored) {
    const entries = this.#outbox.adopt(stored);
    this.#followOwn([]);
    return entries;
  }

  /**
   * Follows a run until it ends. A run has one subscription: following it again closes the previous one.
   *
   * If the run cannot be followed, the subscription gets an `error` event without an id. If the server no longer knows
   * the cursor, it gets `reset`.
   *
   * @param {string} runId
   * @param {object} options
   * @param {string | null} [options.after] cursor; without it, from the start
   * @param {(events: RunEvent[]) => unknown} options.onEvents may return a promise, resolved when the events are
   *   painted; no ack is sent before
   * @returns {Subscription}
   */
  follow(runId, { after = null, onEvents }) {
    this.#subscriptions.get(runId)?.close();
    const subscription = new Subscription(runId, { after, onEvents, onEnd: this.#unfollow });
    this.#subscriptions.set(runId, subscription);
    this.#connection.current?.follow(subscription);
    return subscription;
  }

  /**
   * Stops a run, now or as soon as there is a connection; its text so far is kept. A no-op once the run has ended.
   *
   * @param {string} runId
   * @returns {Promise<void>}
   */
  stop(runId) {
    return this.#deliveries.add(`stop ${runId}`, (transport) => transport.stop(runId));
  }

  /**
   * A REST call below `apiUrl`.
   *
   * @param {string} method
   * @param {string} path such as "/conversations"
   * @param {unknown} [body] sent as JSON
   * @returns {Promise<any>} null for 204
   * @throws {ChatError}
   */
  request(method, path, body) {
    return this.#api.request(method, path, body);
  }

  /**
   * @param {Transport} transport
   * @param {Hello} hello
   */
  #opened(transport, hello) {
    if (hello.user && this.#userId !== null && String(hello.user.id) !== String(this.#userId)) {
      return this.#strange(hello.user);
    }
    for (const subscription of this.#subscriptions.values()) transport.follow(subscription);
    this.#deliveries.flush();
    this.#followOwn(hello.runs);
    this.#tell("hello", hello);
  }

  /** @param {Hello["user"]} user the signed-in user; null if we only know that it is another user */
  #strange(user) {
    this.#connection.stop();
    this.#tell("stranger", user);
  }

  /**
   * Follows the runs of our accepted messages that ended while we were not listening: their log or the database tells
   * how, or they are lost. The page follows the live ones, or gets a notice when they end.
   *
   * @param {import("./untrusted_input.js").LiveRun[]} live
   */
  #followOwn(live) {
    for (const { runId } of this.#outbox.running) {
      if (!runId || this.#subscriptions.has(runId) || live.some(({ run_id: id }) => id === runId)) continue;
      this.follow(runId, { onEvents: () => {} });
    }
  }

  /** @param {Record<string, any>} notice */
  #noticed(notice) {
    if (notice.kind === "run_ended") this.#outbox.ended(notice.run_id);
    this.#tell("notice", notice);
  }

  /** @param {ConnectionDetail} detail */
  #changed(detail) {
    if (detail.state === "closed" && detail.code !== NOT_SIGNED_IN) this.#deliveries.end(closed(detail.code));
    this.#tell("connection", detail);
  }

  /**
   * @param {Subscription} subscription
   * @param {import("./subscription.js").End} end
   */
  #unfollow = (subscription, end) => {
    const { runId } = subscription;
    if (this.#subscriptions.get(runId) === subscription) this.#subscriptions.delete(runId);
    if (end === "closed") this.#connection.current?.unfollow(runId);
    if (end === "ended") this.#outbox.ended(runId);
    if (end === "not_found" && this.#outbox.lost(runId)) this.#tell("lost", { runId });
  };

  /**
   * @param {string} name
   * @param {unknown} detail
   */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** @param {number | null} code */
function closed(code) {
  return new ChatError({ code: "closed", message: "The connection is closed.", status: code });
}
