import assert from "node:assert/strict";
import { after, before, test } from "node:test";

const QUESTION = { id: "q2", parent_id: "a1", role: "user", text: "Two?", client_message_id: "c2", siblings: ["q2"] };
const ANSWER = { id: "a2", parent_id: "q2", role: "assistant", text: "Two.", run_id: "r2", siblings: ["a2"] };
const BEFORE = [
  { id: "a1", parent_id: "q1", role: "assistant", text: "One.", run_id: "r1", siblings: ["a1"] },
  { id: "q1", parent_id: null, role: "user", text: "One?", client_message_id: "c1", siblings: ["q1"] },
];

let ConversationHistory;

before(async () => {
  // Only referenced by the code that would draw the messages: nothing is drawn here.
  globalThis.HTMLElement = class {};
  ({ ConversationHistory } = await import("../../../static/js/conversation/conversation_history.js"));
});

after(() => {
  delete globalThis.HTMLElement;
});

/**
 * An open conversation with two messages, to which two have been added on the server.
 *
 * @param {object} [of] its transcript
 * @param {object[]} [later] what is on the server then
 */
async function openHistory(of = {}, later = [ANSWER, QUESTION, ...BEFORE]) {
  let items = BEFORE;
  const added = [];
  const transcript = {
    messages: [],
    elementOf: () => null,
    open: () => null,
    setMore: () => {},
    addMessages: (...entries) => added.push(...entries.map(({ key }) => key)),
    ...of,
  };
  const client = {
    request: async (_, path) => (path.includes("/messages") ? { items, next: null, previous: null, leaf_id: items[0].id } : { id: "x" }),
  };
  const history = new ConversationHistory("x", { client, transcript, assistants: [], onConversation: () => {} });
  await history.load();
  items = later;
  return { history, added };
}

test("messages saved elsewhere are added", async () => {
  const { history, added } = await openHistory();

  await history.refresh(() => false);

  assert.deepEqual(added, ["q2", "a2"]);
  assert.equal(history.leaf, "a2");
});

test("messages drawn by a turn are not added again, whichever of its ids is known", async () => {
  for (const isDrawn of [({ run_id: runId }) => runId === "r2", ({ client_message_id: id }) => id === "c2"]) {
    const { history, added } = await openHistory();

    await history.refresh(isDrawn);

    assert.deepEqual(added, []);
    assert.equal(history.leaf, "a1");
  }
});

test("the answer that has continued the waiting one elsewhere takes its place", async () => {
  const waiting = { state: "waiting", parentId: "q1", versionId: "a1" };
  const continued = { ...ANSWER, parent_id: "q1", siblings: ["a2"] };
  for (const [siblings, shown] of [[["a2"], ["a2"]], [["a1", "a2"], []]]) {
    const cut = [];
    const replaced = [];
    const { history, added } = await openHistory({
      elementOf: (key) => (key === "a1" ? waiting : null),
      cutBelow: (parent) => cut.push(parent),
      replace: (before, change) => (replaced.push(before), change()),
    }, [{ ...continued, siblings }, BEFORE[1]]);

    await history.refresh(({ id }) => id === "q1");

    assert.deepEqual(added, shown, "another answer to the question is only one more version");
    assert.deepEqual([replaced, cut], shown.length ? [[waiting], ["q1"]] : [[], []]);
    assert.equal(history.leaf, shown[0] ?? "a1");
  }
});

test("messages replaced by another answer while in flight do not come back", async () => {
  const { history, added } = await openHistory({ cutBelow: () => [], entries: [] });
  const turn = { after: "q1", elements: [] };

  const refreshed = history.refresh(() => false);
  history.forkTo(turn);
  await refreshed;

  assert.deepEqual(added, []);
  assert.equal(history.leaf, "q1");
});
