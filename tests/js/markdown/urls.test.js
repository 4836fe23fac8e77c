import assert from "node:assert/strict";
import { test } from "node:test";

import { claimedOtherHost, linkTarget } from "../../../static/js/markdown/urls.js";

const LOCATION = "https://chat.example/c/0";
const CONVERSATION = "/c/0d9b2c1e-4f5a-4b6c-8d7e-9f0a1b2c3d4e";

test("web, mail, fragment and conversation links are allowed", () => {
  assert.deepEqual(linkTarget("https://a.example/x?y#z", LOCATION), { href: "https://a.example/x?y#z", host: "a.example", kind: "web" });
  assert.deepEqual(linkTarget("http://a.example:8080", LOCATION), { href: "http://a.example:8080/", host: "a.example:8080", kind: "web" });
  assert.deepEqual(linkTarget("mailto:a@b.example?subject=c", LOCATION), { href: "mailto:a@b.example?subject=c", host: "a@b.example", kind: "mail" });
  assert.deepEqual(linkTarget("#part", LOCATION), { href: "#part", host: "", kind: "fragment" });
  assert.deepEqual(linkTarget(CONVERSATION, LOCATION), { href: CONVERSATION, host: "", kind: "conversation" });
  assert.deepEqual(linkTarget(`https://chat.example${CONVERSATION}`, LOCATION), { href: CONVERSATION, host: "", kind: "conversation" });
});

test("every other scheme is refused", () => {
  const schemes = "javascript vbscript data file blob filesystem view-source intent ms-msdt ftp ws wss about chrome tel sms";
  for (const scheme of schemes.split(" ")) {
    for (const href of [`${scheme}:x`, `${scheme}://a.example/`, `${scheme.toUpperCase()}:x@y`]) assert.equal(linkTarget(href, LOCATION), null, href);
  }
});

test("userinfo is refused", () => {
  const hrefs = ["https://u@a.example", "https://u:p@a.example", "https://@a.example", "https://:@a.example", "//u@a.example", "https:u@a.example"];
  for (const href of hrefs) assert.equal(linkTarget(href, LOCATION), null, href);
  assert.equal(linkTarget("https://a.example/@user", LOCATION)?.kind, "web");
  assert.equal(linkTarget("https://a.example/?to=a@b.example", LOCATION)?.kind, "web");
});

test("control, invisible and direction characters, spaces and backslashes are refused", () => {
  for (const character of ["\0", "\x01", "\t", "\n", " ", "\x7f", "\x85", "\u200b", "\u202e", "\u2066", "\ufeff", "\\"]) {
    for (const href of [`${character}https://a.example`, `https://a.example/${character}`, `java${character}script:x`, `#${character}`]) {
      assert.equal(linkTarget(href, LOCATION), null, JSON.stringify(href));
    }
  }
});

test("links into this site are refused, except to conversations", () => {
  const hrefs = ["/accounts/logout/", "x", "./x", "../x", "?x", "", "https://chat.example/", "https://chat.example/admin/", "//chat.example/x", "/c/1", `${CONVERSATION}?next=/`, `${CONVERSATION}/x`, "/c/0/../../admin"];
  for (const href of hrefs) assert.equal(linkTarget(href, LOCATION), null, href);
});

test("links that only look absolute are refused", () => {
  for (const href of ["//a.example", "https:a.example", "https:/a.example", "https:", "https://", "http://[", "mailto:", "mailto:nobody"]) {
    assert.equal(linkTarget(href, LOCATION), null, href);
  }
});

test("hosts are shown in punycode", () => {
  assert.equal(linkTarget("https://\u0430pple.com", LOCATION)?.host, "xn--pple-43d.com");
});

test("without a page, relative links are refused and others work", () => {
  assert.equal(linkTarget("/c/x", ""), null);
  assert.equal(linkTarget("https://a.example", "")?.host, "a.example");
});

test("a text that names another host is detected", () => {
  const target = linkTarget("https://evil.example/x", LOCATION);
  const claims = {
    "https://bank.example": "bank.example",
    "http://bank.example/login": "bank.example",
    "log in at https://bank.example now": "bank.example",
    "bank.example": "bank.example",
    "www.bank.example/login": "www.bank.example",
    "BANK.example": "bank.example",
  };
  for (const [text, host] of Object.entries(claims)) assert.equal(claimedOtherHost(text, target), host, text);
});

test("a text that names the same host, a file or no host is accepted", () => {
  const target = linkTarget("https://www.good.example/x", LOCATION);
  for (const text of ["https://good.example/y", "www.good.example", "GOOD.example", "manage.py", "README.md", "see this", "e.g.", "1.5", "v2.0.1", "me@good.example", "see good.example."]) {
    assert.equal(claimedOtherHost(text, target), null, text);
  }
  assert.equal(claimedOtherHost("a.example", linkTarget("#a", LOCATION)), null);
});

test("a text that only resembles its destination is detected", () => {
  const web = linkTarget("https://evil.example/x", LOCATION);
  const mail = linkTarget("mailto:evil@example.org", LOCATION);
  const misleading = [
    ["support@bank.com", mail], ["write to support@bank.com now", mail], ["mailto:support@bank.com", mail], ["bank.com", mail],
    ["support@bank.com", web], ["https://bank.example@evil.example", web], ["https://evil.example https://bank.example", web],
    ["log in at bank.example", web], ["bank.example, your bank", web], ["bank\u200b.example", web], ["bank\u3002example", web],
    ["https://bank.example\u2215login.evil.example", web], ["evil.example bank.example", web],
    ["\u0430pple.com", linkTarget("https://\u0430pple.com", LOCATION)], ["https://\u0430pple.com", linkTarget("https://\u0430pple.com", LOCATION)],
    ["help@\u0430pple.com", linkTarget("mailto:help@\u0430pple.com", LOCATION)],
    ["support@bank.com", linkTarget("mailto:support@bank.com,evil@example.org", LOCATION)],
  ];
  for (const [text, target] of misleading) assert.notEqual(claimedOtherHost(text, target), null, text);
});

test("a text that names the mail address is accepted", () => {
  const target = linkTarget("mailto:Help@Good.example", LOCATION);
  for (const text of ["help@good.example", "Write to help@good.example.", "mail us", "good.example"]) assert.equal(claimedOtherHost(text, target), null, text);
});

test("a mail link has no recipients that the reader does not see", () => {
  assert.equal(linkTarget("mailto:a@b.example?bcc=c@d.example&subject=x&cc=e@f.example&to=g@h.example", LOCATION)?.href, "mailto:a@b.example?subject=x");
  assert.equal(linkTarget("mailto:a@\u0430pple.com", LOCATION)?.host, "a@xn--pple-43d.com");
});

test("an address that each use of its definition would repeat is refused if it is long", () => {
  assert.notEqual(linkTarget(`https://a.example/${"b".repeat(2_000)}`, LOCATION), null);
  assert.equal(linkTarget(`https://a.example/${"b".repeat(2_048)}`, LOCATION), null);
});

test("on a site below a path of its host, only conversations below that path are allowed", () => {
  for (const location of ["https://chat.example/ai/", "https://chat.example/ai/c/0"]) {
    assert.deepEqual(linkTarget(`/ai${CONVERSATION}`, location), { href: `/ai${CONVERSATION}`, host: "", kind: "conversation" });
    for (const href of [CONVERSATION, `/other${CONVERSATION}`, `/ai/ai${CONVERSATION}`]) assert.equal(linkTarget(href, location), null, href);
  }
  assert.equal(linkTarget(`/ai${CONVERSATION}`, LOCATION), null);
});
