import assert from "node:assert/strict";
import test from "node:test";

import { newClientMessageId } from "../../../static/js/client/client_message_id.js";

const VERSION_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("it creates a different UUID each time", () => {
  const ids = new Set(Array.from({ length: 100 }, () => newClientMessageId()));

  assert.equal(ids.size, 100);
  for (const id of ids) assert.match(id, VERSION_4);
});

test("it works without a secure context", () => {
  const insecure = { getRandomValues: (bytes) => crypto.getRandomValues(bytes) };

  assert.match(newClientMessageId(insecure), VERSION_4);
  assert.equal(newClientMessageId({ getRandomValues: (bytes) => bytes.fill(0) }), "00000000-0000-4000-8000-000000000000");
});
