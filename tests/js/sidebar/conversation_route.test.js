import assert from "node:assert/strict";
import { test } from "node:test";

import { conversationIdOf, pathOf } from "../../../static/js/sidebar/conversation_route.js";

const ID = "0b9cbe1e-7f6c-4a35-9d3e-1c5a5d0f2a11";

test("a conversation's address contains its id", () => {
  assert.equal(conversationIdOf(`/c/${ID}`), ID);
  assert.equal(conversationIdOf(`/c/${ID}/`), ID);
  assert.equal(conversationIdOf(`/chat/c/${ID.toUpperCase()}`), ID);
});

test("every other address is a new chat", () => {
  for (const path of ["/", "/c/", "/c/12", `/c/${ID}/x`, `/x${ID}`]) assert.equal(conversationIdOf(path), null, path);
});

test("a path leads back to its conversation", () => {
  assert.equal(conversationIdOf(pathOf(ID, "/")), ID);
  assert.equal(pathOf(null, "/chat/"), "/chat/");
});
