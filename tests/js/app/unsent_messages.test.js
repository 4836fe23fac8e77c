import assert from "node:assert/strict";
import { test } from "node:test";

import { Drafts } from "../../../static/js/composer/drafts.js";
import { UnsentMessages } from "../../../static/js/app/unsent_messages.js";
import { TabStorage } from "../../../static/js/ui/tab_storage.js";
import { connected } from "../client/chat_rig.js";
import { settle } from "../client/clock_by_hand.js";
import { MemoryStorage } from "../client/fake_network.js";
import { BrowserStorage } from "../browser_storage.js";

const NOW = 1_000_000;
const DAY = 24 * 60 * 60 * 1_000;
const KEY = "chatsite.outbox";
const here = { text: "Here", conversationId: "open", clientMessageId: "m-1" };
const there = { text: "There", conversationId: "other", clientMessageId: "m-2" };

/** What the page shows: its open conversation, and the unsent questions in it. */
function pageWith(id, client, drafts, { empty = true } = {}) {
  const page = {
    shown: [],
    retried: [],
    view: { open: { id, empty, showLeft }, loaded: Promise.resolve(), showAddress: showLeft },
    unsent: () => page.shown.map((source) => ({ source })),
    retry: ({ source }) => page.retried.push(source),
    giveBack: (conversationId, text) => drafts.giveBack(conversationId, text),
  };
  function showLeft() {
    const own = client.outbox.entries.filter(({ conversationId = null, sending, decided }) => conversationId === id && !sending && !decided);
    page.shown = own.map(({ text }) => text);
  }
  showLeft();
  return page;
}

/** What an outbox with these messages stores. */
async function stored(...messages) {
  const storage = new MemoryStorage();
  const before = connected({ storage });
  for (const message of messages) void before.client.send(message).catch(() => {});
  await settle();
  return storage.getItem(KEY);
}

/** A page that finds these messages in its tab, and others in copies left by closed tabs. */
async function loaded({ own = [], closed = [], openId = "open", now = NOW, empty = true }) {
  const [tab, browser, drafted] = [new BrowserStorage(), new BrowserStorage(), new MemoryStorage()];
  if (own.length) tab.setItem(KEY, await stored(...own));
  for (const [number, messages] of closed.entries()) browser.setItem(`${KEY}.${number}`, await stored(...messages));
  const storage = new TabStorage(KEY, { tab, browser });
  const made = connected({ storage });
  const drafts = new Drafts({ getItem: (key) => drafted.getItem(key), setItem: (key, text) => drafted.setItem(key, text), removeItem: (key) => drafted.removeItem(key), key: () => null, length: 0 }, 1);
  const left = new UnsentMessages({ client: made.client, storage, entries: made.client.outbox.entries, now: () => now, answerMs: 0 });
  const page = pageWith(openId, made.client, drafts, { empty });
  const texts = () => made.socket.of("send").map(({ text, client_message_id, conversation_id }) => [text, client_message_id, conversation_id]);
  return { ...made, drafts, left, page, texts, browser, leave: () => storage.removeItem(KEY) };
}

/** The socket gets the messages once the wait for closed tabs is over. */
async function sending({ socket }, count) {
  while (socket.of("send").length < count) await new Promise((resolve) => setTimeout(resolve, 1));
}

test("questions on the screen are resent there, the rest are sent once, with their old ids", async () => {
  const { client, socket, left, page, texts } = await loaded({ own: [here, there] });

  const sent = left.send(page);
  assert.deepEqual(page.retried, ["Here"]);
  assert.deepEqual(texts(), [["There", "m-2", "other"]]);
  socket.answer("send", { run_id: "run", conversation_id: "other", duplicate: true });
  await sent;

  assert.deepEqual(client.outbox.entries.map(({ text }) => text), ["Here"]);
  await left.send(page);
  assert.deepEqual([texts().length, page.retried.length], [1, 1]);
  client.outbox.clear();
});

test("a refused message becomes a draft, before the existing text", async () => {
  const { socket, drafts, left, page } = await loaded({ own: [there] });
  drafts.write("other", "begun");

  const sent = left.send(page);
  socket.refuse("send", { code: "rate_limited" });
  await sent;

  assert.equal(drafts.read("other"), "There\n\nbegun");
});

test("a message for a conversation that is gone becomes a draft of a new one", async () => {
  const { socket, drafts, left, page } = await loaded({ own: [there] });

  const sent = left.send(page);
  socket.refuse("send", { code: "not_found" });
  await sent;

  assert.deepEqual([drafts.read("other"), drafts.read(null)], ["", "There"]);
});

test("a message taken back in the meantime, or whose user has signed out, is not sent", async () => {
  const { client, left, page, texts } = await loaded({ own: [here, there] });
  client.outbox.clear();

  await left.send(page);

  assert.deepEqual([texts(), page.retried], [[], []]);
});

test("a message that belongs here but is not shown is sent all the same", async () => {
  const made = await loaded({ closed: [[here]] });
  made.page.unsent = () => []; // The history is still loading; or the question is there already and is being answered.

  const sent = made.left.send(made.page);
  await sending(made, 1);
  made.socket.answer("send", { run_id: "run", conversation_id: "open", duplicate: true });
  await sent;

  assert.deepEqual(made.texts(), [["Here", "m-1", "open"]]);
  assert.deepEqual([made.client.outbox.entries.length, made.client.outbox.running.length], [0, 1]);
  made.client.outbox.clear();
});

test("the same text for another conversation is sent too", async () => {
  const { client, left, page, texts } = await loaded({ own: [here, { ...there, text: "Here" }] });

  void left.send(page);

  assert.deepEqual([page.retried, texts()], [["Here"], [["Here", "m-2", "other"]]]);
  client.outbox.clear();
});

test("several new conversations stay separate", async () => {
  const several = [{ text: "One", clientMessageId: "m-3" }, { text: "Two", clientMessageId: "m-4" }];
  for (const made of [await loaded({ own: several, openId: null }), await loaded({ closed: [several], openId: null })]) {
    void made.left.send(made.page);
    await sending(made, 2);

    assert.deepEqual([made.page.shown, made.page.retried], [[], []]);
    assert.deepEqual(made.texts(), [["One", "m-3", undefined], ["Two", "m-4", undefined]]);
    made.client.outbox.clear();
  }
});

test("a browser without free storage adopts what closed tabs left", async () => {
  const made = await loaded({ closed: [[here]] });
  const oneAtMost = (key, value) => {
    if (Object.keys(made.browser).some((other) => other !== key)) throw new DOMException("", "QuotaExceededError");
    made.browser[key] = value;
  };
  Object.defineProperty(made.browser, "setItem", { value: oneAtMost });

  await made.left.send(made.page);

  const [copy, ...others] = Object.keys(made.browser);
  assert.deepEqual([JSON.parse(made.browser.getItem(copy))[0].text, others], ["Here", []]);
  made.client.outbox.clear();
});

test("a message sent a day ago is resent only on request", async () => {
  const { client, texts, left, page } = await loaded({ own: [here, there], now: NOW + DAY });

  await left.send(page);

  assert.deepEqual([texts(), page.retried], [[], []]);
  assert.equal(client.outbox.entries.length, 2);
  client.outbox.clear();
});

test("messages left by closed tabs are shown or sent, and then belong to this page", async () => {
  const made = await loaded({ closed: [[here], [there]] });
  const { client, socket, left, page, texts, browser } = made;

  const sent = left.send(page);
  await sending(made, 1);
  assert.deepEqual([page.shown, page.retried], [["Here"], ["Here"]]);
  assert.deepEqual(texts(), [["There", "m-2", "other"]]);
  const [copy, ...others] = Object.keys(browser);
  assert.deepEqual([JSON.parse(browser.getItem(copy)).map(({ text }) => text), others], [["Here", "There"], []]);
  socket.answer("send", { run_id: "run", conversation_id: "other", duplicate: false });
  await sent;

  assert.deepEqual(client.outbox.entries.map(({ text }) => text), ["Here"]);
  client.outbox.clear();
  assert.deepEqual(Object.keys(browser), []);
});

test("a message this page has had before is not adopted again", async () => {
  const { client, socket, left, page, texts } = await loaded({ own: [there], closed: [[there]] });

  const sent = left.send(page);
  socket.answer("send", { run_id: "run", conversation_id: "other", duplicate: false });
  await sent;

  assert.equal(texts().length, 1);
  assert.deepEqual([client.outbox.entries.length, client.outbox.running.length], [0, 1]);
  client.outbox.clear();
});

test("nothing is mixed into a conversation that has just begun", async () => {
  const made = await loaded({ closed: [[{ text: "New", clientMessageId: "m-3" }]], openId: null, empty: false });
  const { socket, left, page, texts } = made;

  const sent = left.send(page);
  await sending(made, 1);
  socket.answer("send", { run_id: "run", conversation_id: "c", duplicate: false });
  await sent;

  assert.deepEqual([page.shown, page.retried], [[], []]);
  assert.deepEqual(texts(), [["New", "m-3", undefined]]);
  made.client.outbox.clear();
});

test("a malformed copy is ignored", async () => {
  const made = await loaded({});
  made.browser.setItem(`${KEY}.1`, "{");
  made.browser.setItem(`${KEY}.2`, JSON.stringify([null, 1, { clientMessageId: 1, text: "x" }]));

  await made.left.send(made.page);

  assert.deepEqual([made.texts(), made.client.outbox.entries, Object.keys(made.browser)], [[], [], []]);
});

test("an answer lost with its server is offered, and a live one is followed", async () => {
  const made = await loaded({});
  const entries = [{ ...here, queuedAt: NOW, runId: "gone", sentTo: "open" }, { ...there, queuedAt: NOW, runId: "lives", sentTo: "other" }];
  made.browser.setItem(`${KEY}.1`, JSON.stringify(entries));

  await made.left.send(made.page);
  assert.deepEqual(made.socket.of("subscribe").map(({ run_id }) => run_id).sort(), ["gone", "lives"]);
  assert.deepEqual([made.texts(), made.client.outbox.entries], [[], []]);
  made.client.outbox.clear();
});

const decided = { text: "", conversationId: "open", clientMessageId: "m-3", decided: { type: "approve", message_id: "a", decisions: [] } };

test("a decision is sent again, once, where it is shown, too", async () => {
  const { client, socket, left, page, drafts } = await loaded({ own: [decided] });

  const sent = left.send(page);
  assert.deepEqual(socket.of("approve").map(({ client_message_id: id }) => id), ["m-3"]);
  socket.refuse("approve", { code: "answered", run_id: "run" });
  await sent;

  assert.deepEqual([page.retried, client.outbox.entries, drafts.read("open")], [[], [], ""]);
});

test("a decision of another day is not wanted any more", async () => {
  const { client, socket, left, page } = await loaded({ own: [decided], now: NOW + DAY + 1 });
  await left.send(page);
  assert.deepEqual([socket.of("approve"), client.outbox.entries], [[], []]);
});
