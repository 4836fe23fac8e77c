/** A WebSocket class whose sockets the test drives; `sockets` lists every socket created. */
export function fakeWebSocket({ onSend = () => {}, onMake = () => {} } = {}) {
  return class FakeWebSocket extends EventTarget {
    static sockets = [];
    static get last() {
      return this.sockets.at(-1);
    }

    sent = [];
    closed = false;

    constructor(url, protocol) {
      super();
      this.url = url;
      this.protocol = protocol;
      FakeWebSocket.sockets.push(this);
      onMake(this);
    }

    send(text) {
      const frame = JSON.parse(text);
      this.sent.push(frame);
      onSend(this, frame);
    }

    close() {
      this.closed = true;
    }

    receive(frame) {
      this.receiveText(JSON.stringify(frame));
    }

    receiveText(data) {
      this.dispatchEvent(Object.assign(new Event("message"), { data }));
    }

    hello(fields = {}) {
      this.receive({ type: "hello", protocol: 1, user: { id: 1, username: "alice" }, window: 65536, heartbeat: 15, runs: [], ...fields });
    }

    end(code = 1006) {
      this.dispatchEvent(Object.assign(new Event("close"), { code }));
    }

    of(type) {
      return this.sent.filter((frame) => frame.type === type);
    }

    /** Replies to the last request of a type. */
    answer(type, fields = {}) {
      this.receive({ type: "ok", ref: this.of(type).at(-1).ref, ...fields });
    }

    refuse(type, fields) {
      this.receive({ type: "error", ref: this.of(type).at(-1).ref, message: "No.", retryable: false, ...fields });
    }
  };
}

export function fakeEventSource() {
  return class FakeEventSource extends EventTarget {
    static sources = [];
    static get last() {
      return this.sources.at(-1);
    }

    readyState = 0;

    constructor(url) {
      super();
      this.url = url;
      FakeEventSource.sources.push(this);
    }

    close() {
      this.readyState = 2;
    }

    receive(name, data) {
      this.dispatchEvent(Object.assign(new Event(name), { data: JSON.stringify(data) }));
    }

    fail(readyState) {
      this.readyState = readyState;
      this.dispatchEvent(new Event("error"));
    }
  };
}

/** A fetch that responds by `routes`: "METHOD /path" (without the query) → a function of the request. */
export function fakeFetch(routes) {
  const calls = [];
  const fetch = async (url, options = {}) => {
    const [path, query = ""] = url.split("?");
    const call = {
      method: options.method ?? "GET",
      path,
      query,
      headers: options.headers ?? {},
      body: options.body && JSON.parse(options.body),
      signal: options.signal,
    };
    calls.push(call);
    const route = routes[`${call.method} ${path}`];
    if (!route) throw new TypeError(`fetch failed: ${call.method} ${path}`);
    return await route(call);
  };
  return { fetch, calls, routes };
}

export function json(body, status = 200, headers = {}) {
  return new Response(body === null ? null : JSON.stringify(body), { status, headers });
}

/** A streamed body: the test pushes text, ends or breaks it; aborting the request breaks it too. */
export function streamed(signal) {
  let controller;
  const body = new ReadableStream({ start: (made) => (controller = made) });
  signal?.addEventListener("abort", () => controller.error(new DOMException("aborted", "AbortError")));
  return {
    response: new Response(body, { headers: { "Content-Type": "text/event-stream" } }),
    push: (text) => controller.enqueue(new TextEncoder().encode(text)),
    end: () => controller.close(),
    break: () => controller.error(new TypeError("terminated")),
  };
}

export function sse({ id, event, data }) {
  return `${id === null ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

export class MemoryStorage {
  items = new Map();
  getItem(key) {
    return this.items.get(key) ?? null;
  }
  setItem(key, value) {
    this.items.set(key, value);
  }
  removeItem(key) {
    this.items.delete(key);
  }
}

/** The same numbers in [0, 1) for the same seed (mulberry32). */
export function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
