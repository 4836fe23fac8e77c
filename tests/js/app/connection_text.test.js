import assert from "node:assert/strict";
import { test } from "node:test";

import { connectionText as words } from "../../../static/js/app/connection_text.js";

const LOST_AT = 1_000_000;

/** @param {Parameters<typeof words>[0]} connection @param {number} now */
function connectionText(connection, now, online = true) {
  return words(connection, { now, online });
}

/** @param {Partial<import("../../../static/js/client/connection.js").ConnectionDetail>} fields */
function detail(fields) {
  return /** @type {const} */ ({ state: "waiting", transport: "websocket", retryInMs: 500, since: LOST_AT, code: null, wasOpen: true, draining: false, ...fields });
}

test("an open socket shows nothing", () => {
  assert.equal(connectionText(detail({ state: "open" }), LOST_AT).text, "");
});

test("plain HTTP is mentioned unobtrusively", () => {
  const words = connectionText(detail({ state: "open", transport: "sse" }), LOST_AT);

  assert.equal(words.text, "Live connection blocked – using plain HTTP");
  assert.equal(words.tone, "quiet");
});

test("a lost connection is shown after five seconds, not at once", () => {
  assert.deepEqual(connectionText(detail({}), LOST_AT + 2_000), { text: "", tone: "plain", action: null, inMs: 3_000 });
  assert.match(connectionText(detail({}), LOST_AT + 5_000).text, /^No connection/);
  assert.match(connectionText(detail({ state: "connecting" }), LOST_AT + 60_000).text, /^No connection/);
});

test("it names the problem and offers to retry now where that may help", () => {
  const later = LOST_AT + 5_000;

  assert.match(connectionText(detail({ wasOpen: false, state: "connecting" }), later).text, /^Still connecting/);
  assert.match(connectionText(detail({ draining: true }), later).text, /^The server is restarting/);
  assert.equal(connectionText(detail({}), later).action, "retry");
  assert.match(connectionText(detail({ draining: true }), later, false).text, /^You are offline/);
  assert.equal(connectionText(detail({}), later, false).action, null);
});

test("a signed-out user is led to the sign-in page", () => {
  assert.equal(connectionText(detail({ state: "closed", code: 4401 }), LOST_AT).action, "login");
});

test("an outdated page asks to be reloaded", () => {
  assert.equal(connectionText(detail({ state: "closed", code: 4400 }), LOST_AT).action, "reload");
});

test("a page that closes its own connection says nothing", () => {
  assert.equal(connectionText(detail({ state: "closed" }), LOST_AT).text, "");
});
