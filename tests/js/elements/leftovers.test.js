import assert from "node:assert/strict";
import { test } from "node:test";

import { Drafts } from "../../../static/js/elements/drafts.js";
import { Leftovers } from "../../../static/js/elements/leftovers.js";
import { connected } from "../client/chat_rig.js";
import { settle } from "../client/clock_by_hand.js";
import { MemoryStorage } from "../client/fake_network.js";

const NOW = 1_000_000;

/** A page that was left before its messages were answered, and is loaded again. @param {object[]} messages */
async function loadedAgain(...messages) {
  const storage = new MemoryStorage();
  const before = connected({ storage });
  for (const message of messages) void before.client.send(message).catch(() => {});
  await settle();
  const after = connected({ storage });
  const items = new MemoryStorage();
  const drafts = new Drafts({ getItem: (key) => items.getItem(key), setItem: (key, text) => items.setItem(key, text), removeItem: (key) => items.removeItem(key), key: () => null, length: 0 }, 1);
  return { ...after, drafts, left: new Leftovers({ client: after.client, drafts, now: NOW }) };
}

test("what does not stand on the screen goes out once, under its old id", async () => {
  const here = { text: "Here", conversationId: "open", clientMessageId: "m-1" };
  const there = { text: "There", conversationId: "other", clientMessageId: "m-2" };
  const { client, socket, left } = await loadedAgain(here, there);
  assert.deepEqual([left.has("Here"), left.has("Something else")], [true, false]);

  const sent = left.sendElsewhere("open");
  assert.deepEqual(socket.of("send").map(({ text, client_message_id, conversation_id }) => [text, client_message_id, conversation_id]), [["There", "m-2", "other"]]);
  socket.answer("send", { run_id: "run", conversation_id: "other", duplicate: true });
  await sent;

  assert.deepEqual(client.outbox.entries.map(({ text }) => text), ["Here"]);
  await left.sendElsewhere("open");
  assert.equal(socket.of("send").length, 1);
});

test("what is refused becomes a draft, before the words that are there", async () => {
  const { socket, drafts, left } = await loadedAgain({ text: "There", conversationId: "other", clientMessageId: "m-2" });
  drafts.write("other", "begun");

  const sent = left.sendElsewhere(null);
  socket.refuse("send", { code: "rate_limited" });
  await sent;

  assert.equal(drafts.read("other"), "There\n\nbegun");
});

test("what was sent a day ago waits to be asked for", async () => {
  const { client, socket, drafts } = await loadedAgain({ text: "There", conversationId: "other", clientMessageId: "m-2" });

  const left = new Leftovers({ client, drafts, now: NOW + 24 * 60 * 60 * 1_000 });
  await left.sendElsewhere(null);

  assert.equal(left.has("There"), false);
  assert.deepEqual(socket.of("send"), []);
  assert.equal(client.outbox.entries.length, 1);
});
