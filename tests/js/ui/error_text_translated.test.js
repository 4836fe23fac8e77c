import assert from "node:assert/strict";
import { test } from "node:test";

import { parseHTML } from "linkedom";

const { document } = parseHTML('<html><body><script id="translations" type="application/json"></script></body></html>');
const GERMAN = {
  "The site cannot do this right now. Try again in a moment.": "Das geht gerade nicht. Versuchen Sie es gleich noch einmal.",
  "The model did not start answering within {} seconds.": "Das Modell hat nicht innerhalb von {} Sekunden begonnen.",
  "The server refused it (status {}).": "Der Server hat es abgelehnt (Status {}).",
  "It says:": "Er sagt:",
  "Too many requests. Wait a moment, then try again.": "Zu viele Anfragen. Warten Sie einen Moment, und versuchen Sie es dann noch einmal.",
};
document.getElementById("translations").textContent = JSON.stringify({ language: "de", messages: GERMAN });
globalThis.document = document;
const { errorText } = await import("../../../static/js/ui/error_text.js");
const { failureText } = await import("../../../static/js/ui/failure_text.js");
// Loaded later on a page in another language.
await import("../../../static/js/ui/server_text.js");
await new Promise((resolve) => setImmediate(resolve));

const [LATER] = Object.values(GERMAN);
const TOO_MANY = GERMAN["Too many requests. Wait a moment, then try again."];
const SITE_BOUND = { code: "unavailable", message: "The site is writing as many answers as it can. Try again in a moment." };

test("on a translated page, an error whose details only the server knows is told by its code", () => {
  assert.equal(errorText(SITE_BOUND), LATER);
  assert.equal(errorText({ code: "too_many_requests", message: "You have too many connections open." }), TOO_MANY);
  assert.equal(failureText({ ...SITE_BOUND, retryable: true }).detail, LATER);
});

test("a code without a text keeps the server's sentence", () => {
  for (const code of ["bad_request", "brand_new", "toString"]) {
    assert.equal(errorText({ code, message: "Ask your administrator." }), "Ask your administrator.");
  }
});

test("a known sentence is translated, with its values and quotes", () => {
  const told = (message) => errorText({ code: "provider_unavailable", message });

  assert.equal(told("The model did not start answering within 60 seconds."), "Das Modell hat nicht innerhalb von 60 Sekunden begonnen.");
  assert.equal(told("The server refused it (status 418). It says: I am a $& teapot."), "Der Server hat es abgelehnt (Status 418). Er sagt: I am a $& teapot.");
  assert.equal(told("The model did not start answering within"), "The model did not start answering within");
  assert.equal(told("The model said nothing known. It says: x."), "The model said nothing known. It says: x.");
});
