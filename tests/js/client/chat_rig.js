import { ChatClient } from "../../../static/js/client/chat_client.js";
import * as sse from "../../../static/js/client/sse_transport.js";
import { ClockByHand } from "./clock_by_hand.js";
import { fakeEventSource, fakeFetch, fakeWebSocket, json } from "./fake_network.js";

/** A client whose surroundings the test controls. HTTP is unreachable unless there are routes. */
export function rig({ routes = {}, random = () => 0.1, storage = null, timeZone = () => "", ...options } = {}) {
  const clock = new ClockByHand();
  const WebSocket = fakeWebSocket();
  const EventSource = fakeEventSource();
  const network = fakeFetch(routes);
  const client = new ChatClient({
    socketUrl: "ws://chat.test/ws/chat",
    csrfToken: () => "csrf",
    WebSocket,
    EventSource,
    loadSse: async () => sse,
    fetch: network.fetch,
    storage,
    timeZone,
    clock,
    random,
    ...options,
  });
  const heard = { connection: [], hello: [], notice: [], stalled: [] };
  for (const name of Object.keys(heard)) client.addEventListener(name, ({ detail }) => heard[name].push(detail));
  return { client, clock, WebSocket, EventSource, heard, calls: network.calls, routes };
}

export function connected(options) {
  const made = rig(options);
  made.client.connect();
  made.WebSocket.last.hello();
  return { ...made, socket: made.WebSocket.last };
}

/** A client that has fallen back to SSE. */
export async function fallenBack({ routes = {}, ...options } = {}) {
  const made = rig({ routes: { "GET /api/runs": () => json({ items: [] }), ...routes }, ...options });
  made.client.connect();
  await made.clock.advance(5_000);
  return made;
}

export function collector() {
  const events = [];
  return { events, names: () => events.map(({ event }) => event), onEvents: (batch) => void events.push(...batch) };
}

export function event(id, name = "token", data = { text: String(id) }) {
  return { id: `e.${id}`, event: name, data };
}
