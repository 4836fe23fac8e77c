// node node.js CLIENT URL TOKEN [PROMPT]: reads a stream to its end and prints what the client has handed out.
// With a prompt it is the POST that begins the run, else a GET of its events.
import { fetchEventSource } from "@microsoft/fetch-event-source";
import { EventSource } from "eventsource";
import ReconnectingEventSource from "reconnecting-eventsource";

const NAMES = ["ping", "start", "status", "token", "usage", "reset", "done", "error"];
const [client, url, token, prompt] = process.argv.slice(2);
const authorization = { Authorization: `Bearer ${token}` };

class SignedIn extends EventSource {
  constructor(address) {
    super(address, { fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...authorization } }) });
  }
}

/** As in a browser that has no more patience with a connection: it is for others to come back. */
class GivesUp extends SignedIn {
  constructor(address) {
    super(address);
    this.addEventListener("error", (event) => {
      if (event.data !== undefined) return;
      this.close();
      this.onerror(event);
    });
  }
}

/** @returns {Promise<[string, string][]>} */
function listen(source) {
  return new Promise((resolve) => {
    const read = [];
    const take = ({ type, data }) => {
      if (data === undefined) return; // The connection's own `error`.
      read.push([type, data]);
      if (type !== "done" && type !== "error") return;
      source.close();
      resolve(read);
    };
    for (const name of NAMES) source.addEventListener(name, take);
  });
}

async function post() {
  // It was written for browsers.
  Object.assign(globalThis, { window: globalThis, document: { removeEventListener: () => {} } });
  const read = [];
  await fetchEventSource(url, {
    method: "POST",
    headers: { ...authorization, "Content-Type": "application/json" },
    body: JSON.stringify({ text: prompt }),
    openWhenHidden: true,
    onmessage: ({ event, data }) => read.push([event, data]),
  });
  return read;
}

const clients = {
  "fetch-event-source": post,
  eventsource: () => listen(new SignedIn(url)),
  "reconnecting-eventsource": () => listen(new ReconnectingEventSource(url, { eventSourceClass: GivesUp, max_retry_time: 10 })),
};
process.stdout.write(JSON.stringify(await clients[client]()), () => process.exit(0));
