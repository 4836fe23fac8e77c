import assert from "node:assert/strict";
import { test } from "node:test";

import { Drafts } from "../../../static/js/composer/drafts.js";
import { ToolsSwitch } from "../../../static/js/composer/tools_switch.js";
import { BrowserStorage } from "../browser_storage.js";

const SAVED = { tools: true };
const OFF = { tools: false };

/** A switch whose saving the test settles: `saves` has what was asked for, and how to answer it. */
function rig({ storage = new BrowserStorage(), offered = true } = {}) {
  const button = { hidden: true, title: "", pressed: "", setAttribute: (/** @type {string} */ _, /** @type {string} */ value) => (button.pressed = value) };
  /** @type {{ id: string, on: boolean, answer: () => Promise<void> }[]} */
  const saves = [];
  const save = (/** @type {string} */ id, /** @type {boolean} */ on) => {
    let resolve = () => {};
    const saved = /** @type {Promise<void>} */ (new Promise((done) => (resolve = () => done(undefined))));
    saves.push({ id, on, answer: () => (resolve(), saved) });
    return saved;
  };
  const assistant = { offered };
  const drafts = new Drafts(/** @type {any} */ (storage), 1);
  const tools = new ToolsSwitch(/** @type {any} */ (button), { drafts, isOffered: () => assistant.offered, save });
  return { tools, button, saves, drafts, storage, assistant };
}

test("it is shown if the assistant has tools, and says whether they are on", () => {
  const { tools, button, assistant } = rig({ offered: false });
  tools.open(null);
  assert.equal(button.hidden, true);

  assistant.offered = true;
  tools.draw();
  assert.deepEqual([button.hidden, button.title, button.pressed], [false, "Tools on", "true"]);

  tools.toggle();
  assert.deepEqual([button.title, button.pressed], ["Tools off", "false"]);
});

test("unless something was chosen, a message says nothing of tools", () => {
  const { tools } = rig();
  tools.open(null);
  assert.equal(tools.told, null);

  tools.open("a");
  tools.show(OFF);
  assert.equal(tools.told, null);
});

test("what is chosen for a new conversation goes out with its first message, and moves to it", () => {
  const { tools, button, saves, drafts } = rig();
  tools.open(null);
  tools.toggle();
  assert.equal(tools.told, false);

  tools.identify("a");
  assert.deepEqual([drafts.tools(null), drafts.tools("a"), tools.told], [null, false, false]);
  tools.show({ provisional: true });
  assert.equal(button.pressed, "false");

  tools.show({ tools: false, provisional: true });
  assert.deepEqual([drafts.tools("a"), button.pressed, saves.length], [null, "false", 0]);
  // The server may have lost the message.
  assert.equal(tools.told, false);

  tools.show(OFF);
  assert.deepEqual([tools.told, button.pressed, saves.length], [null, "false", 0]);
});

test("it survives a reload before the first message", () => {
  const { tools, storage } = rig();
  tools.open(null);
  tools.toggle();

  const again = rig({ storage });
  again.tools.open(null);
  assert.deepEqual([again.button.pressed, again.tools.told], ["false", false]);
  again.tools.open("a");
  assert.equal(again.button.pressed, "true");
});

test("what is chosen while the first answer is written is saved as soon as the conversation is", async () => {
  const { tools, button, saves, drafts } = rig();
  tools.open("a");
  tools.show({ tools: true, provisional: true });
  tools.toggle();
  assert.deepEqual([saves.length, tools.told, drafts.tools("a")], [0, false, false]);

  tools.show(SAVED);
  assert.deepEqual([saves[0].id, saves[0].on, button.pressed], ["a", false, "false"]);
  tools.show(OFF);
  await saves[0].answer();
  assert.deepEqual([saves.length, tools.told, button.pressed, drafts.tools("a")], [1, null, "false", null]);
});

test("in a saved conversation it is saved at once, and shown before", async () => {
  const { tools, button, saves, drafts } = rig();
  tools.open("a");
  tools.show(SAVED);

  tools.toggle();
  assert.deepEqual([saves[0].id, saves[0].on, button.pressed], ["a", false, "false"]);
  // A message that overtakes it says so itself.
  assert.equal(tools.told, false);
  assert.equal(drafts.tools("a"), null);

  tools.show(OFF);
  assert.deepEqual([tools.told, button.pressed], [null, "false"]);
  await saves[0].answer();
  assert.deepEqual([saves.length, button.pressed], [1, "false"]);
});

test("what is refused is reverted", async () => {
  const { tools, button, saves } = rig();
  tools.open("a");
  tools.show(SAVED);
  tools.toggle();

  await saves[0].answer();

  assert.deepEqual([saves.length, tools.told, button.pressed], [1, null, "true"]);
});

test("the last choice counts, and one is saved after another", async () => {
  const { tools, button, saves } = rig();
  tools.open("a");
  tools.show(SAVED);
  tools.toggle();
  tools.toggle();
  assert.deepEqual([saves.length, button.pressed], [1, "true"]);

  tools.show(OFF);
  assert.equal(saves.length, 1);
  await saves[0].answer();
  assert.deepEqual([saves.length, saves[1].on, button.pressed], [2, true, "true"]);
  tools.show(SAVED);
  await saves[1].answer();
  assert.deepEqual([saves.length, tools.told, button.pressed], [2, null, "true"]);
});

test("what another tab chose is shown", () => {
  const { tools, button, saves } = rig();
  tools.open("a");
  tools.show(SAVED);

  tools.show(OFF);

  assert.deepEqual([button.pressed, tools.told, saves.length], ["false", null, 0]);
});

test("for a new conversation, too, but what it has used up stays chosen here", () => {
  const { tools, button, drafts } = rig();
  tools.open(null);

  drafts.chooseTools(null, false);
  tools.readAgain();
  assert.equal(button.pressed, "false");

  drafts.chooseTools(null, null);
  tools.readAgain();
  tools.show(null);
  assert.deepEqual([button.pressed, tools.told, drafts.tools(null)], ["false", false, null]);
});

test("a choice for another conversation is none for this one", async () => {
  const { tools, button, saves } = rig();
  tools.open("a");
  tools.show(SAVED);
  tools.toggle();

  tools.open("b");
  tools.show(SAVED);
  assert.equal(button.pressed, "true");
  tools.toggle();
  await saves[0].answer();
  assert.deepEqual([saves.map(({ id }) => id), tools.told, button.pressed], [["a", "b"], false, "false"]);
});
