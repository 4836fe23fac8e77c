/** A call that asks the person: what is shown, what is sent, and what happens if it is refused. */

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { message as newMessage, paint, place, window } from "./answer_page.js";

import { ChatError } from "../../../static/js/client/errors.js";
import { AnswerParts } from "../../../static/js/message/answer_parts.js";
import { KINDS } from "../../../static/js/message/part_kinds.js";

mock.timers.enable({ apis: ["Date", "setTimeout"], now: Date.parse("2026-11-30T12:00:00Z") });
await KINDS.tool_call.code.load();

const CALL = { call_id: "c1", tool: "mail", title: "Send a mail", arguments: { to: "bob@example.org", text: "Hello" } };
const REQUEST = { ...CALL, reason: "side_effects", expires_at: "2026-12-07T12:00:00Z" };
const QUESTION = { call_id: "c1", tool: "ask_person", text: "Which one?", choices: ["Red", "Blue"], allows_text: true };

/** What the message has asked for: "message-decide", "message-read", "announce". @type {[string, any][]} */
let asked;
/** @type {any} */
let message;

beforeEach(renew);

function renew() {
  asked = [];
  message = newMessage();
  message.messageId = "m1";
  message.status = null;
  message.showStatus = (text) => (message.status = text);
  for (const type of ["message-decide", "message-read", "announce"]) message.addEventListener(type, ({ detail }) => asked.push([type, detail]));
}

/** An answer that ends with these events, and waits. */
async function waits(...events) {
  const parts = new AnswerParts(place(message), { live: true });
  for (const [name, data] of events) void parts.hear(name, data);
  parts.end("waiting");
  await paint();
  return parts;
}

const asks = (fields = {}) => [["tool_start", { ...CALL, ...fields }], ["approval_request", { ...REQUEST, ...fields }]];
const all = (selector) => [...message.querySelectorAll(selector)];
const one = (selector) => message.querySelector(selector);
const told = (part) => one(`[data-part=${part}]`).textContent;
const press = (choice, index = 0) => all(`[data-choice=${choice}]`)[index].click();
const decided = () => asked.filter(([type]) => type === "message-decide").map(([, detail]) => detail);
const refuse = (code) => decided().at(-1).failed(new ChatError({ code, message: "No." }));
const submit = () => one("form").dispatchEvent(new window.Event("submit", { bubbles: true, cancelable: true }));
const isOpen = (choice) => !one(`[data-choice=${choice}]`).disabled;

test("it shows what would be done, why the person is asked, and until when", async () => {
  await waits(...asks({ tool: "mcp:post/send_mail" }));

  assert.equal(told("asking-question"), "Allow “Send a mail”?");
  assert.equal(one("[role=group].asking").getAttribute("aria-label"), "Allow “Send a mail”?");
  assert.match(told("asking-why"), /^A tool of the server “post”\. This tool can change or send something\. You can decide until Dec 7, 2026/);
  assert.deepEqual(all("dt").map((each) => each.textContent), ["to", "text"]);
  assert.deepEqual(all("dd").map((each) => each.textContent), ["bob@example.org", "Hello"]);
  assert.equal(told("tool-state"), "Waiting for you");
  assert.equal(one(".tool").open, true);
  assert.deepEqual(asked.filter(([type]) => type === "announce").at(-1), ["announce", "Send a mail needs your permission."]);
});

for (const [choice, scope] of [["once", "once"], ["chat", "chat"]]) {
  test(`allowed: ${choice}`, async () => {
    await waits(...asks());
    press(choice);

    assert.deepEqual(decided().map((each) => each.decided), [{ type: "approve", message_id: "m1", decisions: [{ call_id: "c1", decision: "allow", scope }] }]);
    assert.ok(all(".asking button").every((button) => button.disabled));
    assert.equal(told("tool-state"), "Sending…");
  });
}

test("denied with a note that the model is told, or without", async () => {
  for (const [note, said] of [[" Not today. ", { note: "Not today." }], ["", {}]]) {
    renew();
    await waits(...asks());
    one("input").focus = () => {};
    press("deny");
    assert.equal(one("[data-part=asking-choices]").hidden, true);
    one("input").value = note;
    submit();

    assert.deepEqual(decided().map((each) => each.decided.decisions), [[{ call_id: "c1", decision: "deny", ...said }]]);
  }
});

test("several are sent together, once all are decided", async () => {
  await waits(...asks(), ...asks({ call_id: "c2", title: "Delete" }));
  assert.deepEqual(asked.filter(([type]) => type === "announce").at(-1), ["announce", "2 tools need your permission."]);
  press("once", 0);
  assert.deepEqual(decided(), []);
  assert.equal(all("[data-choice=once]")[0].getAttribute("aria-pressed"), "true");
  assert.match(told("asking-line"), /once you have decided about the other calls/);

  press("chat", 0);
  press("chat", 1);
  assert.deepEqual(decided().map((each) => each.decided.decisions), [
    [{ call_id: "c1", decision: "allow", scope: "chat" }, { call_id: "c2", decision: "allow", scope: "chat" }],
  ]);
});

test("all at once, if there are several", async () => {
  await waits(...asks());
  assert.equal(one("[data-choice=all]").hidden, true);
  renew();
  await waits(...asks({ call_id: "c3" }), ...asks({ call_id: "c2" }));
  assert.deepEqual(all("[data-choice=all]").map(({ hidden }) => hidden), [true, false]);
  press("all");

  assert.deepEqual(decided().at(-1).decided.decisions.map(({ call_id: id, scope }) => [id, scope]), [["c3", "once"], ["c2", "once"]]);
});

test("what was refused says why, and can be decided again", async () => {
  await waits(...asks());
  press("once");
  refuse("network");
  assert.equal(told("asking-line"), "The site cannot be reached.");
  assert.deepEqual(asked.at(-1), ["announce", "The site cannot be reached."]);
  assert.ok(isOpen("once") && isOpen("deny"));
  assert.equal(told("tool-state"), "Waiting for you");

  press("chat");
  assert.deepEqual(decided().at(-1).decided.decisions, [{ call_id: "c1", decision: "allow", scope: "chat" }]);
  refuse("discarded");
  assert.equal(told("asking-line"), "", "the person has taken it back");
});

test("if the answer that went on came to nothing, it can be decided again", async () => {
  await waits(...asks());
  press("once");
  message.dispatchEvent(new window.Event("message-reopen"));
  assert.ok(isOpen("once"));
  assert.equal(told("tool-state"), "Waiting for you");
});

for (const [code, line] of [["answered", "Answered elsewhere"], ["expired", "Not answered in time"], ["conflict", "Not answered"]]) {
  test(`${code}: it says so, without buttons`, async () => {
    await waits(...asks());
    press("once");
    refuse(code);

    assert.equal(told("tool-decision"), line);
    assert.equal(one("[data-part=tool-decision]").hidden, false);
    assert.equal(one(".asking"), null);
    assert.equal(message.status, "", "the message waits no more");
  });
}

test("one that has expired has no buttons, and one that expires loses them", async () => {
  await waits(...asks({ expires_at: "2026-11-30T11:59:59Z" }));
  assert.equal(told("tool-decision"), "Not answered in time");
  assert.equal(one(".asking"), null);

  renew();
  await waits(...asks({ expires_at: "2026-11-30T12:00:10Z" }));
  mock.timers.tick(9_999);
  assert.ok(isOpen("once"));
  mock.timers.tick(1);
  assert.equal(told("tool-decision"), "Not answered in time");
  assert.equal(one(".asking"), null);
});

test("nothing is allowed before the whole arguments could be read", async () => {
  await waits(...asks({ arguments: { text: "He…" }, arguments_truncated: true }));
  assert.deepEqual(["once", "chat", "deny"].map(isOpen), [false, false, true]);
  assert.equal(told("asking-line"), "Loading the complete arguments…");

  const read = () => asked.filter(([type]) => type === "message-read").at(-1)[1];
  read().failed(new ChatError({ code: "network", message: "No." }));
  await paint();
  assert.equal(told("asking-line"), "The site cannot be reached.");
  assert.deepEqual(["once", "again"].map(isOpen), [false, true]);
  press("again");
  read().read({ parts: [{ kind: "tool_call", call_id: "c1", arguments: { text: "Hello, all of it" } }] });
  await paint();

  assert.equal(one("dd").textContent, "Hello, all of it");
  assert.ok(isOpen("once"));
  assert.equal(one("[data-choice=again]").hidden, true);
});

test("a message that is gone does not tell the arguments", async () => {
  await waits(...asks({ arguments_truncated: true }));
  asked.find(([type]) => type === "message-read")[1].read(null);
  await paint();
  assert.equal(told("asking-line"), "The saved message could not be read.");
  assert.equal(isOpen("once"), false);
});

test("long texts are folded, not cut, and what cannot be seen is written out", async () => {
  await waits(...asks({ arguments: { long: "word ".repeat(200), hidden: "a\u202eb\u0007", list: [1, { x: null }], "\u202ekey": "" } }));

  const [long, hidden, list] = all("dd");
  assert.equal(long.querySelector(".asking__value").textContent, "word ".repeat(200));
  assert.ok(long.querySelector(".asking__value").hasAttribute("data-folded"));
  long.querySelector("button").click();
  assert.ok(!long.querySelector(".asking__value").hasAttribute("data-folded"));
  assert.equal(long.querySelector("button").textContent, "Show less");
  assert.equal(hidden.textContent, "a\\u{202e}b\\u{7}");
  assert.equal(list.textContent, '[\n  1,\n  {\n    "x": null\n  }\n]');
  assert.equal(all("dt").at(-1).textContent, "\\u{202e}key");
});

test("what was decided is said in the call's card", async () => {
  const decisions = [
    [{ decision: "allow", scope: "once" }, "Allowed once"],
    [{ decision: "allow", scope: "chat" }, "Allowed in this conversation"],
    [{ decision: "deny", scope: "once" }, "Denied"],
    [{ decision: "deny", scope: "once", note: "Not today." }, "Denied: Not today."],
  ];
  for (const [decision, line] of decisions) {
    renew();
    const parts = await waits(...asks());
    void parts.hear("approval", { ...CALL, ...decision });
    assert.equal(told("tool-decision"), line);
    assert.equal(one(".tool").dataset.state, "running");
    assert.equal(one(".tool").open, false);
    assert.equal(one(".asking"), null);
    if (decision.decision === "deny") void parts.hear("tool_error", { ...CALL, message: "The person said no.", code: "denied", duration_ms: 0 });
    else void parts.hear("tool_result", { ...CALL, result: "Sent.", duration_ms: 30 });
    assert.equal(told("tool-state"), decision.decision === "deny" ? "" : "0.03 s");
    assert.equal(told("tool-decision"), line);
  }
});

test("a question of the model: a choice, or another answer", async () => {
  await waits(["tool_start", { ...CALL, tool: "ask_person" }], ["question", QUESTION]);
  assert.equal(told("asking-question"), "Which one?");
  assert.deepEqual(asked.filter(([type]) => type === "announce").at(-1), ["announce", "The model asks you something."]);
  const [red, blue] = all("[data-part=asking-choices] button");
  assert.deepEqual([red.textContent, blue.textContent], ["Red", "Blue"]);
  blue.click();
  assert.deepEqual(decided().at(-1).decided, { type: "answer", message_id: "m1", call_id: "c1", text: "Blue" });
  assert.ok(all("fieldset").every((place) => place.disabled));

  refuse("server_error");
  assert.ok(all("fieldset").every((place) => !place.disabled));
  one("textarea").value = "  ";
  submit();
  one("textarea").value = " Green ";
  submit();
  assert.deepEqual(decided().slice(1).map((each) => each.decided.text), ["Green"]);
});

test("a question without a text field, and one without choices", async () => {
  await waits(["tool_start", CALL], ["question", { ...QUESTION, allows_text: false }]);
  assert.equal(one("textarea"), null);
  assert.deepEqual(all("fieldset").map(({ hidden }) => hidden), [false, true]);
  renew();
  await waits(["tool_start", CALL], ["question", { call_id: "c1", text: "Why?", choices: [], allows_text: false }]);
  assert.ok(one("textarea"));
  assert.deepEqual(all("fieldset").map(({ hidden }) => hidden), [true, false]);
});

test("the answer to a question is said in the call's card", async () => {
  const parts = await waits(["tool_start", CALL], ["question", QUESTION]);
  void parts.hear("tool_result", { ...CALL, result: "Blue", duration_ms: 0 });
  assert.equal(told("tool-decision"), "Your answer: Blue");
  assert.equal(one(".tool").dataset.state, "done");
});

test("an answer that did not end by waiting asks nothing", async () => {
  for (const status of ["stopped", "failed", "completed"]) {
    renew();
    const parts = new AnswerParts(place(message), { live: true });
    for (const [name, data] of asks()) void parts.hear(name, data);
    parts.end(status);
    await paint();
    assert.equal(told("tool-state"), "Not finished");
    assert.equal(one(".asking"), null);
  }
});

test("a saved answer asks the same, and tells screen readers nothing", async () => {
  const live = place(message);
  const parts = new AnswerParts(live, { live: true });
  for (const [name, data] of asks()) void parts.hear(name, data);
  parts.end("waiting");
  await paint();
  asked = [];
  const other = newMessage();
  other.addEventListener("announce", () => assert.fail("told"));
  const saved = place(other);
  const { reason, expires_at } = REQUEST;
  new AnswerParts(saved).draw({ status: "waiting", text: "", parts: [{ kind: "tool_call", state: "waiting", items: [], ...CALL, approval: { reason, expires_at } }] });
  await paint();

  assert.equal(saved.innerHTML, live.innerHTML);
});

test("a log that begins again draws the request once", async () => {
  const parts = await waits(...asks());
  parts.close();
  message.replaceChildren();
  await waits(...asks());
  press("once");
  assert.equal(decided().at(-1).decided.decisions.length, 1);
});
