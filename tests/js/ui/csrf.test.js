import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { csrfToken } from "../../../static/js/ui/csrf.js";

afterEach(() => {
  // @ts-expect-error -- as before
  delete globalThis.document;
});

/**
 * @param {string} cookie
 * @param {string} [field] the token of a form in the page
 * @param {string} [csrfCookie] the name that the page gives
 */
function page(cookie, field, csrfCookie) {
  // @ts-expect-error -- as much of a document as is asked
  globalThis.document = { cookie, documentElement: { dataset: { csrfCookie } }, querySelector: () => (field === undefined ? null : { value: field }) };
}

test("the token is that of the cookie, whatever lies beside it", () => {
  for (const cookie of ["csrftoken=abc", "theme=dark; csrftoken=abc", "csrftoken=abc; theme=dark", "xcsrftoken=no; csrftoken=abc"]) {
    page(cookie, "field");
    assert.equal(csrfToken(), "abc");
  }
});

test("the cookie that only this host can set goes before one of the old name", () => {
  page("csrftoken=planted; __Host-csrftoken=abc", "field");
  assert.equal(csrfToken(), "abc");
  page("__Host-csrftoken=abc; csrftoken=planted", "field");
  assert.equal(csrfToken(), "abc");
});

test("without a cookie the token is that of a form, and without a form there is none", () => {
  page("my-csrftoken=no; csrftoken=", "field");
  assert.equal(csrfToken(), "field");
  page("");
  assert.equal(csrfToken(), "");
});

test("where the page names its cookie, no other one counts", () => {
  for (const cookie of ["csrftoken=no; two_csrftoken=abc", "two_csrftoken=abc; one_csrftoken=no"]) {
    page(cookie, "field", "two_csrftoken");
    assert.equal(csrfToken(), "abc");
  }
  page("csrftoken=no", "field", "two_csrftoken");
  assert.equal(csrfToken(), "field");
});
