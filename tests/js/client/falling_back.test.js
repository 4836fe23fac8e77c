import assert from "node:assert/strict";
import test from "node:test";

import { collector, connected, event, fallenBack, rig } from "./chat_rig.js";
import { settle } from "./clock_by_hand.js";
import { json, sse, streamed } from "./fake_network.js";

const start = event(1, "start");
const noRuns = () => json({ items: [] });
const EVENTS = "GET /api/runs/run/events";

/** Streams of one run, one per request, driven by the test. */
function streams() {
  const made = [];
  const route = ({ signal, query }) => {
    made.push({ query, signal, ...streamed(signal) });
    return made.at(-1).response;
  };
  return { made, route };
}

test("two sockets in a row that close before hello lead to SSE, if HTTP works", async () => {
  const { client, WebSocket, clock, heard, calls } = rig({ routes: { "GET /api/runs": () => json({ items: [{ run_id: "run", cursor: "e.3" }] }) } });
  client.connect();
  WebSocket.last.end();
  assert.equal(client.state, "waiting");
  await clock.advance(500);

  WebSocket.last.end();
  await clock.advance(0);

  assert.deepEqual([client.state, client.transport], ["open", "sse"]);
  assert.equal(calls[0].query, "active=1");
  assert.deepEqual(heard.hello.map(({ user, runs }) => [user, runs[0].run_id]), [[null, "run"]]);
});

test("over HTTP, too, nothing is sent in another user's session", async () => {
  const somebodyElse = () => json({ error: { code: "another_user", message: "", retryable: false } }, 403);
  const { client, calls } = await fallenBack({ userId: 1, routes: { "POST /api/runs": somebodyElse } });
  let strangers = 0;
  client.addEventListener("stranger", () => (strangers += 1));

  await assert.rejects(client.send({ text: "For my eyes" }), { code: "closed" });

  assert.deepEqual(calls.map(({ headers }) => headers["X-User-Id"]), ["1", "1"]);
  assert.deepEqual([strangers, client.state], [1, "closed"]);
  assert.deepEqual(client.outbox.entries.map(({ text }) => text), ["For my eyes"], "the message is kept");
});

test("a socket that opens but has no hello within 5 seconds leads to SSE at once", async () => {
  const { client, WebSocket, clock } = rig({ routes: { "GET /api/runs": noRuns } });
  client.connect();
  await clock.advance(4_999);
  assert.equal(client.state, "connecting");

  await clock.advance(1);

  assert.equal(client.transport, "sse");
  assert.equal(WebSocket.last.closed, true);
});

test("an error without a close counts too", async () => {
  const { client, WebSocket, clock } = rig({ routes: { "GET /api/runs": noRuns } });
  client.connect();
  WebSocket.last.dispatchEvent(new Event("error"));
  await clock.advance(500);
  WebSocket.last.dispatchEvent(new Event("error"));
  await settle();

  assert.equal(client.transport, "sse");
});

test("a close code from the server proves that the socket got through", async () => {
  const { client, WebSocket } = rig({ routes: { "GET /api/runs": noRuns } });
  client.connect();
  for (let time = 0; time < 5; time += 1) {
    WebSocket.last.end(4412);
    await settle();
    client.wake();
  }

  assert.deepEqual([client.state, client.transport], ["connecting", "websocket"]);
  assert.equal(WebSocket.sockets.length, 6);
});

test("if HTTP does not work either, it waits and starts over", async () => {
  const { client, WebSocket, clock, routes } = rig();
  client.connect();
  for (let time = 0; time < 3; time += 1) {
    WebSocket.last.end();
    await settle();
    assert.equal(client.state, "waiting");
    client.wake();
  }

  routes["GET /api/runs"] = noRuns;
  WebSocket.last.end();
  await settle();
  assert.deepEqual([client.state, client.transport], ["open", "sse"]);
  await clock.advance(0);
});

test("an expired session ends it", async () => {
  const error = { code: "not_signed_in", message: "Sign in.", retryable: false };
  const { client, heard, clock } = await fallenBack({ routes: { "GET /api/runs": () => json({ error }, 401) } });

  assert.equal(client.state, "closed");
  assert.equal(heard.connection.at(-1).code, 4401);
  assert.equal(clock.pending, 0);
});

test("it sends and stops by POST, and follows with one stream per run", async () => {
  const { made, route } = streams();
  const { client, calls } = await fallenBack({
    routes: {
      "POST /api/runs": () => json({ run_id: "run", conversation_id: "c" }, 201),
      "POST /api/runs/run/stop": () => json({}, 202),
      [EVENTS]: route,
    },
  });
  const page = collector();

  const sent = await client.send({ text: "Hello", clientMessageId: "m-1" });
  const subscription = client.follow(sent.runId, page);
  await settle();
  const ping = 'event: ping\ndata: {"type":"ping","heartbeat":4}\n\n';
  made[0].push(`retry: 1000\n${ping}${sse(start)}${ping}${sse(event(5)).slice(0, 20)}`);
  await settle();
  made[0].push(sse(event(5)).slice(20));
  await client.stop("run");
  made[0].push(sse(event(6, "done")));
  await settle();

  assert.deepEqual(sent, { runId: "run", conversationId: "c", clientMessageId: "m-1", duplicate: false });
  assert.deepEqual(page.events, [start, event(5), event(6, "done")]);
  assert.equal(subscription.open, false);
  const post = calls.find(({ method }) => method === "POST");
  assert.deepEqual(post.body, { client_message_id: "m-1", text: "Hello" });
  assert.equal(post.headers["X-CSRFToken"], "csrf");
});

test("a POST with status 200 is a duplicate", async () => {
  const { client } = await fallenBack({ routes: { "POST /api/runs": () => json({ run_id: "run", conversation_id: "c" }) } });

  assert.equal((await client.send({ text: "Hello" })).duplicate, true);
});

test("a stream that ends, breaks or goes silent resumes at the cursor", async () => {
  const { made, route } = streams();
  const { client, clock } = await fallenBack({ routes: { [EVENTS]: route } });
  const page = collector();
  client.follow("run", { after: "e.0", ...page });
  await settle();
  made[0].push(sse(start));
  made[0].end();
  await settle();
  made[1].push(sse(event(4)));
  await settle();
  made[1].break();
  await clock.advance(1_000);
  made[2].push(sse(event(5)));
  await clock.advance(45_000);
  await clock.advance(1_000);
  made[3].push(sse(event(6, "done")));
  await settle();

  assert.deepEqual(made.map(({ query }) => query), ["after=e.0", "after=e.1", "after=e.4", "after=e.5"]);
  assert.equal(made[2].signal.aborted, true);
  assert.deepEqual(page.events.map(({ id }) => id), ["e.1", "e.4", "e.5", "e.6"]);
});

test("a stream may be silent for three heartbeats, as announced by the server", async () => {
  const { made, route } = streams();
  const { client, clock, EventSource } = await fallenBack({ routes: { [EVENTS]: route } });
  EventSource.last.receive("ping", { type: "ping", heartbeat: 600 });
  client.follow("run", collector());
  await settle();
  made[0].push('event: ping\ndata: {"type":"ping","heartbeat":60}\n\n');
  await settle();
  await clock.advance(179_000);
  assert.equal(made[0].signal.aborted, false);
  made[0].push('event: ping\ndata: {"type":"ping","heartbeat":10}\n\n');
  await settle();

  await clock.advance(30_000);

  assert.equal(made[0].signal.aborted, true);
});

test("notices may be silent for three heartbeats, as announced by the server", async () => {
  const { client, clock, EventSource } = await fallenBack();
  EventSource.last.receive("ping", { type: "ping", heartbeat: 60 });

  await clock.advance(179_000);
  assert.equal(EventSource.last.readyState, 0);
  await clock.advance(1_000);

  assert.notEqual(client.state, "open");
});

test("streams that bring nothing are requested less and less often", async () => {
  let requests = 0;
  const { client, clock } = await fallenBack({
    random: () => 1,
    routes: { [EVENTS]: () => ((requests += 1), new Response("", { headers: { "Content-Type": "text/event-stream" } })) },
  });
  client.follow("run", collector());

  await clock.advance(14_999);

  assert.equal(requests, 4);
  client.close();
});

test("a gap in a stream is repaired from the cursor", async () => {
  const { made, route } = streams();
  const { client, clock } = await fallenBack({ routes: { [EVENTS]: route } });
  const page = collector();
  client.follow("run", page);
  await settle();
  made[0].push(sse(start) + sse(event(3, "status")));
  await clock.advance(1_000);
  made[1].push(sse(event(2, "usage")) + sse(event(3, "status")));
  await settle();

  assert.deepEqual(made.map(({ query }) => query), ["", "after=e.1"]);
  assert.deepEqual(page.names(), ["start", "usage", "status"]);
});

test("204 means that the run ended at the cursor", async () => {
  const { client } = await fallenBack({ routes: { [EVENTS]: () => json(null, 204) } });
  const page = collector();

  const subscription = client.follow("run", { after: "e.9", ...page });
  await settle();

  assert.equal(subscription.open, false);
  assert.deepEqual(page.events, []);
});

test("a refused stream ends in an error event, a refused cursor in a restart", async () => {
  const refuse = (code, status) => json({ error: { code, message: "No.", retryable: false } }, status);
  const missing = await fallenBack({ routes: { [EVENTS]: () => refuse("not_found", 404) } });
  const page = collector();
  missing.client.follow("run", page);
  await settle();
  assert.equal(page.events[0].data.code, "not_found");

  const { made, route } = streams();
  const { client } = await fallenBack({ routes: { [EVENTS]: (call) => (call.query ? refuse("bad_cursor", 400) : route(call)) } });
  const other = collector();
  client.follow("run", { after: "e.9", ...other });
  await settle();
  made[0].push(sse(start));
  await settle();
  assert.deepEqual(other.names(), ["reset", "start"]);
});

test("a stream refused temporarily is requested again when the server says so", async () => {
  const { made, route } = streams();
  let busy = true;
  const error = { code: "busy", message: "Later.", retryable: true };
  const routes = { [EVENTS]: (call) => (busy ? json({ error }, 503, { "Retry-After": "5" }) : route(call)) };
  const { client, clock } = await fallenBack({ routes });
  client.follow("run", collector());
  await settle();
  busy = false;
  await clock.advance(4_999);
  assert.equal(made.length, 0);

  await clock.advance(1);

  assert.equal(made.length, 1);
});

test("the next bytes are read once the page has painted the last ones", async () => {
  let pulls = 0;
  const pull = (controller) => {
    pulls += 1;
    if (pulls > 50) return controller.close();
    return controller.enqueue(new TextEncoder().encode(sse(event(pulls, pulls === 1 ? "start" : "token"))));
  };
  const body = new ReadableStream({ pull }, { highWaterMark: 0 });
  const { client } = await fallenBack({ routes: { [EVENTS]: () => new Response(body) } });
  const paints = [];
  client.follow("run", { onEvents: () => new Promise((resolve) => paints.push(resolve)) });
  await settle();
  const ahead = pulls;
  await settle();
  assert.equal(paints.length, 1);
  assert.equal(pulls, ahead);

  paints[0]();
  await settle();

  assert.equal(paints.length, 2);
  assert.equal(pulls, ahead + 1);
  client.close();
});

test("at most three runs are streamed at a time; the others follow when one ends or is closed", async () => {
  const open = new Map();
  const routes = {};
  for (const id of ["a", "b", "c", "d", "e"]) {
    routes[`GET /api/runs/${id}/events`] = ({ signal }) => {
      open.set(id, streamed(signal));
      return open.get(id).response;
    };
  }
  const { client } = await fallenBack({ routes });
  const pages = Object.fromEntries(["a", "b", "c", "d", "e"].map((id) => [id, collector()]));
  const subscriptions = Object.fromEntries(Object.entries(pages).map(([id, page]) => [id, client.follow(id, page)]));
  await settle();
  assert.deepEqual([...open.keys()], ["a", "b", "c"]);

  open.get("b").push(sse(start) + sse(event(2, "done")));
  await settle();
  assert.deepEqual([...open.keys()], ["a", "b", "c", "d"]);

  subscriptions.a.close();
  await settle();
  assert.deepEqual([...open.keys()], ["a", "b", "c", "d", "e"]);
});

test("notices come by EventSource, and its failure is detected", async () => {
  const { client, EventSource, heard, clock } = await fallenBack();
  assert.equal(EventSource.last.url, "/api/events");
  EventSource.last.receive("notice", { kind: "run_started", run_id: "run" });
  EventSource.last.receive("ping", { stalled: ["run"] });
  EventSource.last.fail(0);
  assert.equal(client.state, "open", "it recovers by itself");

  EventSource.last.fail(2);
  await settle();
  assert.equal(client.state, "waiting");
  await clock.advance(1_000);

  assert.deepEqual([client.state, client.transport], ["open", "sse"]);
  assert.equal(EventSource.sources.length, 2);
  assert.deepEqual(heard.notice, [{ type: "notice", kind: "run_started", run_id: "run" }]);
  assert.deepEqual(heard.stalled, [{ runIds: ["run"] }]);
});

const tooMany = () =>
  json({ error: { code: "too_many_requests", message: "", retryable: true } }, 429, { "Retry-After": "20" });

test("with too many streams open, everything but the notices continues, and they are requested again when the server says so", async () => {
  const { client, clock, EventSource, calls, routes } = await fallenBack({ routes: { "GET /api/events": tooMany } });
  const sources = () => EventSource.sources.length;
  for (const made of [1, 2]) {
    EventSource.last.fail(2);
    await settle();
    await clock.advance(19_000);
    client.wake();
    assert.deepEqual([client.state, client.transport, sources()], ["open", "sse", made]);

    await clock.advance(1_000);
    assert.equal(sources(), made + 1);
  }
  assert.equal(calls.filter(({ path }) => path === "/api/events").length, 2);

  delete routes["GET /api/events"];
  EventSource.last.fail(2);
  await settle();
  assert.equal(client.state, "waiting", "any other reason is final");
});

test("a client closed while waiting for its notices requests nothing more", async () => {
  const { client, clock, EventSource } = await fallenBack({ routes: { "GET /api/events": tooMany } });
  EventSource.last.fail(2);
  client.close();
  await settle();
  await clock.advance(600_000);
  assert.equal(EventSource.sources.length, 1);
  assert.equal(clock.pending, 0);
});

test("an EventSource without a sign of life for 45 seconds is replaced", async () => {
  const { client, EventSource, clock } = await fallenBack();
  await clock.advance(40_000);
  EventSource.last.receive("ping", {});
  await clock.advance(44_999);
  assert.equal(EventSource.sources.length, 1);

  await clock.advance(1_001);

  assert.equal(EventSource.sources.length, 2);
  assert.equal(EventSource.sources[0].readyState, 2);
  client.close();
});

test("a send without a network is retried with the same id", async () => {
  const { client, clock, routes, calls } = await fallenBack();
  const sent = client.send({ text: "Hello", clientMessageId: "m-1" });
  await settle();
  assert.equal(client.state, "waiting");

  routes["POST /api/runs"] = () => json({ run_id: "run", conversation_id: "c" }, 201);
  await clock.advance(1_000);

  assert.equal((await sent).runId, "run");
  assert.deepEqual(calls.filter(({ method }) => method === "POST").map(({ body }) => body.client_message_id), ["m-1", "m-1"]);
});

for (const [when, act] of [
  ["every minute", ({ clock }) => clock.advance(60_000)],
  ["when woken", ({ client }) => client.wake()],
]) {
  test(`it tries the socket ${when} and switches back at hello, without a gap`, async () => {
    const { made, route } = streams();
    const setup = await fallenBack({ routes: { [EVENTS]: route } });
    const { client, WebSocket, EventSource, clock } = setup;
    const page = collector();
    client.follow("run", page);
    await settle();
    made[0].push(sse(start) + sse(event(4)));
    await settle();
    const keepAlive = () => EventSource.last.receive("ping", {});
    clock.setTimeout(keepAlive, 30_000);

    await act(setup);
    assert.equal(WebSocket.sockets.length, 2);
    assert.equal(client.transport, "sse");
    WebSocket.last.hello();

    assert.equal(client.transport, "websocket");
    assert.equal(EventSource.last.readyState, 2);
    assert.equal(made.at(-1).signal.aborted, true);
    assert.deepEqual(WebSocket.last.sent.map(({ type, after }) => [type, after]), [["subscribe", "e.4"]]);
    WebSocket.last.receive({ type: "events", frame: 1, run_id: "run", events: [event(9, "token"), event(10, "done")] });
    assert.deepEqual(page.events.map(({ id }) => id), ["e.1", "e.4", "e.9", "e.10"]);
  });
}

test("after a socket that had worked, the next one is tried soon: only the network was down", async () => {
  const { socket, client, WebSocket, clock } = connected({ routes: { "GET /api/runs": noRuns } });
  socket.end();
  await clock.advance(5_000);
  WebSocket.last.end();
  await clock.advance(5_000);
  WebSocket.last.end();
  await settle();
  assert.deepEqual([client.state, client.transport], ["open", "sse"]);
  const before = WebSocket.sockets.length;

  await clock.advance(5_000);
  assert.equal(WebSocket.sockets.length, before + 1);
  WebSocket.last.end();
  await settle();

  await clock.advance(10_000);
  assert.equal(WebSocket.sockets.length, before + 1, "now it does look blocked");
});

test("a socket that is still blocked changes nothing", async () => {
  const { client, WebSocket, EventSource, heard } = await fallenBack();
  const before = heard.connection.length;

  client.wake();
  WebSocket.last.end();
  client.wake();
  WebSocket.last.end();
  await settle();

  assert.deepEqual([client.state, client.transport], ["open", "sse"]);
  assert.equal(WebSocket.sockets.length, 3);
  assert.equal(EventSource.sources.length, 1);
  assert.equal(heard.connection.length, before);
});

test("a send in progress by POST is repeated on the socket, and gets one reply", async () => {
  const answers = [];
  const setup = await fallenBack({ routes: { "POST /api/runs": () => new Promise((resolve) => answers.push(resolve)) } });
  const { client, WebSocket } = setup;
  const sent = client.send({ text: "Hello", clientMessageId: "m-1" });
  await settle();
  client.wake();
  WebSocket.last.hello();

  assert.deepEqual(WebSocket.last.of("send").map(({ client_message_id }) => client_message_id), ["m-1"]);
  WebSocket.last.answer("send", { run_id: "run", conversation_id: "c", duplicate: true });
  answers[0](json({ run_id: "run", conversation_id: "c" }, 201));

  assert.equal((await sent).duplicate, true);
  await settle();
  assert.deepEqual(client.outbox.entries, []);
});

test("a run followed on the socket continues over SSE at its cursor", async () => {
  const { made, route } = streams();
  const { client, socket, WebSocket, clock } = connected({ routes: { "GET /api/runs": noRuns, [EVENTS]: route } });
  const page = collector();
  client.follow("run", page);
  socket.receive({ type: "events", frame: 1, run_id: "run", events: [start, event(8)] });

  socket.end();
  await clock.advance(500);
  WebSocket.last.end();
  await clock.advance(5_000);
  WebSocket.last.end();
  await settle();

  assert.equal(client.transport, "sse");
  assert.deepEqual(made.map(({ query }) => query), ["after=e.8"]);
});

test("whatever arrives during the switch is left to the socket", async () => {
  const { made, route } = streams();
  const { client, WebSocket } = await fallenBack({ routes: { [EVENTS]: route } });
  const page = collector();
  client.follow("run", page);
  await settle();
  made[0].push(sse(start));
  await settle();
  client.wake();

  made[0].push(sse(event(4)));
  WebSocket.last.hello();
  await settle();
  WebSocket.last.receive({ type: "events", frame: 1, run_id: "run", events: [event(9)] });

  assert.deepEqual(WebSocket.last.of("subscribe").map(({ after }) => after), ["e.1"]);
  assert.deepEqual(page.events.map(({ id }) => id), ["e.1", "e.9"]);
});

test("the code for plain HTTP is loaded on demand, and again if loading fails", async () => {
  const sse = await import("../../../static/js/client/sse_transport.js");
  let attempts = 0;
  const loadSse = async () => {
    attempts += 1;
    if (attempts === 1) throw new TypeError("no network");
    return sse;
  };
  const { client, clock } = rig({ loadSse, routes: { "GET /api/runs": noRuns } });
  client.connect();
  assert.equal(attempts, 0);

  await clock.advance(5_000);
  assert.deepEqual([attempts, client.state], [1, "waiting"]);

  await clock.advance(60_000);
  assert.deepEqual([client.state, client.transport], ["open", "sse"]);
});

test("a client closed while that code loads requests nothing more", async () => {
  const sse = await import("../../../static/js/client/sse_transport.js");
  let arrive = () => {};
  const loadSse = () => new Promise((resolve) => (arrive = () => resolve(sse)));
  const { client, clock, calls } = rig({ loadSse, routes: { "GET /api/runs": noRuns } });
  client.connect();
  await clock.advance(5_000);

  client.close();
  arrive();
  await settle();

  assert.deepEqual([client.state, calls.length], ["closed", 0]);
});
