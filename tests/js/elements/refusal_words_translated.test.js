import assert from "node:assert/strict";
import { test } from "node:test";

import { parseHTML } from "linkedom";

const { document } = parseHTML('<html><body><script id="catalogue" type="application/json"></script></body></html>');
const GERMAN = {
  "The site cannot do this right now. Try again in a moment.": "Das geht gerade nicht. Versuchen Sie es gleich noch einmal.",
  "Too many requests. Wait a moment, then try again.": "Zu viele Anfragen. Warten Sie einen Moment, und versuchen Sie es dann noch einmal.",
};
document.getElementById("catalogue").textContent = JSON.stringify({ language: "de", messages: GERMAN });
globalThis.document = document;
const { refusalWords } = await import("../../../static/js/elements/refusal_words.js");
const { failureWords } = await import("../../../static/js/elements/failure_words.js");

const [LATER, TOO_MANY] = Object.values(GERMAN);
const SITE_BOUND = { code: "unavailable", message: "The site is writing as many answers as it can. Try again in a moment." };

test("what only the server can tell apart is told by its code on a page of another language", () => {
  assert.equal(refusalWords(SITE_BOUND), LATER);
  assert.equal(refusalWords({ code: "too_many_requests", message: "You have too many connections open." }), TOO_MANY);
  assert.equal(failureWords({ ...SITE_BOUND, retryable: true }).detail, LATER);
});

test("a code without words keeps the server's sentence", () => {
  for (const code of ["bad_request", "brand_new", "toString"]) {
    assert.equal(refusalWords({ code, message: "Ask your administrator." }), "Ask your administrator.");
  }
});
