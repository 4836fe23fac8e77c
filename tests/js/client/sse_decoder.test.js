import assert from "node:assert/strict";
import test from "node:test";

import { SSEDecoder } from "../../../static/js/client/sse_decoder.js";
import { seeded } from "./fake_network.js";

const decode = (...chunks) => {
  const decoder = new SSEDecoder();
  return chunks.flatMap((chunk) => decoder.push(chunk));
};
const brief = (events) => events.map(({ event, data }) => [event, data]);

const STREAM =
  "\uFEFFretry: 1000\n\n: a comment\nid: e.1\nevent: start\ndata: {\"a\":1}\n\n" +
  "id: e.2\r\nevent: token\r\ndata: \"Grüße 👋🏽 日本\"\r\n\r\n" +
  "id: e.3\revent: token\rdata: one\rdata: two\rdata:\r\r" +
  "event: ping\ndata: {}\n\nunknown: x\ndata\n\n\n\nevent: nodata\n\nid: e.4\ndata:  two spaces\n\n";

const EXPECTED = [
  { event: "start", data: '{"a":1}', lastEventId: "e.1", id: "e.1" },
  { event: "token", data: '"Grüße 👋🏽 日本"', lastEventId: "e.2", id: "e.2" },
  { event: "token", data: "one\ntwo\n", lastEventId: "e.3", id: "e.3" },
  { event: "ping", data: "{}", lastEventId: "e.3", id: null },
  { event: "message", data: "", lastEventId: "e.3", id: null },
  { event: "message", data: " two spaces", lastEventId: "e.4", id: "e.4" },
];

test("it decodes a whole stream", () => {
  assert.deepEqual(decode(STREAM.slice(1)), EXPECTED);
});

test("it decodes the same when split at any byte", () => {
  const bytes = new TextEncoder().encode(STREAM);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    assert.deepEqual(decode(bytes.slice(0, cut), bytes.slice(cut)), EXPECTED, `cut at ${cut}`);
  }
});

test("it decodes the same byte by byte", () => {
  assert.deepEqual(decode(...Array.from(new TextEncoder().encode(STREAM), (byte) => Uint8Array.of(byte))), EXPECTED);
});

test("it decodes the same in random pieces, as bytes and as text", () => {
  const random = seeded(11);
  const bytes = new TextEncoder().encode(STREAM);
  for (let round = 0; round < 300; round += 1) {
    for (const whole of [bytes, STREAM]) {
      const chunks = [];
      for (let at = 0; at < whole.length; ) {
        const size = Math.floor(random() * 12);
        chunks.push(whole.slice(at, at + size));
        at += size;
      }
      assert.deepEqual(decode(...chunks), EXPECTED);
    }
  }
});

test("it emits an event as soon as its blank line arrives", () => {
  const decoder = new SSEDecoder();
  assert.deepEqual(decoder.push("data: a\n"), []);
  assert.deepEqual(brief(decoder.push("\r")), [["message", "a"]]);
  assert.deepEqual(brief(decoder.push("\ndata: b\r\n\r")), [["message", "b"]]);
  assert.deepEqual(decoder.push("\n"), []);
});

test("it drops an incomplete event at the end", () => {
  assert.deepEqual(brief(decode("data: a\n\ndata: b\n")), [["message", "a"]]);
});

test("it treats fields as the standard specifies", () => {
  assert.deepEqual(brief(decode("data:a\ndata: b\n\n")), [["message", "a\nb"]]);
  assert.deepEqual(brief(decode("event: x\nevent: y\ndata: a\n\ndata: b\n\n")), [["y", "a"], ["message", "b"]]);
  assert.deepEqual(brief(decode("data: a: b\n\n")), [["message", "a: b"]]);
  assert.deepEqual(brief(decode(" data: a\n\nDATA: a\n\n")), []);
  assert.deepEqual(brief(decode("data\n\n")), [["message", ""]]);
  assert.deepEqual(brief(decode("data: \uFEFFa\n\n")), [["message", "\uFEFFa"]]);
});

test("it keeps the last id, resets it on request, and ignores one with a NUL", () => {
  const ids = decode("id: 1\ndata: a\n\ndata: b\n\nid: 2\0\ndata: c\n\nid\ndata: d\n\n").map(({ id, lastEventId }) => [id, lastEventId]);

  assert.deepEqual(ids, [["1", "1"], [null, "1"], [null, "1"], ["", ""]]);
});

test("it reads the retry time if it is valid", () => {
  const decoder = new SSEDecoder();
  decoder.push("retry: soon\nretry: 1000\nretry: 1e9\nretry: -5\n");

  assert.equal(decoder.retry, 1_000);
});
