import assert from "node:assert/strict";
import { test } from "node:test";

import { parseHTML } from "linkedom";

import { loadImage } from "../../../static/js/markdown/image_frame.js";
import { renderMarkdown } from "../../../static/js/markdown/stream.js";

const { document } = parseHTML('<!doctype html><html><body><chat-app data-new-url="/chat/"><div></div></chat-app></body></html>');
const place = document.querySelector("div");
const OPTIONS = { location: "https://chat.example/c/0", dressing: { dress: () => {} } };
const draw = () => {
  place.replaceChildren();
  renderMarkdown(place, "![a](https://a.example/a.png) ![b](https://a.example/b.png?x=%22)", OPTIONS);
};
const button = () => [...place.querySelectorAll("button")].at(-1);

test("a requested image is shown in an iframe", () => {
  draw();
  loadImage(button());

  assert.equal(place.querySelectorAll("button").length, 1);
  assert.equal(place.querySelector("iframe").getAttribute("src"), `/chat/image?address=${encodeURIComponent("https://a.example/b.png?x=%22")}`);
});

test("it is also shown if the message was redrawn in the meantime", () => {
  draw();
  const pressed = button();
  draw();
  loadImage(pressed);

  assert.equal(place.querySelectorAll("button").length, 1);
  assert.match(place.querySelector("iframe").getAttribute("src"), /b\.png/);
});

test("if the message is gone, nothing is shown", () => {
  draw();
  const pressed = button();
  place.replaceChildren();
  renderMarkdown(place, "other words", OPTIONS);
  loadImage(pressed);

  assert.equal(place.querySelector("iframe"), null);
});
