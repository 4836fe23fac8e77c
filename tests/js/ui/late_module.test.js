import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

/** @type {(() => void)[]} */
let idle = [];
let pages = 0;

beforeEach(() => {
  idle = [];
  globalThis.requestIdleCallback = (work) => idle.push(work);
});

afterEach(() => {
  delete globalThis.requestIdleCallback;
});

/** The module's state lives as long as a page. */
const newPage = () => import(`../../../static/js/ui/late_module.js?page=${(pages += 1)}`);

/** Runs promise callbacks. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A window with an active user. */
function windowWith(loadLateModules) {
  const page = new EventTarget();
  loadLateModules(page);
  page.dispatchEvent(new Event("pointermove"));
  return page;
}

async function idleTime() {
  idle.shift()?.();
  await settle();
}

/** Records what is requested; the first `fails` attempts find no network. */
function imported(asked, name, { fails = 0 } = {}) {
  return async () => {
    asked.push(name);
    if (asked.filter((each) => each === name).length <= fails) throw new TypeError("no network");
    return { name };
  };
}

test("modules are loaded one after another when the page is drawn, touched and idle", async () => {
  const { LateModule, loadLateModules } = await newPage();
  const asked = [];
  const [first, second] = ["first", "second"].map((name) => new LateModule(imported(asked, name)));

  await idleTime();
  assert.deepEqual(asked, []);

  const page = new EventTarget();
  loadLateModules(page);
  await idleTime();
  assert.deepEqual(asked, [], "no user is active");
  page.dispatchEvent(new Event("keydown"));
  assert.deepEqual(asked, []);
  await idleTime();
  assert.deepEqual(asked, ["first"]);
  assert.deepEqual([first.loaded, second.loaded], [{ name: "first" }, null]);
  await idleTime();
  assert.deepEqual(second.loaded, { name: "second" });
});

test("a requested module is loaded at once, and only once", async () => {
  const { LateModule, loadLateModules } = await newPage();
  const asked = [];
  const module = new LateModule(imported(asked, "it"));

  assert.deepEqual(await Promise.all([module.load(), module.load()]), [{ name: "it" }, { name: "it" }]);
  windowWith(loadLateModules);
  await idleTime();

  assert.deepEqual(asked, ["it"]);
});

test("a failed module does not block the others, and is retried when requested", async () => {
  const { LateModule, loadLateModules } = await newPage();
  const asked = [];
  const first = new LateModule(imported(asked, "first", { fails: 2 }));
  const second = new LateModule(imported(asked, "second"));

  windowWith(loadLateModules);
  await idleTime();
  await idleTime();
  assert.deepEqual([first.loaded, second.loaded], [null, { name: "second" }]);

  await assert.rejects(first.load(), /no network/);
  assert.deepEqual(await first.load(), { name: "first" });
});

test("a module created after the page was idle is still loaded by itself", async () => {
  const { LateModule, loadLateModules } = await newPage();
  windowWith(loadLateModules);
  await idleTime();

  const module = new LateModule(imported([], "it"));
  await idleTime();

  assert.deepEqual(module.loaded, { name: "it" });
});

test("a redrawn page does not load everything again", async () => {
  const { LateModule, loadLateModules } = await newPage();
  const asked = [];
  new LateModule(imported(asked, "it"));

  const page = windowWith(loadLateModules);
  loadLateModules(page);
  page.dispatchEvent(new Event("wheel"));
  for (let turn = 0; turn < 4; turn += 1) await idleTime();

  assert.deepEqual(asked, ["it"]);
});
