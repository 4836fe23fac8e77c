import assert from "node:assert/strict";
import test from "node:test";

import { collector, connected, event, rig } from "./chat_rig.js";
import { settle } from "./clock_by_hand.js";
import { json } from "./fake_network.js";

const start = event(1, "start");

for (const code of [1000, 1001, 1006, 1011, 1012, 4408, 4412, 4413, 4429]) {
  test(`it reconnects after a close with ${code}`, async () => {
    const { client, socket, WebSocket, clock, heard } = connected({ random: () => 0.1 });

    socket.end(code);
    assert.equal(client.state, "waiting");
    assert.equal(heard.connection.at(-1).retryInMs, 500);
    await clock.advance(499);
    assert.equal(WebSocket.sockets.length, 1);
    await clock.advance(1);

    assert.equal(WebSocket.sockets.length, 2);
    WebSocket.last.hello();
    assert.equal(client.state, "open");
  });
}

test("closed with 4429, it reconnects when the server says so, each time, and never falls back to SSE", async () => {
  const { client, WebSocket, clock, heard } = rig({ routes: { "GET /api/runs": () => json({ items: [] }) } });
  client.connect();
  for (let made = 1; made <= 6; made += 1) {
    WebSocket.last.receive({ type: "bye", code: 4429, retry_ms: 25_000 });
    WebSocket.last.end(4429);
    assert.equal(heard.connection.at(-1).retryInMs, 25_000);
    await clock.advance(24_999);
    assert.equal(WebSocket.sockets.length, made);
    await clock.advance(1);
    assert.equal(WebSocket.sockets.length, made + 1);
  }
  WebSocket.last.hello();
  assert.deepEqual([client.state, client.transport], ["open", "websocket"]);
});

for (const code of [4400, 4401, 4403]) {
  test(`a close with ${code} is final, before hello and after`, async () => {
    for (const afterHello of [true, false]) {
      const { client, WebSocket, clock, heard } = rig();
      client.connect();
      if (afterHello) WebSocket.last.hello();

      WebSocket.last.end(code);
      client.wake();
      await clock.advance(600_000);

      assert.equal(client.state, "closed");
      assert.equal(heard.connection.at(-1).code, code);
      assert.equal(WebSocket.sockets.length, 1);
      assert.equal(clock.pending, 0);
    }
  });
}

test("waits are five seconds, later longer, and short again after a stable connection", async () => {
  const { client, WebSocket, clock, heard } = rig({ random: () => 0.1 });
  const waits = () => heard.connection.flatMap(({ retryInMs }) => retryInMs ?? []);
  client.connect();
  for (let time = 0; time < 62; time += 1) {
    WebSocket.last.hello();
    WebSocket.last.end();
    await clock.advance(waits().at(-1));
  }
  assert.deepEqual(waits(), [500, ...Array(59).fill(5_000), 16_500, 16_500]);

  WebSocket.last.hello();
  await clock.advance(10_000);
  WebSocket.last.end();

  assert.equal(waits().at(-1), 500);
});

test("after a goodbye, it reconnects when the server says so", async () => {
  const { client, socket, WebSocket, clock } = connected();

  socket.receive({ type: "bye", code: 4412, retry_ms: 2_500 });
  assert.equal(socket.closed, true);
  await clock.advance(2_499);
  assert.equal(WebSocket.sockets.length, 1);
  await clock.advance(1);
  WebSocket.last.hello();

  assert.equal(client.state, "open");
});

test("a goodbye with a final code is final", () => {
  const { client, socket } = connected();

  socket.receive({ type: "bye", code: 4401, retry_ms: 0 });

  assert.equal(client.state, "closed");
});

test("a server silent for 45 seconds counts as lost", async () => {
  const { client, socket, clock } = connected();
  await clock.advance(40_000);
  socket.receive({ type: "ping", tips: {} });
  await clock.advance(44_999);
  assert.equal(client.state, "open");

  await clock.advance(1);

  assert.equal(client.state, "waiting");
  assert.equal(socket.closed, true);
});

test("a request without a reply for 15 seconds reveals a broken socket", async () => {
  const { client, socket, clock } = connected();
  void client.stop("run").catch(() => {});
  await clock.advance(14_999);
  assert.equal(client.state, "open");

  await clock.advance(1);

  assert.equal(client.state, "waiting");
  assert.equal(socket.closed, true);
  client.close();
});

test("waking it reconnects at once", () => {
  const { client, socket, WebSocket } = connected();
  socket.end();

  client.wake();

  assert.equal(client.state, "connecting");
  assert.equal(WebSocket.sockets.length, 2);
});

test("after a long sleep, it does not trust its socket", async () => {
  const { client, clock } = connected();
  client.wake();
  assert.equal(client.state, "open");
  const now = clock.now();

  clock.now = () => now + 45_000;
  client.wake();

  assert.equal(client.state, "waiting");
});

for (const [heartbeat, silence] of [[60, 180_000], [15, 45_000], [0.1, 15_000], [undefined, 45_000], ["soon", 45_000]]) {
  test(`a socket whose server pings every ${heartbeat} s may be silent for ${silence} ms`, async () => {
    const { client, WebSocket, clock } = rig();
    client.connect();
    WebSocket.last.hello({ heartbeat });

    await clock.advance(silence - 1);
    assert.equal(client.state, "open");
    await clock.advance(1);

    assert.equal(client.state, "waiting");
  });
}

test("since is the time of the last connection, over all attempts", async () => {
  const { client, socket, WebSocket, clock, heard } = connected();
  await clock.advance(20_000);
  const lost = clock.now();

  socket.end();
  await clock.advance(500);
  WebSocket.last.end();
  await clock.advance(5_000);

  assert.equal(client.transport, "websocket");
  assert.deepEqual(heard.connection.slice(2).map(({ since }) => since), heard.connection.slice(2).map(() => lost));
  WebSocket.last.hello();
  assert.equal(heard.connection.at(-1).since, clock.now());
});

test("followed runs resume at the cursor, ended ones are not requested", async () => {
  const { client, socket, WebSocket, clock } = connected();
  const page = collector();
  client.follow("run", page);
  client.follow("over", collector());
  client.follow("closed", collector()).close();
  socket.receive({ type: "events", frame: 1, run_id: "run", events: [start, event(7)] });
  socket.receive({ type: "events", frame: 2, run_id: "over", events: [start, event(2, "error")] });

  socket.end();
  await clock.advance(1_000);
  WebSocket.last.hello();
  WebSocket.last.receive({ type: "events", frame: 1, run_id: "run", events: [event(8), event(9, "done")] });

  assert.deepEqual(WebSocket.last.sent.map(({ type, run_id, after }) => [type, run_id, after]), [["subscribe", "run", "e.7"]]);
  assert.deepEqual(page.events.map(({ id }) => id), ["e.1", "e.7", "e.8", "e.9"]);
});

test("events painted late are not acknowledged on another socket", async () => {
  const { client, socket, WebSocket, clock } = connected();
  let paint;
  client.follow("run", { onEvents: () => new Promise((resolve) => (paint = resolve)) });
  socket.receive({ type: "events", frame: 17, run_id: "run", events: [start] });
  socket.end();
  await clock.advance(1_000);
  WebSocket.last.hello();

  paint();
  await clock.advance(100);

  assert.deepEqual(WebSocket.last.of("ack"), []);
  assert.deepEqual(socket.of("ack"), []);
});

test("an old socket is ignored", async () => {
  const { client, socket, WebSocket, clock, heard } = connected();
  const page = collector();
  client.follow("run", page);
  socket.receive({ type: "bye", code: 4412, retry_ms: 0 });
  await clock.advance(0);
  WebSocket.last.hello();

  socket.receive({ type: "events", frame: 1, run_id: "run", events: [start] });
  socket.receive({ type: "notice", kind: "run_ended" });
  socket.end(4401);

  assert.equal(client.state, "open");
  assert.deepEqual(page.events, []);
  assert.deepEqual(heard.notice, []);
});

test("closed by the page, it stays quiet, and reconnects when asked", async () => {
  const { client, socket, WebSocket, clock } = connected();
  const page = collector();
  client.follow("run", page);
  const sent = client.send({ text: "Hello" });

  client.close();
  client.close();
  await assert.rejects(sent, { code: "closed" });
  await assert.rejects(client.send({ text: "Again" }), { code: "closed" });
  assert.equal(socket.closed, true);
  assert.equal(clock.pending, 0);

  client.connect();
  WebSocket.last.hello();
  assert.deepEqual(WebSocket.last.sent.map(({ type }) => type), ["subscribe"]);
  assert.deepEqual(client.outbox.entries.map(({ text, sending }) => [text, sending]), [["Hello", false], ["Again", false]]);
});

test("a WebSocket that cannot be created is an ordinary failure", async (t) => {
  t.mock.method(console, "warn", () => {});
  const Unmakeable = class {
    constructor() {
      throw new DOMException("blocked", "SecurityError");
    }
  };
  const { client, clock } = rig({ WebSocket: Unmakeable, routes: { "GET /api/runs": () => json({ items: [] }) } });

  client.connect();
  await clock.advance(2_000);

  assert.equal(client.transport, "sse");
  client.close();
});

test("a 401 to any request means that the session is gone", async () => {
  const { client, socket, heard } = connected({
    routes: { "GET /api/conversations": () => json({ error: { code: "not_signed_in", message: "Sign in.", retryable: false } }, 401) },
  });

  const listed = client.request("GET", "/conversations");

  await assert.rejects(listed, { code: "not_signed_in", status: 401 });
  assert.equal(client.state, "closed");
  assert.equal(heard.connection.at(-1).code, 4401);
  assert.equal(socket.closed, true);
});

test("messages wait while signed out, and are sent once after signing in", async () => {
  const { client, socket, WebSocket } = connected();
  const sent = client.send({ text: "Before" });
  socket.end(4401);
  const later = client.send({ text: "Meanwhile" });
  await settle();
  assert.equal(client.state, "closed");
  assert.deepEqual(client.outbox.entries.map(({ text, sending }) => [text, sending]), [["Before", true], ["Meanwhile", true]]);

  client.connect();
  WebSocket.last.hello();
  await settle();
  const again = WebSocket.last.of("send");
  assert.deepEqual(again.map(({ text }) => text), ["Before", "Meanwhile"]);
  assert.equal(again[0].client_message_id, socket.of("send")[0].client_message_id);
  for (const { ref } of again) WebSocket.last.receive({ type: "ok", ref, run_id: `run ${ref}`, conversation_id: "c" });

  await Promise.all([sent, later]);
  assert.deepEqual(client.outbox.entries, []);
});

test("a POST rejected while signed out is retried after signing in", async () => {
  const error = { code: "not_signed_in", message: "Sign in.", retryable: false };
  const routes = { "POST /api/runs": () => json({ error }, 401) };
  const { client, WebSocket, calls } = connected({ routes });
  const sent = client.send({ text: "a".repeat(70_000) });
  await settle();
  assert.equal(client.state, "closed");

  routes["POST /api/runs"] = () => json({ run_id: "run", conversation_id: "c" }, 201);
  client.connect();
  WebSocket.last.hello();

  assert.equal((await sent).runId, "run");
  assert.equal(new Set(calls.map(({ body }) => body.client_message_id)).size, 1);
});

test("nothing is sent in another user's session", async () => {
  const { client, WebSocket, heard } = rig({ userId: 1 });
  const strangers = [];
  client.addEventListener("stranger", ({ detail }) => strangers.push(detail.username));
  void client.send({ text: "For my eyes" }).catch(() => {});

  client.connect();
  WebSocket.last.hello({ user: { id: 2, username: "charlie" } });

  assert.deepEqual(strangers, ["charlie"]);
  assert.deepEqual(WebSocket.last.sent, []);
  assert.deepEqual(heard.hello, []);
  assert.equal(client.state, "closed");
  assert.equal(client.outbox.entries.length, 1, "the message is kept");
});

test("it tells a first attempt, a lost connection and a server shutdown apart", async () => {
  const { client, WebSocket, clock, heard } = rig();
  client.connect();
  WebSocket.last.end();
  const { wasOpen, draining } = heard.connection.at(-1);
  assert.deepEqual([wasOpen, draining], [false, false]);

  await clock.advance(2_000);
  WebSocket.last.hello();
  WebSocket.last.receive({ type: "bye", code: 4412, retry_ms: 100 });
  assert.deepEqual([heard.connection.at(-1).wasOpen, heard.connection.at(-1).draining], [true, true]);
  await clock.advance(100);
  assert.equal(heard.connection.at(-1).draining, true, "still waiting for the next server");

  WebSocket.last.hello();
  WebSocket.last.end();
  assert.equal(heard.connection.at(-1).draining, false);
});
