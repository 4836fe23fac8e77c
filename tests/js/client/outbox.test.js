import assert from "node:assert/strict";
import test from "node:test";

import { connected, rig } from "./chat_rig.js";
import { settle } from "./clock_by_hand.js";
import { json, MemoryStorage } from "./fake_network.js";

const message = { text: "Hello", conversationId: "c", clientMessageId: "m-1" };
const ok = { run_id: "run", conversation_id: "c", duplicate: false };
const ended = { type: "notice", kind: "run_ended", run_id: "run", conversation_id: "c", status: "completed" };

test("a message written offline is sent once there is a connection", async () => {
  const { client, WebSocket } = rig();
  const sent = client.send(message);
  assert.deepEqual(client.outbox.entries.map(({ text, sending }) => [text, sending]), [["Hello", true]]);

  client.connect();
  WebSocket.last.hello();
  WebSocket.last.answer("send", ok);

  assert.equal((await sent).runId, "run");
  assert.deepEqual(client.outbox.entries, []);
});

test("a message says whether its model may use tools only if it was told", () => {
  const { client, socket } = connected();

  for (const tools of [undefined, null, false, true]) void client.send({ text: "Hello", tools });

  assert.deepEqual(socket.of("send").map(({ tools = "nothing" }) => tools), ["nothing", "nothing", false, true]);
});

test("without a reply, it is retried with the same id until it gets one", async () => {
  const { client, WebSocket, clock, heard } = connected();
  const sent = client.send({ text: "Hello" });
  for (let time = 0; time < 4; time += 1) {
    WebSocket.last.end();
    await clock.advance(heard.connection.at(-1).retryInMs);
    WebSocket.last.hello();
  }
  WebSocket.last.answer("send", { ...ok, duplicate: true });

  assert.equal((await sent).duplicate, true);
  const sends = WebSocket.sockets.flatMap((socket) => socket.of("send"));
  assert.equal(sends.length, 5);
  assert.equal(new Set(sends.map(({ client_message_id }) => client_message_id)).size, 1);
  assert.equal(new Set(sends.map(({ text }) => text)).size, 1);
});

test("a reply is final, even an error: it is not retried", async () => {
  const { client, socket, WebSocket, clock } = connected();
  const sent = client.send(message);
  socket.refuse("send", { code: "busy", retryable: true });
  await assert.rejects(sent, { code: "busy" });

  socket.end();
  await clock.advance(1_000);
  WebSocket.last.hello();

  assert.deepEqual(WebSocket.last.sent, []);
});

test("an id already in flight is sent only once", async () => {
  const { client, socket } = connected();

  const both = [client.send(message), client.send(message)];
  assert.equal(socket.of("send").length, 1);
  socket.answer("send", ok);

  assert.deepEqual((await Promise.all(both)).map(({ runId }) => runId), ["run", "run"]);
});

test("a reload finds unanswered messages and can resend them with the same id", async () => {
  const storage = new MemoryStorage();
  const before = connected({ storage });
  void before.client.send(message).catch(() => {});
  void before.client.send({ text: "Answered" });
  before.socket.answer("send", ok);
  await settle();
  before.socket.receive(ended);

  const after = connected({ storage });
  const entries = after.client.outbox.entries;
  assert.deepEqual(entries.map(({ text, sending }) => [text, sending]), [["Hello", false]]);
  assert.deepEqual(after.socket.sent, [], "it is not resent by itself");
  const sent = after.client.send(entries[0]);
  assert.equal(after.client.outbox.entries[0].sending, true);
  assert.deepEqual(after.socket.of("send").map(({ client_message_id, conversation_id }) => [client_message_id, conversation_id]), [["m-1", "c"]]);
  after.socket.answer("send", ok);
  await sent;
  after.socket.receive(ended);

  assert.deepEqual(connected({ storage }).client.outbox.entries, []);
  assert.equal(storage.items.size, 0);
});

test("a discarded message is removed here and from the storage", async () => {
  const storage = new MemoryStorage();
  const { client } = rig({ storage });
  const sent = client.send(message);

  client.outbox.discard("m-1");

  await assert.rejects(sent, { code: "discarded" });
  assert.deepEqual(client.outbox.entries, []);
  assert.equal(storage.items.size, 0);
});

test("each user has their own outbox", () => {
  const storage = new MemoryStorage();
  void rig({ storage, storageKey: "outbox.alice" }).client.send(message);

  assert.deepEqual(rig({ storage, storageKey: "outbox.bob" }).client.outbox.entries, []);
  assert.equal(rig({ storage, storageKey: "outbox.alice" }).client.outbox.entries.length, 1);
});

test("a broken, full or forbidden storage only affects reloads", async (t) => {
  const warn = t.mock.method(console, "warn", () => {});
  const refuse = () => {
    throw new DOMException("no", "QuotaExceededError");
  };
  for (const storage of [{ getItem: refuse, setItem: refuse, removeItem: refuse }, { getItem: () => '[{"text":7},null]', setItem: refuse, removeItem: refuse }]) {
    const { client, socket } = connected({ storage });
    assert.deepEqual(client.outbox.entries, []);
    const sent = client.send(message);
    socket.answer("send", ok);
    assert.equal((await sent).runId, "run");
  }
  assert.ok(warn.mock.callCount() >= 2);
});

test("a POST alongside a live socket is retried until it gets a reply", async () => {
  const answers = [() => json("Bad Gateway", 502), () => Promise.reject(new TypeError("fetch failed")), () => json(ok, 201)];
  const { client, clock, calls } = connected({ routes: { "POST /api/runs": () => answers.shift()() } });

  const sent = client.send({ ...message, text: "a".repeat(70_000) });
  await clock.advance(3_000);
  await clock.advance(3_000);

  assert.equal((await sent).runId, "run");
  assert.deepEqual(calls.map(({ body }) => body.client_message_id), ["m-1", "m-1", "m-1"]);
});

test("a message sent while connecting goes out once", async () => {
  const { client, WebSocket } = rig();
  client.addEventListener("connection", () => client.state === "open" && void client.send(message).catch(() => {}));

  client.connect();
  WebSocket.last.hello();

  assert.equal(WebSocket.last.of("send").length, 1);
  client.close();
});

test("a server that is shutting down has not replied: the next one will", async () => {
  const { client, socket, WebSocket, clock } = connected();
  const sent = client.send(message);
  socket.refuse("send", { code: "draining", retryable: true });
  socket.receive({ type: "bye", code: 4412, retry_ms: 1_000 });
  await clock.advance(1_000);
  WebSocket.last.hello();
  WebSocket.last.answer("send", ok);

  assert.equal((await sent).runId, "run");
  assert.equal(WebSocket.last.of("send")[0].client_message_id, "m-1");
});

test("a server that fails halfway may have started a turn: the message stays, with its id", async () => {
  const failures = [() => json({ error: { code: "server_error", message: "Oh.", retryable: true } }, 500), () => json("<html>", 500)];
  const { client } = connected({ routes: { "POST /api/runs": () => failures.shift()() } });
  const long = { ...message, text: "a".repeat(70_000) };

  await assert.rejects(client.send(long), { code: "server_error" });
  await assert.rejects(client.send(long), { code: "bad_response" });

  assert.deepEqual(client.outbox.entries.map(({ clientMessageId, sending }) => [clientMessageId, sending]), [["m-1", false]]);
});

test("clear removes everything, including messages in flight", async () => {
  const storage = new MemoryStorage();
  const { client } = rig({ storage });
  const sent = [client.send(message), client.send({ text: "Another" })];

  client.outbox.clear();

  for (const each of sent) await assert.rejects(each, { code: "discarded" });
  assert.deepEqual(client.outbox.entries, []);
  assert.equal(storage.items.size, 0);
});
