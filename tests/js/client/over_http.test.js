import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { ChatClient } from "../../../static/js/client/chat_client.js";
import { fakeEventSource, fakeWebSocket } from "./fake_network.js";

const TOKENS = Array.from({ length: 400 }, (_, index) => `⟨${index}⟩ Grüße 👋🏽 `);
const LOG = [
  ["start", { run_id: "run" }],
  ...TOKENS.map((text) => ["token", { text }]),
  ["done", { status: "completed" }],
];
const STREAM_HEADERS = { "Content-Type": "text/event-stream", "Cache-Control": "no-cache, no-transform" };

let server;
let url;
let requests;
let left;
let leave;

before(async () => {
  requests = [];
  left = new Promise((resolve) => (leave = resolve));
  server = createServer((request, response) => answer(request, response));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${server.address().port}/api`;
});

after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function answer(request, response) {
  const { pathname, searchParams } = new URL(request.url, url);
  requests.push({ method: request.method, path: pathname, after: searchParams.get("after"), csrf: request.headers["x-csrftoken"] });
  if (pathname === "/api/runs/run/events") return stream(response, Number(searchParams.get("after")?.split(".")[1] ?? 0));
  if (pathname === "/api/runs/endless/events") {
    response.on("close", leave);
    response.writeHead(200, STREAM_HEADERS);
    return response.write("id: e.1\nevent: start\ndata: {}\n\n");
  }
  if (request.method === "GET") return reply(response, 200, { items: [] });
  let body = "";
  for await (const chunk of request) body += chunk;
  const { client_message_id: id } = JSON.parse(body || "{}");
  if (pathname === "/api/runs") return reply(response, 201, { run_id: "run", conversation_id: "c", id });
  return reply(response, 404, { error: { code: "not_found", message: "Nothing here.", retryable: false } });
}

function reply(response, status, body) {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
}

/** Sends the log in chunks of 7 bytes; every 30 kB the connection is cut, wherever it is. */
async function stream(response, from) {
  response.writeHead(200, STREAM_HEADERS);
  const text = LOG.slice(from).map(([event, data], index) => `id: e.${from + index + 1}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const bytes = Buffer.from(`retry: 1000\n\n${text.join("")}`);
  for (let at = 0; at < bytes.length; at += 7) {
    response.write(bytes.subarray(at, at + 7));
    if (at > 0 && at % 700 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (at >= 10_000) return response.destroy();
  }
  response.end();
}

function blockedSockets() {
  return fakeWebSocket({ onMake: (socket) => setImmediate(() => socket.end(1006)) });
}

test("over real HTTP, cut again and again, the answer is complete", async () => {
  const client = new ChatClient({
    socketUrl: "ws://127.0.0.1/ws/chat",
    apiUrl: url,
    csrfToken: () => "csrf",
    WebSocket: blockedSockets(),
    EventSource: fakeEventSource(),
    random: () => 0,
  });
  client.connect();
  const { runId } = await client.send({ text: "Hello" });
  const events = [];
  await new Promise((resolve) => {
    client.follow(runId, {
      onEvents: (batch) => {
        events.push(...batch);
        if (batch.some(({ event }) => event === "done")) resolve();
      },
    });
  });
  client.close();

  assert.deepEqual(events.map(({ event, data }) => [event, data]), LOG);
  assert.deepEqual(events.map(({ id }) => id), LOG.map((_, index) => `e.${index + 1}`));
  const streams = requests.filter(({ path }) => path.endsWith("/events"));
  assert.ok(streams.length > 2, "it was cut");
  assert.equal(new Set(streams.map(({ after: cursor }) => cursor)).size, streams.length, "each request starts further on");
  assert.equal(requests.find(({ method }) => method === "POST").csrf, "csrf");
});

test("leaving a run midway closes its connection", async () => {
  const client = new ChatClient({
    socketUrl: "ws://127.0.0.1/ws/chat",
    apiUrl: url,
    WebSocket: blockedSockets(),
    EventSource: fakeEventSource(),
    random: () => 0,
  });
  client.connect();
  const first = await new Promise((resolve) => {
    const subscription = client.follow("endless", { onEvents: (events) => (subscription.close(), resolve(events)) });
  });
  await left;

  await assert.rejects(client.request("POST", "/nothing", {}), { code: "not_found", status: 404 });
  client.close();

  assert.deepEqual(first.map(({ event }) => event), ["start"]);
  assert.equal(requests.filter(({ path }) => path.includes("endless")).length, 1, "it is not requested again");
});
