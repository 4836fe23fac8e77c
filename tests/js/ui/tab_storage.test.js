import assert from "node:assert/strict";
import { test } from "node:test";

import { leftByClosedTabs } from "../../../static/js/app/closed_tabs.js";
import { TabStorage } from "../../../static/js/ui/tab_storage.js";
import { BrowserStorage } from "../browser_storage.js";

/** More than long enough for a page that is open in this process. */
const ANSWER_MS = 2_000;

/** A browser with tabs that are open, until they are closed. Each test has a key of its own: it names a channel. */
function browserOf(context, key) {
  const browser = new BrowserStorage();
  const open = (tab = new BrowserStorage()) => new TabStorage(key, { tab, browser });
  return {
    browser,
    open,
    /** An open tab that keeps something; it is closed with the test, at the latest. */
    keeping(text) {
      const storage = open();
      storage.setItem(key, text);
      context.after(() => storage.removeItem(key));
      return storage;
    },
    /** What a tab leaves that is closed without a word. */
    closed(text) {
      const storage = open();
      storage.setItem(key, text);
      const left = { ...browser };
      storage.removeItem(key);
      Object.assign(browser, left);
    },
  };
}

test("a reload finds what the tab has kept, and nothing of other tabs", (context) => {
  const { open, keeping } = browserOf(context, "reload");
  const tab = new BrowserStorage();
  const before = open(tab);
  before.setItem("reload", "mine");
  keeping("another's");

  assert.equal(open(tab).getItem("reload"), "mine");
  assert.equal(open().getItem("reload"), null);
  before.removeItem("reload");
  assert.equal(open(tab).getItem("reload"), null);
});

test("what a closed tab has left is found, and what open ones keep is not", async (context) => {
  const { browser, open, keeping, closed } = browserOf(context, "closed");
  closed("left");
  keeping("kept");
  browser.setItem("closed-elsewhere", "of another key");
  const here = open();
  assert.equal(here.others.length, 2);

  const names = await leftByClosedTabs(here, ANSWER_MS);

  assert.deepEqual(names.map((name) => browser.getItem(name)), ["left"]);
});

test("a page does not find its own copy", async (context) => {
  const { keeping } = browserOf(context, "own");
  assert.deepEqual(keeping("mine").others, []);
});

test("with no other copies nobody is asked", async (context) => {
  const { open } = browserOf(context, "nobody");
  context.mock.method(globalThis, "BroadcastChannel", () => assert.fail("nobody is there to answer"));
  assert.deepEqual(await leftByClosedTabs(open(), ANSWER_MS), []);
});

test("once a page keeps nothing, nothing of it is left and it answers no more", (context) => {
  const { browser, keeping } = browserOf(context, "nothing");
  keeping("answered").removeItem("nothing");
  assert.deepEqual({ ...browser }, {});
});
