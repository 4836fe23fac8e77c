import assert from "node:assert/strict";
import { test } from "node:test";

import { answerLabel, answerNote, countCharacters } from "../../../static/js/message/answer_note.js";

const ASSISTANTS = [{ slug: "writer", name: "Careful writer" }];

test("an answer that ended by itself needs no note", () => {
  assert.equal(answerNote({ status: "completed", finish_reason: "stop" }), "");
});

test("a stopped answer says so, and why if the user did not press Stop", () => {
  assert.equal(answerNote({ status: "stopped", finish_reason: "stopped" }), "Stopped");
  assert.match(answerNote({ status: "stopped", finish_reason: "abandoned" }), /nobody/);
  assert.match(answerNote({ status: "completed", finish_reason: "length" }), /length/);
});

test("what the model has not read of the conversation is said in one line", () => {
  const completed = { status: "completed", finish_reason: "stop" };
  assert.equal(answerNote({ ...completed, context: { left_out: 1 } }), "1 earlier message is too much for this model and was not sent");
  assert.match(answerNote({ ...completed, context: { left_out: 12 } }), /^12 earlier messages are/);
  assert.match(answerNote({ ...completed, context: { left_out: 0, cut_by_server: true } }), /context length/);
  assert.equal(answerNote({ ...completed, context: { left_out: 0 } }), "");
  assert.match(answerNote({ status: "stopped", finish_reason: "stopped", context: { left_out: 2 } }), /^Stopped · 2 earlier/);
});

test("the label names the assistant and its model", () => {
  assert.equal(answerLabel({ assistant: "writer", model: "big-1" }, ASSISTANTS), "Careful writer · big-1");
  assert.equal(answerLabel({ assistant: "gone", model: "big-1" }, ASSISTANTS), "gone · big-1");
});

test("the label does not repeat a name", () => {
  assert.equal(answerLabel({ assistant: "writer", model: "careful writer" }, ASSISTANTS), "Careful writer");
  assert.equal(answerLabel({ assistant: "writer", model: null }, ASSISTANTS), "Careful writer");
  assert.equal(answerLabel({ assistant: null, model: "big-1" }, ASSISTANTS), "big-1");
  assert.equal(answerLabel({}, ASSISTANTS), "Assistant");
});

test("characters are counted as code points, half pairs as one", () => {
  for (const text of ["", "abc", "a\u{1F600}b", "\u{1F469}\u200D\u{1F680}", "\ud83d", "\ude00\ud83d", "\ud83d\ud83d\ude00"]) {
    assert.equal(countCharacters(text), Array.from(text).length, JSON.stringify(text));
  }
});
