import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { csrfToken } from "../../../static/js/ui/csrf.js";

afterEach(() => {
  // @ts-expect-error -- as before
  delete globalThis.document;
});

/**
 * @param {string} cookie
 * @param {string} [field] the token in a form of the page
 * @param {string} [csrfCookie] the cookie name set by the page
 */
function page(cookie, field, csrfCookie) {
  // @ts-expect-error -- only the part of a document that is used
  globalThis.document = { cookie, documentElement: { dataset: { csrfCookie } }, querySelector: () => (field === undefined ? null : { value: field }) };
}

test("the token comes from the cookie, whatever other cookies there are", () => {
  for (const cookie of ["csrftoken=abc", "theme=dark; csrftoken=abc", "csrftoken=abc; theme=dark", "xcsrftoken=no; csrftoken=abc"]) {
    page(cookie, "field");
    assert.equal(csrfToken(), "abc");
  }
});

test("the host-only cookie comes before one with the old name", () => {
  page("csrftoken=planted; __Host-csrftoken=abc", "field");
  assert.equal(csrfToken(), "abc");
  page("__Host-csrftoken=abc; csrftoken=planted", "field");
  assert.equal(csrfToken(), "abc");
});

test("without a cookie, the token comes from a form, and without a form there is none", () => {
  page("my-csrftoken=no; csrftoken=", "field");
  assert.equal(csrfToken(), "field");
  page("");
  assert.equal(csrfToken(), "");
});

test("if the page names its cookie, no other one counts", () => {
  for (const cookie of ["csrftoken=no; two_csrftoken=abc", "two_csrftoken=abc; one_csrftoken=no"]) {
    page(cookie, "field", "two_csrftoken");
    assert.equal(csrfToken(), "abc");
  }
  page("csrftoken=no", "field", "two_csrftoken");
  assert.equal(csrfToken(), "field");
});
