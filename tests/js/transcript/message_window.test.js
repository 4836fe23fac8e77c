import assert from "node:assert/strict";
import { test } from "node:test";

import { parseHTML } from "linkedom";

import { MessageWindow } from "../../../static/js/transcript/message_window.js";

const { document } = parseHTML("<!doctype html><html><body></body></html>");

/** Saved messages, which can be redrawn: `from` up to, but not including, `to`; each follows the previous one. */
function saved(from, to) {
  return Array.from({ length: to - from }, (_, index) => entry(from + index));
}

function entry(number) {
  const make = () => Object.assign(document.createElement("p"), { textContent: String(number) });
  return { key: `m${number}`, parent: number ? `m${number - 1}` : null, element: null, make };
}

function opened(count) {
  const list = document.createElement("div");
  const window = new MessageWindow(list);
  window.append(saved(0, count), { draw: false });
  return { list, window, shown: () => [...list.children].map(({ textContent }) => Number(textContent)) };
}

const range = (from, to) => Array.from({ length: to - from }, (_, index) => from + index);

test("only the end is drawn at first, and more of it upwards", () => {
  const { window, shown } = opened(30);
  window.drawOnly(5);
  assert.deepEqual(shown(), range(25, 30));
  assert.equal(window.hasOlder, true);

  window.drawOlder(20);
  assert.deepEqual(shown(), range(5, 30));
  window.drawOlder(20);
  assert.deepEqual(shown(), range(0, 30));
  assert.equal(window.hasOlder, false);
});

test("however far one reads upwards, the page stays bounded, and the end comes back", () => {
  const { window, shown } = opened(50);
  window.drawOnly(50);
  for (let read = 0; read < 50; read += 1) {
    window.prepend(saved(-50 * (read + 1), -50 * read).map((each) => ({ ...each, parent: null })));
    while (window.hasOlder) {
      window.drawOlder(10);
      window.trimNewer();
    }
    assert.ok(window.drawn <= 320);
  }
  assert.equal(shown()[0], -2500);
  assert.equal(window.hasNewer, true);

  while (window.hasNewer) {
    window.drawNewer(10);
    window.trimOlder();
    assert.ok(window.drawn <= 320);
  }
  assert.equal(shown().at(-1), 49);
  assert.deepEqual(shown(), range(50 - shown().length, 50));
});

test("messages added below undrawn ones are not drawn", () => {
  const { window, shown } = opened(10);
  window.drawOnly(3, 5);
  assert.deepEqual(shown(), [3, 4, 5]);

  window.append(saved(10, 11));
  assert.deepEqual(shown(), [3, 4, 5]);
  window.drawNewer(100);
  assert.deepEqual(shown(), range(3, 11));
});

test("an element that cannot be created again is kept while it is not drawn", () => {
  const { window, list } = opened(340);
  window.drawOnly(340);
  const element = document.createElement("b");
  window.append([{ key: "live", parent: "m339", element, make: null }]);

  assert.equal(window.trimNewer(), true);
  assert.equal(element.parentNode, null);
  window.drawNewer(100);
  assert.equal(list.lastElementChild, element);
});

test("a branch is cut at its fork, drawn or not", () => {
  const { window, shown } = opened(10);
  window.drawOnly(4);

  assert.deepEqual(window.cutBelow("m7").map(({ key }) => key), ["m8", "m9"]);
  assert.deepEqual(shown(), [6, 7]);
  assert.equal(window.cutBelow("m2").length, 5);
  assert.deepEqual(shown(), []);
  assert.equal(window.hasNewer, false);
  window.append(saved(3, 5));
  assert.deepEqual(shown(), [3, 4]);
  window.drawOlder(10);
  assert.deepEqual(shown(), range(0, 5));
  assert.equal(window.cutBelow(null).length, 5);
});

test("a fork below an unread message is found by its parent", () => {
  const list = document.createElement("div");
  const window = new MessageWindow(list);
  window.append(saved(20, 25));

  assert.equal(window.cutBelow("m19").length, 5);
  assert.deepEqual(window.cutBelow("unknown"), []);
});

test("single messages are removed wherever they are", () => {
  const { window, shown } = opened(6);
  window.drawOnly(4);
  const [third] = window.entries.filter(({ key }) => key === "m3");

  window.take([third.element]);

  assert.deepEqual(shown(), [2, 4, 5]);
  window.drawOlder(10);
  assert.deepEqual(shown(), [0, 1, 2, 4, 5]);
});
