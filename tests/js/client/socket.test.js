import assert from "node:assert/strict";
import test from "node:test";

import { collector, connected, event, rig } from "./chat_rig.js";
import { settle } from "./clock_by_hand.js";

const start = event(1, "start");
const send = { text: "Hello", clientMessageId: "m-1" };
const frames = (socket) => socket.sent.map(({ type }) => type);

/** Sends a message and follows its run. */
async function chatting(options) {
  const made = connected(options);
  const page = collector();
  const sent = made.client.send(send);
  made.socket.answer("send", { run_id: "run", conversation_id: "c", duplicate: false });
  await sent;
  const subscription = made.client.follow("run", page);
  return { ...made, ...page, subscription };
}

test("it opens the socket with the subprotocol and is open at hello", () => {
  const { client, WebSocket, heard } = rig();
  assert.equal(client.state, "closed");

  client.connect();
  client.connect();
  assert.equal(client.state, "connecting");
  WebSocket.last.hello({ runs: [{ run_id: "run", cursor: "e.3" }, { run_id: 7 }] });

  assert.equal(WebSocket.sockets.length, 1);
  assert.deepEqual([WebSocket.last.url, WebSocket.last.protocol], ["ws://chat.test/ws/chat", "chat.v1"]);
  assert.equal(client.state, "open");
  assert.equal(client.transport, "websocket");
  assert.deepEqual(heard.connection.map(({ state }) => state), ["connecting", "open"]);
  assert.equal(heard.hello[0].user.username, "alice");
  assert.deepEqual(heard.hello[0].runs.map(({ run_id }) => run_id), ["run"]);
});

test("it sends a message as the protocol specifies and resolves with the run", async () => {
  const { client, socket } = connected();

  const sent = client.send({ ...send, conversationId: "c", parentId: "root", assistant: "demo" });
  const { ref, ...frame } = socket.of("send")[0];
  assert.deepEqual(frame, { type: "send", client_message_id: "m-1", text: "Hello", conversation_id: "c", parent_id: "root", assistant: "demo" });
  socket.receive({ type: "ok", ref, run_id: "run", conversation_id: "c", duplicate: false });

  assert.deepEqual(await sent, { runId: "run", conversationId: "c", clientMessageId: "m-1", duplicate: false });
});

test("it creates an id for a message without one, and omits unset fields", () => {
  const { client, socket } = connected();

  void client.send({ text: "Hello", conversationId: null });

  assert.deepEqual(Object.keys(socket.of("send")[0]).sort(), ["client_message_id", "ref", "text", "type"]);
});

test("a message says in which time zone it was sent, if the browser knows", () => {
  const zones = ["Europe/Berlin", "Asia/Tokyo", undefined];
  const { client, socket } = connected({ timeZone: () => zones.shift() });

  for (const text of ["One", "Two", "Three"]) void client.send({ text });

  assert.deepEqual(socket.of("send").map(({ time_zone: zone }) => zone), ["Europe/Berlin", "Asia/Tokyo", undefined]);
  assert.equal("time_zone" in socket.of("send")[2], false);
});

test("it rejects with the server's error", async () => {
  const { client, socket } = connected();

  const sent = client.send(send);
  socket.refuse("send", { code: "rate_limited", retryable: true, retry_after: 7 });

  await assert.rejects(sent, { name: "ChatError", code: "rate_limited", message: "No.", retryable: true, retryAfter: 7 });
  assert.deepEqual(client.outbox.entries, []);
});

test("events that arrive before follow, or before the reply, are kept", async () => {
  for (const early of [true, false]) {
    const { client, socket } = connected();
    const page = collector();
    const sent = client.send(send);
    if (early) socket.receive({ type: "events", frame: 1, run_id: "run", events: [start] });
    socket.answer("send", { run_id: "run", conversation_id: "c", duplicate: false });
    if (!early) socket.receive({ type: "events", frame: 1, run_id: "run", events: [start] });
    socket.receive({ type: "events", frame: 2, run_id: "run", events: [event(4)] });
    await sent;
    await settle();
    assert.deepEqual(socket.of("ack"), []);

    client.follow("run", page);
    socket.receive({ type: "events", frame: 3, run_id: "run", events: [event(5)] });
    await settle();

    assert.deepEqual(page.events.map(({ id }) => id), ["e.1", "e.4", "e.5"]);
    assert.deepEqual(frames(socket).slice(0, 2), ["send", "ack"], "the server feeds the run without a subscribe");
  }
});

test("unclaimed events are released, and following still gets them", async () => {
  const { client, socket, clock } = connected();
  const sent = client.send(send);
  socket.receive({ type: "events", frame: 1, run_id: "run", events: [start] });
  socket.answer("send", { run_id: "run", conversation_id: "c", duplicate: false });
  await sent;
  await clock.advance(9_999);
  assert.deepEqual(frames(socket), ["send"]);

  await clock.advance(1);
  assert.deepEqual(frames(socket), ["send", "ack", "unsubscribe"]);

  client.follow("run", collector());
  socket.answer("unsubscribe");
  assert.equal(socket.of("subscribe").length, 1);
});

test("a duplicate is subscribed to from its start", async () => {
  const { client, socket } = connected();
  const page = collector();
  const sent = client.send(send);
  socket.answer("send", { run_id: "run", conversation_id: "c", duplicate: true });
  assert.equal((await sent).duplicate, true);

  client.follow("run", page);
  socket.receive({ type: "events", frame: 1, run_id: "run", events: [event(9)] }); // from a feed that was not subscribed to
  socket.answer("unsubscribe");
  socket.answer("subscribe");
  socket.receive({ type: "events", frame: 2, run_id: "run", events: [start, event(9)] });

  assert.equal(socket.of("subscribe")[0].after, undefined);
  assert.deepEqual(page.events.map(({ id }) => id), ["e.1", "e.9"]);
});

test("it follows from a cursor", () => {
  const { client, socket } = connected();
  const page = collector();

  const subscription = client.follow("run", { after: "e.4", ...page });
  assert.deepEqual(socket.of("subscribe").map(({ run_id, after }) => [run_id, after]), [["run", "e.4"]]);
  assert.equal(subscription.cursor, "e.4");
  socket.answer("subscribe");
  socket.receive({ type: "events", frame: 1, run_id: "run", events: [event(6)] });

  assert.equal(subscription.cursor, "e.6");
  assert.deepEqual(page.names(), ["token"]);
});

test("following again closes the previous subscription", () => {
  const { client, socket } = connected();
  const first = client.follow("run", collector());

  const second = client.follow("run", { after: "e.2", ...collector() });

  assert.deepEqual([first.open, second.open], [false, true]);
  socket.answer("unsubscribe");
  assert.equal(socket.of("subscribe").at(-1).after, "e.2");
});

test("it acknowledges a frame only when the page has painted it", async () => {
  const { client, socket } = connected();
  const paints = [];
  client.follow("run", { onEvents: () => new Promise((resolve) => paints.push(resolve)) });
  client.follow("other", { onEvents: () => {} });
  socket.receive({ type: "events", frame: 1, run_id: "run", events: [start] });
  socket.receive({ type: "events", frame: 2, run_id: "other", events: [start] });
  await settle();
  assert.deepEqual(socket.of("ack"), []);

  paints[0]();
  await settle();

  assert.deepEqual(socket.of("ack"), [{ type: "ack", frame: 2 }]);
});

test("frames for no subscription are acknowledged without being painted", async () => {
  const { client, socket, clock } = connected();
  client.follow("run", collector()).close();

  socket.receive({ type: "events", frame: 1, run_id: "run", events: [start] });
  socket.receive({ type: "events", frame: 2, run_id: "unheard-of", events: [start] });
  await clock.advance(500);

  assert.equal(socket.of("ack").at(-1).frame, 2);
  assert.equal(socket.of("unsubscribe").length, 1);
});

test("it repairs a gap from its cursor, and ignores the rest of the old feed", async () => {
  const { socket, names, subscription } = await chatting();
  socket.receive({ type: "events", frame: 1, run_id: "run", events: [start, event(3, "status"), event(4)] });
  assert.deepEqual(socket.of("unsubscribe").map(({ run_id }) => run_id), ["run"]);

  socket.receive({ type: "events", frame: 2, run_id: "run", events: [event(5)] });
  assert.deepEqual(socket.of("subscribe"), [], "the old feed has not ended");
  socket.answer("unsubscribe");
  assert.deepEqual(socket.of("subscribe").map(({ after }) => after), ["e.1"]);
  socket.answer("subscribe");
  assert.equal(subscription.cursor, "e.1");
  socket.receive({ type: "events", frame: 3, run_id: "run", events: [event(2), event(3, "status"), event(5)] });

  assert.deepEqual(names(), ["start", "token", "status", "token"]);
  await settle();
  assert.equal(socket.of("ack").length > 0, true);
});

test("a refused cursor is discarded, and the page is told to restart", () => {
  const { client, socket } = connected();
  const page = collector();
  client.follow("run", { after: "e.4", ...page });

  socket.refuse("subscribe", { code: "bad_cursor" });
  socket.answer("unsubscribe");

  assert.deepEqual(page.names(), ["reset"]);
  assert.equal(socket.of("subscribe").length, 2);
  assert.equal("after" in socket.of("subscribe")[1], false);
});

test("a run that does not exist ends in an error event", () => {
  const { client, socket } = connected();
  const page = collector();
  const subscription = client.follow("run", page);

  socket.refuse("subscribe", { code: "not_found" });

  assert.equal(page.events[0].data.code, "not_found");
  assert.equal(subscription.open, false);
});

test("a temporary refusal is retried", async () => {
  const { client, socket, clock } = connected();
  client.follow("run", collector());

  socket.refuse("subscribe", { code: "busy", retryable: true, retry_after: 5 });
  await clock.advance(4_999);
  assert.equal(socket.of("unsubscribe").length, 0);
  await clock.advance(1);
  socket.answer("unsubscribe");

  assert.equal(socket.of("subscribe").length, 2);
});

test("behind a tip with nothing in flight, it requests the run again", async () => {
  const { socket, clock, names } = await chatting();
  socket.receive({ type: "events", frame: 1, run_id: "run", events: [start, event(5)] });

  socket.receive({ type: "ping", tips: { run: "e.5", stranger: "e.9", odd: 7 } });
  await clock.advance(1_000);
  assert.deepEqual(socket.of("unsubscribe"), []);

  socket.receive({ type: "ping", tips: { run: "e.6" } });
  await clock.advance(1_000);
  socket.answer("unsubscribe");
  assert.deepEqual(socket.of("subscribe").map(({ after }) => after), ["e.5"]);

  socket.answer("subscribe");
  socket.receive({ type: "events", frame: 2, run_id: "run", events: [event(6, "done")] });
  assert.equal(names().at(-1), "done");
});

test("behind a tip but progressing or still painting, it waits", async () => {
  const { socket, clock } = await chatting();
  socket.receive({ type: "events", frame: 1, run_id: "run", events: [start] });
  socket.receive({ type: "ping", tips: { run: "e.5" } });
  await clock.advance(500);
  socket.receive({ type: "events", frame: 2, run_id: "run", events: [event(3)] });
  await clock.advance(1_000);
  assert.deepEqual(socket.of("unsubscribe"), []);

  const painting = connected();
  painting.client.follow("run", { onEvents: () => new Promise(() => {}) });
  painting.socket.answer("subscribe");
  painting.socket.receive({ type: "events", frame: 1, run_id: "run", events: [start] });
  painting.socket.receive({ type: "ping", tips: { run: "e.5" } });
  await painting.clock.advance(2_000);
  assert.deepEqual(painting.socket.of("unsubscribe"), []);
});

test("it forwards notices and stalled runs", () => {
  const { socket, heard } = connected();
  const notice = { type: "notice", kind: "conversation_deleted", conversation_id: "c" };

  socket.receive(notice);
  socket.receive({ type: "ping", tips: {}, stalled: ["run"] });
  socket.receive({ type: "ping", tips: {} });

  assert.deepEqual(heard.notice, [notice]);
  assert.deepEqual(heard.stalled, [{ runIds: ["run"] }]);
});

test("it stops a run, and repeats unanswered stops after a reconnect", async () => {
  const { client, socket, WebSocket, clock } = connected();
  const stopped = client.stop("run");
  assert.equal(socket.of("stop")[0].run_id, "run");

  socket.end();
  await clock.advance(1_000);
  WebSocket.last.hello();
  WebSocket.last.answer("stop", { run_id: "run" });

  assert.equal(await stopped, undefined);
});

test("a terminal event ends the subscription without a frame to the server", async () => {
  const { socket, subscription, WebSocket, clock } = await chatting();
  socket.receive({ type: "events", frame: 1, run_id: "run", events: [start, event(2, "done")] });
  assert.equal(subscription.open, false);

  socket.end();
  await clock.advance(1_000);
  WebSocket.last.hello();

  assert.deepEqual(frames(socket).filter((type) => type !== "ack"), ["send"]);
  assert.deepEqual(WebSocket.last.sent, []);
});

test("no frame from the server throws, and later frames still count", async (t) => {
  const warn = t.mock.method(console, "warn", () => {});
  const { socket, client, clock } = connected();
  const page = collector();
  client.follow("run", page);
  const odd = ["", "{", "null", "[]", "7", '{"no":"type"}', '{"type":7}', '{"type":"events"}', '{"type":"events","frame":1}'];
  odd.push('{"type":"events","frame":2,"run_id":"run","events":{}}', '{"type":"ok","ref":"99"}', '{"type":"error","code":"bad_json"}');
  odd.push('{"type":"ok","ref":{}}', '{"type":"events","frame":"3","run_id":"run","events":[]}');
  for (const text of odd) socket.receiveText(text);
  socket.receiveText(new ArrayBuffer(3));
  assert.equal(warn.mock.callCount(), odd.length + 1);

  for (const text of ['{"type":"ping"}', '{"type":"ping","tips":7,"stalled":{}}', '{"type":"from-the-future"}']) socket.receiveText(text);
  socket.receive({ type: "events", frame: 3, run_id: "run", events: [start] });
  await clock.advance(500);

  assert.deepEqual(page.names(), ["start"]);
  assert.equal(socket.of("ack").at(-1).frame, 3);
});

test("a malformed reply is an error, not a hang", async () => {
  const { client, socket } = connected();

  const sent = client.send(send);
  socket.answer("send", { run_id: 7 });

  await assert.rejects(sent, { code: "bad_response" });
});

test("a frame too large for the socket goes by POST", async () => {
  const { client, socket, calls } = connected({
    routes: { "POST /api/runs": () => Response.json({ run_id: "run", conversation_id: "c" }, { status: 201 }) },
  });

  const sent = await client.send({ ...send, text: "語".repeat(30_000) });

  assert.equal(sent.runId, "run");
  assert.deepEqual(socket.of("send"), []);
  assert.equal(calls[0].headers["X-CSRFToken"], "csrf");
  client.follow("run", collector());
  assert.equal(socket.of("subscribe").length, 1);
});

test("a server with a lower limit teaches it what is too large", async () => {
  const { client, socket, WebSocket, clock } = connected({
    routes: { "POST /api/runs": () => Response.json({ run_id: "run", conversation_id: "c" }, { status: 201 }) },
  });
  const sent = client.send({ ...send, text: "a".repeat(10_000) });
  assert.equal(socket.of("send").length, 1);

  socket.end(4413);
  await clock.advance(1_000);
  WebSocket.last.hello();

  assert.equal((await sent).runId, "run");
  assert.deepEqual(WebSocket.last.of("send"), []);
});

test("the end of an abandoned feed is not taken for the start of a new one", async () => {
  const { client, socket } = connected();
  const page = collector();
  client.follow("run", collector()).close();
  void client.send(send).catch(() => {});
  socket.receive({ type: "events", frame: 1, run_id: "run", events: [event(40)] });

  client.follow("run", page);
  socket.answer("unsubscribe");
  await settle();

  assert.deepEqual(page.events, []);
  assert.equal(socket.of("subscribe").length, 2);
  assert.equal(socket.of("ack").at(-1).frame, 1);
  client.close();
});

test("a run followed before the reply to its send is delivered from its start, once", async () => {
  const { client, socket } = connected();
  const page = collector();
  const sent = client.send(send);
  socket.receive({ type: "events", frame: 1, run_id: "run", events: [start] });

  client.follow("run", page); // A notice has revealed its id.
  socket.receive({ type: "events", frame: 2, run_id: "run", events: [event(9)] });
  socket.answer("send", { run_id: "run", conversation_id: "c", duplicate: false });
  for (const { ref } of socket.of("unsubscribe")) socket.receive({ type: "ok", ref });
  socket.answer("subscribe");
  socket.receive({ type: "events", frame: 3, run_id: "run", events: [start, event(12)] });
  await sent;

  assert.deepEqual(page.events.map(({ id }) => id), ["e.1", "e.12"]);
  assert.equal(socket.of("subscribe").length, 1);
});

test("a temporarily refused unsubscribe keeps the feed muted, and is retried", async () => {
  const { client, socket, clock } = connected();
  const page = collector();
  client.follow("run", collector()).close();
  client.follow("run", page);

  socket.refuse("unsubscribe", { code: "busy", retryable: true });
  socket.receive({ type: "events", frame: 1, run_id: "run", events: [event(40)] });
  await clock.advance(2_000);
  socket.answer("unsubscribe");

  assert.deepEqual(page.events, []);
  assert.equal(socket.of("subscribe").length, 2);
});

test("a connection lost between unsubscribe and subscribe is recovered by the next one", async () => {
  const { client, socket, WebSocket, clock } = connected();
  client.follow("run", collector()).close();
  client.follow("run", { after: "e.3", ...collector() });

  socket.end();
  assert.equal(clock.pending, 1, "only the reconnect timer is pending");
  await clock.advance(1_000);
  WebSocket.last.hello();

  assert.deepEqual(WebSocket.last.sent.map(({ type, after }) => [type, after]), [["subscribe", "e.3"]]);
});
