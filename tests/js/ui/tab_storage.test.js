import assert from "node:assert/strict";
import { test } from "node:test";

import { leftByClosedTabs } from "../../../static/js/app/closed_tabs.js";
import { TabStorage } from "../../../static/js/ui/tab_storage.js";
import { BrowserStorage } from "../browser_storage.js";

/** More than enough for a page open in this process. */
const ANSWER_MS = 2_000;

/** A browser with open tabs. Each test has its own key, because the key names a channel. */
function browserOf(context, key) {
  const browser = new BrowserStorage();
  const open = (tab = new BrowserStorage()) => new TabStorage(key, { tab, browser });
  return {
    browser,
    open,
    /** An open tab that stores something; closed with the test at the latest. */
    keeping(text) {
      const storage = open();
      storage.setItem(key, text);
      context.after(() => storage.removeItem(key));
      return storage;
    },
    /** What a tab leaves when it is closed without cleanup. */
    closed(text) {
      const storage = open();
      storage.setItem(key, text);
      const left = { ...browser };
      storage.removeItem(key);
      Object.assign(browser, left);
    },
  };
}

test("a reload finds what its tab stored, and nothing of other tabs", (context) => {
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

test("the copies of closed tabs are found, those of open tabs are not", async (context) => {
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

test("without other copies, no page is asked", async (context) => {
  const { open } = browserOf(context, "nobody");
  context.mock.method(globalThis, "BroadcastChannel", () => assert.fail("no page can reply"));
  assert.deepEqual(await leftByClosedTabs(open(), ANSWER_MS), []);
});

test("a page that stores nothing leaves nothing behind and no longer replies", (context) => {
  const { browser, keeping } = browserOf(context, "nothing");
  keeping("answered").removeItem("nothing");
  assert.deepEqual({ ...browser }, {});
});

test("what a tab removes after a reload is gone for other pages, too", (context) => {
  const { browser, open } = browserOf(context, "removed");
  const tab = new BrowserStorage();
  const before = open(tab);
  before.setItem("removed", "mine");
  context.after(() => before.removeItem("removed"));

  open(tab).removeItem("removed");

  assert.deepEqual({ ...browser }, {});
  assert.deepEqual(open(tab).others, []);
});

test("what a tab replaces after two reloads is there once", (context) => {
  const { browser, open } = browserOf(context, "replaced");
  const tab = new BrowserStorage();
  const before = open(tab);
  before.setItem("replaced", "old");
  context.after(() => before.removeItem("replaced"));
  open(tab);
  const now = open(tab);

  now.setItem("replaced", "new");
  context.after(() => now.removeItem("replaced"));

  assert.deepEqual(Object.values(browser), ["new"]);
});

test("a duplicated tab does not remove what the original has stored since", (context) => {
  const { browser, open } = browserOf(context, "duplicate");
  const tab = new BrowserStorage();
  const original = open(tab);
  original.setItem("duplicate", "first");
  context.after(() => original.removeItem("duplicate"));
  const duplicate = open(Object.assign(new BrowserStorage(), tab));

  original.setItem("duplicate", "first and second");
  duplicate.removeItem("duplicate");

  assert.deepEqual(Object.values(browser), ["first and second"]);
});
