import { json } from "./fake_network.js";

const HEAD = "start";

/**
 * A server that keeps the protocol on a network that does not: it merges at will, repeats frames, restarts feeds,
 * loses frames detectably, and cuts connections at any byte. A single `random` decides everything.
 */
export class ModelServer {
  /** client_message_id → run */
  runs = new Map();
  #random;
  #runLength;
  /** socket → { feeds: Map<runId, seq>, frame } */
  #sockets = new Map();

  constructor({ random, runLength = 60 }) {
    this.#random = random;
    this.#runLength = runLength;
  }

  chance(probability) {
    return this.#random() < probability;
  }

  run(id) {
    return [...this.runs.values()].find((run) => run.id === id);
  }

  accept(socket) {
    this.#sockets.set(socket, { feeds: new Map(), frame: 0 });
    socket.hello();
  }

  drop(socket) {
    this.#sockets.delete(socket);
    socket.end(1006);
  }

  get sockets() {
    return [...this.#sockets.keys()];
  }

  /** A frame from a client; it may be lost with the connection, before or after it took effect. */
  hear(socket, frame) {
    const state = this.#sockets.get(socket);
    if (!state || frame.type === "ack") return;
    const reply = { type: "ok", ref: frame.ref, run_id: frame.run_id };
    if (frame.type === "send") {
      const { run, duplicate } = this.#start(frame);
      Object.assign(reply, { run_id: run.id, conversation_id: "c", duplicate });
      if (this.chance(0.8)) state.feeds.set(run.id, 0);
    } else if (frame.type === "unsubscribe") state.feeds.delete(frame.run_id);
    else if (frame.type === "subscribe") state.feeds.set(frame.run_id, Number(frame.after?.split(".")[1] ?? 0));
    if (this.chance(0.1)) return queueMicrotask(() => this.#sockets.has(socket) && this.drop(socket));
    queueMicrotask(() => this.#sockets.has(socket) && socket.receive(reply));
  }

  /** Extends every run, and sends a frame on every feed. */
  pump() {
    for (const run of this.runs.values()) run.tip = Math.min(run.log.length, run.tip + Math.floor(this.#random() * 8));
    for (const [socket, state] of this.#sockets) {
      for (const [runId, seq] of [...state.feeds]) this.#feed(socket, state, this.run(runId), seq);
    }
  }

  ping() {
    for (const [socket, { feeds }] of this.#sockets) {
      const tips = Object.fromEntries([...this.runs.values()].filter(({ id }) => feeds.has(id)).map(({ id, tip }) => [id, `e.${tip}`]));
      socket.receive({ type: "ping", tips });
    }
  }

  fetch = async (url, options = {}) => {
    const [path, query = ""] = url.split("?");
    if (path === "/api/runs" && options.method === "POST") return this.#post(JSON.parse(options.body));
    if (path === "/api/runs") return json({ items: [] });
    return this.#stream(this.run(path.split("/")[3]), Number(/after=e\.(\d+)/.exec(query)?.[1] ?? 0));
  };

  #post(body) {
    const { run, duplicate } = this.#start(body);
    if (this.chance(0.3)) throw new TypeError("fetch failed");
    return json({ run_id: run.id, conversation_id: "c" }, duplicate ? 200 : 201);
  }

  #start({ client_message_id: id }) {
    const known = this.runs.get(id);
    if (known) return { run: known, duplicate: true };
    const names = Array.from({ length: this.#runLength }, () => (this.chance(0.15) ? "status" : this.chance(0.2) ? "reasoning" : "token"));
    const run = { id: `run-${this.runs.size}`, tip: 1, lost: new Set(), log: [HEAD, ...names, "done"] };
    this.runs.set(id, run);
    return { run, duplicate: false };
  }

  #feed(socket, state, run, seq) {
    if (this.chance(0.05)) return state.feeds.set(run.id, 0); // The feed restarts from the beginning, without a request.
    const until = Math.min(run.tip, seq + 1 + Math.floor(this.#random() * 6));
    if (until <= seq) return;
    const events = this.#events(run, seq, until);
    state.feeds.set(run.id, until);
    const next = run.log[until];
    const noticeable = next === undefined || next === "status" || next === "done";
    if (noticeable && !run.lost.has(until) && this.chance(0.3)) return run.lost.add(until);
    for (let times = this.chance(0.1) ? 2 : 1; times > 0; times -= 1) {
      socket.receive({ type: "events", frame: (state.frame += 1), run_id: run.id, events });
    }
  }

  #events(run, from, until) {
    const events = [];
    for (let at = from; at < until; ) {
      const event = run.log[at];
      const seqs = [(at += 1)];
      while (["token", "reasoning"].includes(event) && at < until && run.log[at] === event && this.chance(0.6)) seqs.push((at += 1));
      events.push({ id: `e.${at}`, event, data: { seqs } });
    }
    return events;
  }

  /** The current log, in chunks of any size, cut anywhere. */
  #stream(run, after) {
    if (after >= run.log.length) return json(null, 204);
    const text = this.#events(run, after, run.tip).map(({ id, event, data }) => `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    const bytes = new TextEncoder().encode(text.join(""));
    const end = this.chance(0.5) ? bytes.length : Math.floor(this.#random() * bytes.length);
    let at = 0;
    return new Response(
      new ReadableStream({
        pull: (controller) => {
          if (at >= end) return this.chance(0.5) ? controller.close() : controller.error(new TypeError("terminated"));
          const size = 1 + Math.floor(this.#random() * 60);
          controller.enqueue(bytes.slice(at, Math.min(end, at + size)));
          at += size;
        },
      }),
    );
  }
}
