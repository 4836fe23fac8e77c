import assert from "node:assert/strict";
import test from "node:test";

import { collector, connected, event, fallenBack, rig } from "./chat_rig.js";
import { settle } from "./clock_by_hand.js";
import { json, MemoryStorage, sse, streamed } from "./fake_network.js";

const KEY = "chatsite.outbox";
const message = { text: "Hello", clientMessageId: "m-1", parentId: "p" };
const ok = { run_id: "run", conversation_id: "c", duplicate: false };
const start = event(1, "start", {});

/** A page that has sent a message, which the server has accepted. */
async function taken(options = {}) {
  const storage = new MemoryStorage();
  const made = connected({ storage, ...options });
  const sent = made.client.send({ ...message, ...options.message });
  made.socket.answer("send", ok);
  await sent;
  return { ...made, storage };
}

/** The same page after a reload. */
function reloaded(storage, runs = []) {
  const made = rig({ storage });
  const lost = [];
  made.client.addEventListener("lost", ({ detail }) => lost.push(detail.runId));
  made.client.connect();
  made.WebSocket.last.hello({ runs });
  return { ...made, socket: made.WebSocket.last, lost };
}

test("an accepted message is not offered, and is kept until its run ends", async () => {
  const { client, storage } = await taken();

  assert.deepEqual(client.outbox.entries, []);
  assert.equal(JSON.parse(storage.getItem(KEY))[0].runId, "run");
});

for (const name of ["done", "error"]) {
  test(`${name} is the end of it`, async () => {
    const { client, socket, storage } = await taken();
    client.follow("run", collector());
    socket.receive({ type: "events", frame: 1, run_id: "run", events: [start, event(2)] });
    assert.equal(storage.items.size, 1);

    socket.receive({ type: "events", frame: 2, run_id: "run", events: [event(3, name)] });

    assert.equal(storage.items.size, 0);
  });
}

test("a page that is not following learns of the end by a notice", async () => {
  const { client, socket, storage } = await taken();
  client.follow("run", collector()).close();
  assert.equal(storage.items.size, 1);

  socket.receive({ type: "notice", kind: "run_ended", run_id: "run", conversation_id: "c", status: "completed" });

  assert.equal(storage.items.size, 0);
});

test("a regenerated answer has nothing to keep", async () => {
  for (const asked of [{ regenerateId: "q" }, { continueId: "a" }]) {
    const { storage } = await taken({ message: { text: "", ...asked } });
    assert.equal(storage.items.size, 0);
  }
});

test("a run that the server no longer knows is lost: its message is offered, and sent only on request", async () => {
  const { storage } = await taken();
  const { client, socket, lost } = reloaded(storage);
  assert.deepEqual(client.outbox.entries, [], "it may be saved: ask the server first");

  socket.refuse("subscribe", { code: "not_found" });

  assert.deepEqual(lost, ["run"]);
  const [entry] = client.outbox.entries;
  assert.deepEqual([entry.text, entry.parentId, entry.sentTo, entry.sending], ["Hello", "p", "c", false]);
  assert.deepEqual(socket.of("send"), []);
  const sent = client.send(entry);
  assert.equal(socket.of("send")[0].client_message_id, "m-1");
  socket.answer("send", { ...ok, run_id: "another" });
  assert.equal((await sent).runId, "another");
  assert.deepEqual(client.outbox.entries, []);
  client.follow("another", collector());
  socket.receive({ type: "events", frame: 1, run_id: "another", events: [start, event(2, "done")] });
  assert.equal(storage.items.size, 0);
});

test("a lost message is offered after each reload until it is sent or discarded", async () => {
  const { storage } = await taken();
  for (let time = 0; time < 2; time += 1) {
    const { client, socket } = reloaded(storage);
    socket.refuse("subscribe", { code: "not_found" });
    assert.equal(client.outbox.entries.length, 1);
    if (time === 1) client.outbox.discard("m-1");
  }

  assert.equal(storage.items.size, 0);
});

test("a run that ended while the page was away is detected, and nothing is offered", async () => {
  const { storage } = await taken();
  const { client, socket, lost } = reloaded(storage);

  socket.receive({ type: "events", frame: 1, run_id: "run", events: [start, event(2), event(3, "done")] });
  socket.answer("subscribe", { run_id: "run" });

  assert.deepEqual([client.outbox.entries, lost, storage.items.size], [[], [], 0]);
});

test("a live run is left to the page", async () => {
  const { storage } = await taken();

  const runs = [{ run_id: "run", conversation_id: "c", client_message_id: "m-1", title: "", cursor: "e.2" }];
  const { client, socket } = reloaded(storage, runs);

  assert.deepEqual([socket.sent, client.outbox.entries], [[], []]);
  assert.equal(storage.items.size, 1);
});

test("any other failure to follow decides nothing: it retries with the next connection", async () => {
  const { storage } = await taken();
  const { client, socket, WebSocket, clock, lost } = reloaded(storage);
  socket.refuse("subscribe", { code: "forbidden" });
  assert.deepEqual([client.outbox.entries, storage.items.size], [[], 1]);

  socket.end();
  await clock.advance(5_000);
  WebSocket.last.hello();
  WebSocket.last.refuse("subscribe", { code: "not_found" });

  assert.deepEqual(lost, ["run"]);
});

test("over SSE it works the same way", async () => {
  for (const [answer, offered] of [[() => json({ error: { code: "not_found", message: "No." } }, 404), 1], [ended, 0]]) {
    const { storage } = await taken();
    const { client, clock } = await fallenBack({ storage, routes: { "GET /api/runs/run/events": answer } });
    await clock.advance(1);
    await settle();

    assert.equal(client.outbox.entries.length, offered);
    assert.equal(storage.items.size, offered);
    client.close();
  }
});

/** The run is in the database: its log is reconstructed from there. */
function ended({ signal }) {
  const body = streamed(signal);
  for (const each of [start, event(2), event(3, "done")]) body.push(sse(each));
  body.end();
  return body.response;
}

test("a page that stays open is told of the loss too, and may resend with another id", async () => {
  const { client, socket, WebSocket, clock, storage } = await taken();
  const heard = collector();
  client.follow("run", heard);
  socket.end();
  await clock.advance(5_000);
  WebSocket.last.hello();
  WebSocket.last.refuse("subscribe", { code: "not_found" });

  assert.deepEqual(heard.events.map(({ data }) => data.code), ["not_found"]);
  assert.deepEqual(client.outbox.entries.map(({ text }) => text), ["Hello"]);
  client.outbox.discard("m-1");
  assert.equal(storage.items.size, 0);
});
