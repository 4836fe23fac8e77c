import assert from "node:assert/strict";
import { test } from "node:test";

import { enableActions } from "../../../static/js/markdown/actions.js";
import { stream, streamed, window } from "./page.js";

const settle = () => new Promise((resolve) => setImmediate(resolve));
const click = (target) => target.dispatchEvent(new window.Event("click", { bubbles: true }));

function message(text) {
  const { container } = streamed([text]);
  return { container, button: container.querySelector("[data-action=copy-code]") };
}

test("a click copies the code as written, without its last newline", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { container, button } = message("```html\n<b>&amp;</b>\n\n  x\n```\n");
  const copied = [];
  enableActions(container, async (text) => copied.push(text) > 0);
  click(button);
  await settle();
  assert.deepEqual(copied, ["<b>&amp;</b>\n\n  x"]);
  assert.equal(button.textContent, "Copied");
  context.mock.timers.tick(1_500);
  assert.equal(button.textContent, "Copy");
  assert.equal(button.hasAttribute("data-outcome"), false);
});

test("it shows when the clipboard is denied", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { container, button } = message("```\nx\n```\n");
  enableActions(container, async () => false);
  click(button);
  await settle();
  assert.equal(button.getAttribute("data-outcome"), "failed");
  context.mock.timers.tick(1_500);
  assert.equal(button.textContent, "Copy");
});

test("other clicks, and clicks after its removal, do nothing", async () => {
  const { container, button } = message("text\n\n```\nx\n```\n");
  const copied = [];
  const disable = enableActions(container, async (text) => copied.push(text) > 0);
  click(container.querySelector("p"));
  disable();
  click(button);
  await settle();
  assert.deepEqual(copied, []);
});

test("the button of a growing code block stays the same and keeps its state", () => {
  const { container, markdown } = stream();
  markdown.push("1. item\n\n   ```js\n   let a;\n");
  const button = container.querySelector("button");
  button.textContent = "Copied";
  for (const character of "   let b;\n   ```\n2. next\n") markdown.push(character);
  assert.ok(container.querySelector("button") === button);
  assert.equal(button.textContent, "Copied");
});

test("lines are wrapped on demand, even while the block is growing", () => {
  const { container, markdown } = stream();
  markdown.push("1. item\n\n   ```js\n   let a;\n");
  const disable = enableActions(container);
  const button = container.querySelector("[data-action=wrap-code]");
  assert.equal(button.getAttribute("aria-pressed"), "false");
  click(button);
  for (const character of "   let b;\n   ```\n2. next\n") markdown.push(character);
  assert.ok(container.querySelector("[data-action=wrap-code]") === button);
  assert.equal(button.getAttribute("aria-pressed"), "true");
  click(button);
  assert.equal(button.getAttribute("aria-pressed"), "false");
  disable();
});

test("a click loads an image in a sandboxed iframe, which stays while its block grows", async () => {
  const { container, markdown } = stream();
  window.document.body.append(container);
  const disable = enableActions(container);
  markdown.push("See ![a cat](https://cats.example/1.png?a=1&b=2) and");
  assert.equal(container.querySelector("iframe, img"), null);
  click(container.querySelector("[data-action=load-image]"));
  await import("../../../static/js/markdown/image_frame.js");
  await settle();
  for (const character of " more **words**\n\nend") markdown.push(character);
  markdown.finish();
  const frame = container.querySelector("iframe");
  assert.equal(frame.getAttribute("sandbox"), "");
  assert.equal(frame.getAttribute("src"), "/image?address=https%3A%2F%2Fcats.example%2F1.png%3Fa%3D1%26b%3D2");
  assert.equal(frame.getAttribute("title"), "a cat");
  assert.equal(container.querySelector("p").textContent.replace(/\s+/g, " "), "See cats.example and more words");
  disable();
  container.remove();
});
