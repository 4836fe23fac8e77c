/** The page tells the parts of an answer apart as chat/protocol/parts.py does: on the same fixtures. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { unfold } from "../../../static/js/message/part_kinds.js";
import { PartOrder } from "../../../static/js/message/part_order.js";

const FIXTURES = JSON.parse(readFileSync(new URL("../../protocol/parts.json", import.meta.url), "utf8"));
const SAID = ["kind", "agent", "text", "call_id"];

/** The parts that these events say: their order, whose they are, and their texts. */
function folded(events) {
  let parts = [];
  const order = () =>
    new PartOrder((kind, { agent = "", call_id }) => {
      parts.push({ kind, agent, ...(call_id && { call_id }), ...(["text", "reasoning"].includes(kind) && { text: "" }) });
      return parts.at(-1);
    });
  let sequence = order();
  for (const [name, data] of events) {
    if (name === "reset") [parts, sequence] = [[], order()];
    const part = sequence.partOf(name, data);
    if (part && "text" in part) part.text += data.text;
  }
  return parts;
}

/** What `folded` says of a part. */
const brief = (part) => Object.fromEntries(Object.entries({ agent: "", ...part }).filter(([name]) => SAID.includes(name)));

for (const { name, events, parts, unfolded } of FIXTURES) {
  test(`as events: ${name}`, () => assert.deepEqual(JSON.parse(JSON.stringify(unfold(parts))), unfolded));
  test(`as parts: ${name}`, () => assert.deepEqual(folded(events), parts.map(brief)));
  test(`as parts again: ${name}`, () => assert.deepEqual(folded(unfolded), parts.map(brief)));
}

test("a kind of tomorrow, and one named as every object's property, say nothing", () => {
  assert.deepEqual(unfold([{ kind: "hologram", text: "x" }, { kind: "toString" }, { kind: "text", text: "Hi" }]), [["token", { text: "Hi" }]]);
});

test("an event of tomorrow, and the end of a call that never began, belong to no part", () => {
  const order = new PartOrder(() => assert.fail("a part was begun"));
  for (const name of ["hologram", "toString", "tool_result", "agent_done", "status"]) assert.equal(order.partOf(name, { call_id: "c", agent: "a" }), undefined);
});
