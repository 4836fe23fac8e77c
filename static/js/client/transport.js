/**
 * The interface of both transports. This module contains types only.
 *
 * @typedef {import("./outbox.js").Sent} Sent
 * @typedef {import("./socket.js").Down} Down
 * @typedef {import("./subscription.js").Subscription} Subscription
 * @typedef {import("./untrusted_input.js").Frame} Frame
 * @typedef {import("./untrusted_input.js").Hello} Hello
 *
 * @typedef {Record<string, any> & { type: "send" | "approve" | "answer" }} Body of a request that starts a run: as a frame,
 *   without its ref
 *
 * @typedef {object} Transport one connection: created when it starts connecting, discarded when it is down
 * @property {"websocket" | "sse"} name
 * @property {(body: Body) => Promise<Sent>} send rejects with a ChatError; `unanswered` ones may be
 *   retried
 * @property {(runId: string) => Promise<void>} stop
 * @property {(subscription: Subscription) => void} follow from the subscription's cursor
 * @property {(runId: string) => void} unfollow
 * @property {() => void} check checks at once whether the connection is still alive
 * @property {() => void} close after this, neither the listener nor any subscription is called
 *
 * @typedef {object} Listener
 * @property {(hello: Hello) => void} hello the transport works; do not use it before
 * @property {(notice: Frame) => void} notice
 * @property {(runIds: string[]) => void} stalled
 * @property {(down: Down) => void} down it no longer works, or never did; called at most once
 */

export {};
