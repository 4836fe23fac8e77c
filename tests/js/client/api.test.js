import assert from "node:assert/strict";
import test from "node:test";

import { rig } from "./chat_rig.js";
import { json } from "./fake_network.js";

test("it sends requests below the API's address and decodes the response", async () => {
  const { client, calls } = rig({ apiUrl: "/deep/api", routes: { "GET /deep/api/runs": () => json({ items: [] }) } });

  assert.deepEqual(await client.request("GET", "/runs?active=1"), { items: [] });

  assert.deepEqual(calls.map(({ query, body }) => [query, body]), [["active=1", undefined]]);
  assert.equal("X-CSRFToken" in calls[0].headers, false);
});

test("an unsafe request carries the current token and JSON", async () => {
  const tokens = ["one", "two"];
  const { client, calls } = rig({ csrfToken: () => tokens.shift(), routes: { "PATCH /api/conversations/c": () => json({ id: "c" }) } });

  await client.request("PATCH", "/conversations/c", { title: "T" });
  await client.request("PATCH", "/conversations/c", { title: "T" });

  assert.deepEqual(calls.map(({ headers }) => headers["X-CSRFToken"]), ["one", "two"]);
  assert.equal(calls[0].headers["Content-Type"], "application/json");
  assert.deepEqual(calls[0].body, { title: "T" });
});

test("no content is null", async () => {
  const { client } = rig({ routes: { "DELETE /api/conversations/c": () => json(null, 204) } });

  assert.equal(await client.request("DELETE", "/conversations/c"), null);
});

test("the server's error is thrown with its status and Retry-After", async () => {
  const error = { code: "rate_limited", message: "Slower.", retryable: true };
  const { client } = rig({ routes: { "GET /api/x": () => json({ error }, 429, { "Retry-After": "9" }) } });

  await assert.rejects(client.request("GET", "/x"), { ...error, name: "ChatError", status: 429, retryAfter: 9 });
});

for (const [what, answer, expected] of [
  ["a proxy's error page", () => new Response("<html>", { status: 502 }), { code: "no_server", retryable: true, status: 502 }],
  ["a page that is not JSON", () => new Response("<html>"), { code: "bad_response", retryable: false }],
  ["an error without a body", () => new Response(null, { status: 500 }), { code: "bad_response", retryable: true }],
  ["an error in another format", () => json({ error: "no" }, 400), { code: "bad_response", retryable: false }],
  ["a 401 from elsewhere", () => new Response("", { status: 401 }), { code: "not_signed_in" }],
  ["no network", () => Promise.reject(new TypeError("fetch failed")), { code: "network", retryable: true }],
]) {
  test(`${what} is a ChatError`, async () => {
    const { client } = rig({ routes: { "GET /api/x": answer } });

    await assert.rejects(client.request("GET", "/x"), { name: "ChatError", ...expected });
  });
}

test("it times out after 30 seconds", async () => {
  const hang = ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const { client, clock } = rig({ routes: { "GET /api/x": hang } });
  const asked = assert.rejects(client.request("GET", "/x"), { code: "no_answer", retryable: true });

  await clock.advance(30_000);

  await asked;
  assert.equal(clock.pending, 0);
});

test("a preloaded response serves the first GET of its path, and no other request", async () => {
  const routes = { "GET /api/conversations": () => json({ items: ["new"] }), "PATCH /api/conversations": () => json(null, 204) };
  const { client, calls } = rig({ answers: { "/conversations": { items: ["old"] } }, routes });

  assert.equal(await client.request("PATCH", "/conversations", {}), null);
  assert.deepEqual(await client.request("GET", "/conversations"), { items: ["old"] });
  assert.deepEqual(calls.map(({ method }) => method), ["PATCH"]);

  assert.deepEqual(await client.request("GET", "/conversations"), { items: ["new"] });
});
