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
 * @property {string} socketUrl of `/ws/chat`, with `ws:` or `wss:`
 * @property {string} [apiUrl]
 * @property {Record<string, unknown>} [answers] of the API, which have come with the page: each to the first GET of its
 *   path
 * @property {string | number | null} [userId] whose page it is: nothing is sent in the session of anybody else
 * @property {() => string} [csrfToken] asked for every unsafe request: the token changes at login
 * @property {import("./socket.js").SocketClass} [WebSocket]
 * @property {import("./sse_transport.js").EventSourceClass} [EventSource]
 * @property {() => Promise<typeof import("./sse_transport.js")>} [loadSse] the code for where WebSockets are blocked
 * @property {import("./api.js").Fetch} [fetch]
 * @property {import("./outbox.js").OutboxStorage | null} [storage] for the outbox; without it a reload forgets what
 *   was not answered
 * @property {string} [storageKey] put the user's id in it
 * @property {Clock} [clock]
 * @property {() => number} [random]
 */


/**
 * The page's one connection to the server: sends messages, follows runs, stops them.
 *
 * It guarantees, over reconnects and changes of transport: a message that was sent is answered once and makes one
 * turn; a followed run brings each of its events once and in order. It touches no DOM. Events (`CustomEvent`):
 *
 * - `connection`: detail is a ConnectionDetail. State "closed" with a code of FINAL (close_codes.js) is final.
 * - `hello`: after every connect; detail is the hello frame, with the user's live runs. Over SSE its `user` is null.
 * - `notice`: detail is the notice. Notices are not repeated: what was missed between two hellos must be fetched.
 * - `stranger`: somebody else is signed in by now, the socket says or the API; the connection is closed, and what waits
 *   stays in the outbox. Detail is who, if it is known.
 * - `lost`: the server does not know a run any more that has taken a message of ours; the message is in the outbox.
 * - `stalled`: detail is `{ runIds }`, runs whose producer is silent.
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
    clock = systemClock,
    random = Math.random,
  }) {
    super();
    this.#userId = userId;
    this.#clock = clock;
    this.#deliveries = new Deliveries(clock, () => this.#connection.current);
    this.#outbox = new Outbox(this.#deliveries, storage, storageKey);
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

  /** "websocket" or "sse": the one in use, or last in use. */
  get transport() {
    return this.#connection.transport;
  }

  /** "connecting", "open", "waiting" (for the next attempt) or "closed". */
  get state() {
    return this.#connection.state;
  }

  /** Messages that no server has: `entries` and `discard(clientMessageId)`. */
  get outbox() {
    return this.#outbox;
  }

  /** Does nothing if connected or connecting. After `close()`, or once signed in again, it goes on where it was. */
  connect() {
    this.#deliveries.reopen();
    this.#connection.start();
  }

  /**
   * Sends that have no answer are rejected with `closed` and stay in the outbox; subscriptions wait for `connect()`.
   * Signed out is another matter: then everything waits, until somebody has signed in again and calls `connect()`.
   */
  close() {
    this.#connection.stop();
  }

  /**
   * Call on `online` and when the page becomes visible: reconnects at once, and notices a connection that died in
   * sleep.
   */
  wake() {
    this.#connection.wake();
  }

  /**
   * Sends a message, now or as soon as there is a connection. Retried with the same id until it is answered.
   *
   * Call `follow` with the run id directly after: its events are on their way.
   *
   * @param {Omit<Message, "clientMessageId"> & { clientMessageId?: string }} message
   * @returns {Promise<Sent>}
   * @throws {ChatError} the server's last word, or `closed`: then the message stays in the outbox
   */
  send({ clientMessageId = newClientMessageId(), ...message }) {
    return this.#outbox.send({ ...message, clientMessageId, queuedAt: this.#clock.now() });
  }

  /**
   * Takes in what the outbox of a page that is gone has stored. What a server had taken is looked after to its end; the
   * rest waits in the outbox, to be sent or discarded.
   *
   * @param {string | null} stored
   * @returns {import("./outbox.js").Entry[]} the messages that are new here
   */
  adopt(stored) {
    const entries = this.#outbox.adopt(stored);
    this.#followOwn([]);
    return entries;
  }

  /**
   * Follows a run until it ends. A run has one subscription: following it again closes the one before.
   *
   * A run that cannot be followed gets an `error` event without an id. A cursor that the server no longer knows gets
   * `reset`.
   *
   * @param {string} runId
   * @param {object} options
   * @param {string | null} [options.after] cursor; without it from the start
   * @param {(events: RunEvent[]) => unknown} options.onEvents may return a promise: "painted"; until then no ack
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
   * Asks for a run to be stopped, now or as soon as there is a connection; what it wrote is kept. A no-op after its
   * end.
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

  /** @param {Hello["user"]} user who is signed in; null: only that it is somebody else is known */
  #strange(user) {
    this.#connection.stop();
    this.#tell("stranger", user);
  }

  /**
   * Of a message whose run has ended while nobody listened here, its log or the database tells; or nobody does. What is
   * alive is followed by the page, or a notice tells of its end.
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
