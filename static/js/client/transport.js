/**
 * What both ways to the server have in common. This module holds types only.
 *
 * @typedef {import("./outbox.js").Sent} Sent
 * @typedef {import("./socket.js").Down} Down
 * @typedef {import("./subscription.js").Subscription} Subscription
 * @typedef {import("./untrusted_input.js").Frame} Frame
 * @typedef {import("./untrusted_input.js").Hello} Hello
 *
 * @typedef {object} Transport one connection: made when it begins to connect, thrown away when it is down
 * @property {"websocket" | "sse"} name
 * @property {(body: Record<string, string>) => Promise<Sent>} send rejects with a ChatError; `unanswered` ones may be
 *   sent again
 * @property {(runId: string) => Promise<void>} stop
 * @property {(subscription: Subscription) => void} follow from the subscription's cursor
 * @property {(runId: string) => void} unfollow
 * @property {() => void} check looks at once whether the connection still lives
 * @property {() => void} close after it neither the listener nor a subscription hears anything more
 *
 * @typedef {object} Listener
 * @property {(hello: Hello) => void} hello the transport works: only now may it be asked for anything
 * @property {(notice: Frame) => void} notice
 * @property {(runIds: string[]) => void} stalled
 * @property {(down: Down) => void} down it works no longer, or never did; said at most once
 */

export {};
