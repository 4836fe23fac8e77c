/** An answer is drawn as its parts in their order; the same whether it was watched, resumed or saved. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mock, test } from "node:test";

import { paint, place } from "./answer_page.js";

import { AnswerParts } from "../../../static/js/message/answer_parts.js";
import { KINDS } from "../../../static/js/message/part_kinds.js";

// Nothing takes time: the title of a thought says how long it has taken so far.
mock.timers.enable({ apis: ["Date", "setInterval"] });
await Promise.all(Object.values(KINDS).map(({ code }) => code.load()));

const CALL = { call_id: "c1", tool: "search", arguments: { q: "sky" } };
/** All that an answer can consist of, with its parts as the server saves them. */
const EVENTS = [
  ["reasoning", { text: "Let me " }],
  ["reasoning", { text: "see." }],
  ["reasoning", { text: "", duration_ms: 2_400 }],
  ["token", { text: "I **lo" }],
  ["token", { text: "ok**.\n\n- a\n" }],
  ["tool_start", CALL],
  ["tool_progress", { call_id: "c1", tool: "search", item: { title: "Sky", snippet: "It is blue." } }],
  ["tool_progress", { call_id: "c1", tool: "search", item: "more" }],
  ["tool_result", { call_id: "c1", tool: "search", result: { found: 2 }, duration_ms: 30 }],
  ["token", { text: "Found `2`. " }],
  ["reasoning", { text: "Not enough.", duration_ms: 400 }],
  ["tool_start", { ...CALL, call_id: "c2" }],
  ["tool_error", { call_id: "c2", tool: "search", message: "No network.", duration_ms: 3 }],
  ["agent_start", { agent: "a1", name: "Ada" }],
  ["agent_start", { agent: "a2", name: "Bob" }],
  ["reasoning", { text: "Hm. ", agent: "a1" }],
  ["token", { text: "one", agent: "a2" }],
  ["reasoning", { text: "Hm.", agent: "a1", duration_ms: 1_000 }],
  ["token", { text: "*two*", agent: "a1" }],
  ["tool_start", { ...CALL, call_id: "c3", agent: "a1" }],
  ["token", { text: " three", agent: "a2" }],
  ["tool_result", { call_id: "c3", tool: "search", result: "blue", duration_ms: 5 }],
  ["token", { text: "four", agent: "a1" }],
  ["agent_done", { agent: "a1", status: "completed" }],
  ["tool_start", { ...CALL, call_id: "c4" }],
  ["agent_done", { agent: "a2", status: "failed" }],
  ["tool_start", { ...CALL, call_id: "c5" }],
  ["approval_request", { ...CALL, call_id: "c5", reason: "policy", expires_at: "2100-01-01T00:00:00Z" }],
  ["approval", { call_id: "c5", tool: "search", decision: "deny", scope: "once", note: "No." }],
  ["tool_error", { call_id: "c5", tool: "search", message: "Denied.", code: "denied", duration_ms: 0 }],
  ["tool_start", { ...CALL, call_id: "c6" }],
  ["question", { call_id: "c6", tool: "search", text: "Which?", choices: ["a"], allows_text: true }],
  ["tool_result", { call_id: "c6", tool: "search", result: "a", duration_ms: 0 }],
  ["token", { text: "Blue." }],
];

function watch(events, options = { live: true }) {
  const root = place();
  const parts = new AnswerParts(root, options);
  for (const [name, data] of events) void parts.hear(name, data);
  return { root, parts };
}

async function drawn({ root }) {
  await paint();
  return root.innerHTML;
}

/** Neighbouring events of one kind and agent as one, as the server may send them. */
function merged(events) {
  const found = [];
  for (const [name, data] of events) {
    const last = found.at(-1);
    const joins = (name === "token" || name === "reasoning") && last?.[0] === name && last[1].agent === data.agent;
    if (!joins) found.push([name, { ...data }]);
    else Object.assign(last[1], data, { text: last[1].text + data.text });
  }
  return found;
}

/** The parts as the API returns them. @param {any[]} events */
function saved(events) {
  const parts = [];
  const last = {};
  const begin = (part) => void (parts.push(part), (last[part.agent ?? ""] = part));
  const words = (kind, { text, agent, duration_ms: took }) => {
    if (last[agent ?? ""]?.kind !== kind) begin({ kind, text: "", ...(agent && { agent }), ...(kind === "reasoning" && { duration_ms: null }) });
    last[agent ?? ""].text += text;
    if (took !== undefined) last[agent ?? ""].duration_ms += took;
  };
  const of = (data) => parts.find(({ call_id: id }) => id === data.call_id);
  const handlers = {
    token: (data) => words("text", data),
    reasoning: (data) => words("reasoning", data),
    tool_start: (data) => begin({ kind: "tool_call", state: "running", items: [], result: null, message: "", ...data }),
    tool_progress: (data) => of(data).items.push(data.item),
    tool_result: (data) => Object.assign(of(data), data, { state: "done" }),
    tool_error: (data) => Object.assign(of(data), data, { state: "failed" }),
    approval_request: ({ call_id, reason, expires_at }) => Object.assign(of({ call_id }), { state: "waiting", approval: { reason, expires_at } }),
    approval: ({ call_id, decision, scope, note }) => {
      const call = of({ call_id });
      Object.assign(call, { state: "running", approval: { ...call.approval, decision, scope, note } });
    },
    question: ({ call_id, text, choices, allows_text }) => Object.assign(of({ call_id }), { state: "waiting", question: { text, choices, allows_text } }),
    agent_start: (data) => begin({ kind: "member", status: "", ...data }),
    agent_done: ({ agent, status }) => void (parts.find((part) => part.kind === "member" && part.agent === agent).status = status),
  };
  for (const [name, data] of events) handlers[name](data);
  const text = parts.map((part) => (part.kind === "text" && !part.agent ? part.text : "")).join("");
  return { text, parts };
}

const outline = (root) => [...root.children].map((each) => [each.className, each.querySelector("[data-part=thoughts], [data-part=tool-name], [data-part=agent-name]")?.textContent ?? each.textContent.trim()]);

test("parts stand in the order in which they began, those of a member inside its block", async () => {
  const { root, parts } = watch(EVENTS);
  parts.end("completed");
  await paint();

  assert.deepEqual(outline(root), [
    ["message__reasoning", "Let me see."],
    ["message__body markdown", "I look.a"],
    ["tool", "search"],
    ["message__body markdown", "Found 2."],
    ["message__reasoning", "Not enough."],
    ["tool", "search"],
    ["agent", "Ada"],
    ["agent", "Bob"],
    ["tool", "search"],
    ["tool", "search"],
    ["tool", "search"],
    ["message__body markdown", "Blue."],
  ]);
  const [ada, bob] = root.querySelectorAll(".agent__parts");
  assert.deepEqual(outline(ada), [["message__reasoning", "Hm. Hm."], ["message__body markdown", "two"], ["tool", "search"], ["message__body markdown", "four"]]);
  assert.deepEqual(outline(bob), [["message__body markdown", "one three"]]);
  assert.deepEqual([...root.querySelectorAll(".tool__state")].map((each) => each.textContent), ["2 results · 0.03 s", "Failed · 0 s", "0.01 s", "Not finished", "", "0 s"]);
  assert.deepEqual([...root.querySelectorAll(".tool__decision:not([hidden])")].map((each) => each.textContent), ["Denied: No.", "Your answer: a"]);
  assert.deepEqual([...root.querySelectorAll("[data-part=thinking-title]")].map((each) => each.textContent), ["Thought for 2 seconds", "Thoughts", "Thought for 1 second"]);
  assert.equal(parts.text, "I **look**.\n\n- a\nFound `2`. Blue.");
});

for (const status of ["completed", "stopped", "waiting"]) {
  for (let count = 1; count <= EVENTS.length; count += 1) {
    test(`cut after ${count} events and ${status}: saved as watched`, async () => {
      const live = watch(EVENTS.slice(0, count));
      await paint();
      live.parts.end(status);
      const message = saved(EVENTS.slice(0, count));
      const reloaded = { root: place() };
      new AnswerParts(reloaded.root).draw({ status, ...message });

      assert.equal(live.parts.text, message.text);
      assert.equal(await drawn(reloaded), await drawn(live));
    });
  }
}

for (let count = 1; count < EVENTS.length; count += 1) {
  test(`reloaded after ${count} events: as if watched from the beginning`, async () => {
    const watched = watch(EVENTS.slice(0, count));
    await paint();
    const reloaded = watch(merged(EVENTS.slice(0, count)));
    assert.equal(await drawn(reloaded), await drawn(watched));

    for (const [name, data] of EVENTS.slice(count)) {
      void watched.parts.hear(name, data);
      await paint();
    }
    for (const [name, data] of merged(EVENTS.slice(count))) void reloaded.parts.hear(name, data);
    assert.equal(await drawn(reloaded), await drawn(watched));
    for (const { parts } of [watched, reloaded]) parts.end("completed");
    assert.equal(await drawn(reloaded), await drawn(watched));
  });
}

for (const { name, events, parts } of JSON.parse(readFileSync(new URL("../../protocol/parts.json", import.meta.url), "utf8"))) {
  test(`saved as watched: ${name}`, async () => {
    const since = events.findLastIndex(([name]) => name === "reset") + 1;
    const live = watch(events.slice(since));
    live.parts.end("completed");
    const reloaded = { root: place() };
    new AnswerParts(reloaded.root).draw({ text: "", parts });
    assert.equal(await drawn(reloaded), await drawn(live));
  });
}

test("a plain answer is one text and nothing else", async () => {
  const { root, parts } = watch([["token", { text: "Hel" }], ["token", { text: "lo" }]]);
  parts.end("completed");
  const reloaded = { root: place() };
  new AnswerParts(reloaded.root).draw({ text: "Hello", parts: [] });
  assert.equal(await drawn({ root }), '<div class="message__body markdown" dir="ltr"><p dir="ltr">Hello</p></div>');
  assert.equal(await drawn(reloaded), await drawn({ root }));
});

test("what is said after the pace of a promise is painted when it resolves", async () => {
  const { root, parts } = watch([]);
  const painted = [["reasoning", { text: "Hm." }], ["token", { text: "Yes." }], ["token", { text: "x", agent: "a9" }]].map(([name, data]) => parts.hear(name, data));
  await Promise.all([Promise.all(painted), paint()]);
  assert.deepEqual(outline(root), [["message__reasoning", "Hm."], ["message__body markdown", "Yes."], ["agent", "a9"]]);
  assert.equal(root.querySelector(".agent .message__body").textContent, "x");
});

test("a saved call and member tell screen readers nothing, a live one what happens", async () => {
  const heard = [];
  for (const live of [true, false]) {
    const root = place();
    root.addEventListener("announce", ({ detail }) => heard.push(detail));
    const parts = new AnswerParts(root, { live });
    for (const [name, data] of EVENTS.slice(5, 13)) void parts.hear(name, data);
    parts.end("completed");
    await paint();
  }
  assert.deepEqual(heard, ["search is running", "search is done", "search is running", "search failed"]);
});

/** `count` thoughts, each followed by a text. */
const alternating = (count) => Array.from({ length: count }, (_, index) => [["reasoning", { text: `t${index} `, duration_ms: 4 }], ["token", { text: `w${index} ` }]]).flat();

test("a thousand parts are drawn one by one", async () => {
  const { root } = watch(alternating(500));
  await paint();
  assert.equal(root.children.length, 1_000);
});

test("beyond a thousand parts the answer is one thought, the calls, and one text, as it is saved", async () => {
  const calls = [["tool_start", CALL], ["tool_result", { ...CALL, result: "blue", duration_ms: 5 }]];
  const member = [["agent_start", { agent: "a1", name: "Ada" }], ["token", { text: "dropped", agent: "a1" }], ["reasoning", { text: "dropped", agent: "a1" }]];
  const later = [["tool_start", { ...CALL, call_id: "c9" }], ["token", { text: "dropped", agent: "a1" }]];
  const live = watch([...calls, ...member, ...alternating(600), ...later, ...alternating(3), ["agent_done", { agent: "a1", status: "completed" }]]);
  live.parts.end("completed");
  await paint();
  const words = (letter) => [...Array(600).keys(), 0, 1, 2].map((index) => `${letter}${index} `).join("");

  assert.deepEqual(outline(live.root), [["message__reasoning", words("t")], ["tool", "search"], ["agent", "Ada"], ["tool", "search"], ["message__body markdown", words("w").trim()]]);
  assert.equal(live.parts.text, words("w"));
  assert.equal(live.root.querySelector(".agent__parts").textContent, "");
  const reloaded = { root: place() };
  const text = words("w");
  const call = { kind: "tool_call", ...CALL, state: "done", items: [], result: "blue", message: "", duration_ms: 5 };
  new AnswerParts(reloaded.root).draw({
    text,
    parts: [
      { kind: "reasoning", text: words("t"), duration_ms: 603 * 4 },
      call,
      { kind: "member", agent: "a1", name: "Ada", status: "completed" },
      { ...call, call_id: "c9", state: "running", result: null, duration_ms: null },
      { kind: "text", text },
    ],
  });
  assert.equal(await drawn(reloaded), await drawn(live));
});

test("a thousand and more calls: the first ones, and the text", async () => {
  const { root } = watch([...Array.from({ length: 1_200 }, (_, index) => ["tool_start", { ...CALL, call_id: `c${index}` }]), ["token", { text: "Done." }]]);
  await paint();
  assert.equal(root.querySelectorAll(".tool").length, 998);
  assert.deepEqual(outline(root).at(-1), ["message__body markdown", "Done."]);
});
