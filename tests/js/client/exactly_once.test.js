import assert from "node:assert/strict";
import test from "node:test";

import { ChatClient } from "../../../static/js/client/chat_client.js";
import { ClockByHand, settle } from "./clock_by_hand.js";
import { fakeEventSource, fakeWebSocket, seeded } from "./fake_network.js";
import { ModelServer } from "./model_server.js";

const ROUNDS = 30;

/** Follows two sent messages to their end over a bad network, and returns what the pages saw. */
async function chatThrough(seed, { sockets }) {
  const random = seeded(seed);
  const server = new ModelServer({ random });
  const clock = new ClockByHand();
  const opening = [];
  const WebSocket = fakeWebSocket({ onMake: (socket) => opening.push(socket), onSend: (socket, frame) => server.hear(socket, frame) });
  const client = new ChatClient({ socketUrl: "ws://t", WebSocket, EventSource: fakeEventSource(), fetch: server.fetch, clock, random });
  const used = new Set();
  client.addEventListener("connection", () => client.state === "open" && used.add(client.transport));
  client.connect();

  const pages = ["one", "two"].map((text) => ({ text, events: [], subscription: null }));
  for (const page of pages) {
    void client.send({ text: page.text }).then(async ({ runId }) => {
      if (random() < 0.3) await settle();
      const onEvents = (events) => {
        page.events.push(...events);
        return random() < 0.5 ? settle() : undefined;
      };
      page.subscription = client.follow(runId, { onEvents });
    });
  }

  let steps = 0;
  while (pages.some(({ subscription }) => subscription?.open ?? true)) {
    assert.ok((steps += 1) < 3_000, `seed ${seed} ends`);
    for (const socket of opening.splice(0)) {
      await settle();
      if (sockets(random, steps)) server.accept(socket);
      else socket.end(1006);
    }
    server.pump();
    if (random() < (sockets(random, steps) ? 0.04 : 0.3)) for (const socket of server.sockets) server.drop(socket);
    if (random() < 0.2) server.ping();
    if (random() < 0.1) client.wake();
    await clock.advance(random() < 0.1 ? 5_000 : 300);
  }
  client.close();
  assert.equal(clock.pending, 0, "no timer is left");
  return { server, pages, used };
}

function assertExactlyOnce({ server, pages }, seed) {
  assert.equal(server.runs.size, 2, `seed ${seed}: one run for each message`);
  for (const { events, subscription } of pages) {
    const { log } = server.run(subscription.runId);
    const kept = events.slice(events.findLastIndex(({ event }) => event === "reset") + 1);
    const seen = kept.flatMap(({ event, data }) => data.seqs.map((seq) => [seq, event]));
    assert.deepEqual(seen, log.map((event, index) => [index + 1, event]), `seed ${seed}: ${subscription.runId}`);
  }
}

test("every event arrives once and in order over sockets that repeat, lose and disconnect", async () => {
  let resets = 0;
  for (let seed = 1; seed <= ROUNDS; seed += 1) {
    const result = await chatThrough(seed, { sockets: () => true });
    assertExactlyOnce(result, seed);
    resets += result.pages.filter(({ events }) => events.some(({ event }) => event === "reset")).length;
  }
  assert.ok(resets <= ROUNDS / 10, `restarting is the exception, not ${resets} of ${2 * ROUNDS}`);
});

test("every event arrives once and in order across transport changes", async () => {
  const used = [];
  for (let seed = 1_001; seed <= 1_000 + ROUNDS; seed += 1) {
    const result = await chatThrough(seed, { sockets: (_, steps) => steps % 24 < 8 });
    assertExactlyOnce(result, seed);
    used.push(result.used);
  }
  assert.ok(used.filter((transports) => transports.size === 2).length > ROUNDS / 3, "both transports were used");
});

test("every event arrives once and in order over plain HTTP", async () => {
  for (let seed = 2_001; seed <= 2_000 + ROUNDS; seed += 1) {
    const result = await chatThrough(seed, { sockets: () => false });
    assertExactlyOnce(result, seed);
    assert.deepEqual([...result.used], ["sse"]);
  }
});
