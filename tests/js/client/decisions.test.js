/** What a person decided about calls of a waiting answer is sent like every message: once, whatever happens. */

import assert from "node:assert/strict";
import test from "node:test";

import { connected, fallenBack } from "./chat_rig.js";
import { settle } from "./clock_by_hand.js";
import { json, MemoryStorage } from "./fake_network.js";

const decisions = [{ call_id: "c1", decision: "deny", note: "No." }];
const approve = { type: "approve", message_id: "m/1", decisions };
const answer = { type: "answer", message_id: "m/1", call_id: "c2", text: "Blue" };
const ok = { run_id: "run", conversation_id: "c", duplicate: false };
const of = (decided) => ({ text: "", conversationId: "c", clientMessageId: "id-1", tools: true, decided });

for (const decided of [approve, answer]) {
  test(`${decided.type} is a frame of the socket, and its run is followed`, async () => {
    const { client, socket } = connected({ timeZone: () => "Europe/Berlin" });
    const sent = client.send(of(decided));

    const [{ ref, ...frame }] = socket.of(decided.type);
    assert.deepEqual(frame, { ...decided, client_message_id: "id-1", time_zone: "Europe/Berlin" });
    socket.receive({ type: "ok", ref, ...ok });
    socket.receive({ type: "events", frame: 1, run_id: "run", events: [{ id: "e.1", event: "start", data: {} }] });
    const { runId } = await sent;
    const events = [];
    client.follow(runId, { onEvents: (batch) => void events.push(...batch) });

    assert.deepEqual(events.map(({ event }) => event), ["start"]);
    assert.deepEqual(socket.of("subscribe"), []);
    assert.deepEqual(client.outbox.entries, []);
  });

  test(`${decided.type} is a POST without a socket`, async () => {
    const path = `POST /api/messages/m%2F1/${decided.type === "approve" ? "approvals" : "answers"}`;
    const { client, calls } = await fallenBack({ routes: { [path]: () => json(ok, 201) } });

    const sent = await client.send(of(decided));

    assert.deepEqual([sent.runId, sent.duplicate], ["run", false]);
    const { type, message_id: id, ...body } = decided;
    assert.deepEqual([calls.at(-1).body, type, id], [{ client_message_id: "id-1", ...body }, decided.type, "m/1"]);
  });
}

test("after a lost connection and a reload it is sent again, with the same id", async () => {
  const storage = new MemoryStorage();
  const before = connected({ storage });
  void before.client.send(of(approve)).catch(() => {});
  before.socket.end();
  await before.clock.advance(before.heard.connection.at(-1).retryInMs);
  before.WebSocket.last.hello();
  assert.equal(before.WebSocket.last.of("approve")[0].client_message_id, "id-1");

  const { client, socket } = connected({ storage });
  const [entry] = client.outbox.entries;
  const sent = client.send(entry);
  assert.deepEqual(socket.of("approve").map(({ client_message_id: id, decisions: said }) => [id, said]), [["id-1", decisions]]);
  socket.answer("approve", { ...ok, duplicate: true });
  await sent;

  assert.deepEqual(connected({ storage }).client.outbox.entries, []);
});

test("the run that somebody else's answer has started is told, over both transports", async () => {
  const refused = { code: "answered", message: "No.", retryable: false, run_id: "other", conversation_id: "c" };
  const { client, socket } = connected();
  const sent = client.send(of(approve));
  socket.refuse("approve", refused);
  await assert.rejects(sent, { code: "answered", runId: "other" });
  assert.deepEqual(client.outbox.entries, []);

  const http = await fallenBack({ routes: { "POST /api/messages/m%2F1/approvals": () => json({ error: refused }, 409) } });
  await assert.rejects(http.client.send(of(approve)), { code: "answered", runId: "other" });
  await settle();
});
