import assert from "node:assert/strict";
import { test } from "node:test";

import { enableCodeCopying } from "../../../static/js/markdown/copy_code.js";
import { stream, streamed, window } from "./page.js";

const settle = () => new Promise((resolve) => setImmediate(resolve));
const click = (target) => target.dispatchEvent(new window.Event("click", { bubbles: true }));

function message(text) {
  const { container } = streamed([text]);
  return { container, button: container.querySelector("[data-action=copy-code]") };
}

test("a click copies the code exactly as it was written", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { container, button } = message("```html\n<b>&amp;</b>\n\n  x\n```\n");
  const copied = [];
  enableCodeCopying(container, { writeText: async (text) => void copied.push(text) });
  click(button);
  await settle();
  assert.deepEqual(copied, ["<b>&amp;</b>\n\n  x\n"]);
  assert.equal(button.textContent, "Copied");
  context.mock.timers.tick(1_500);
  assert.equal(button.textContent, "Copy");
  assert.equal(button.hasAttribute("data-outcome"), false);
});

test("it says so when the clipboard is denied", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { container, button } = message("```\nx\n```\n");
  enableCodeCopying(container, { writeText: () => Promise.reject(new Error("denied")) });
  click(button);
  await settle();
  assert.equal(button.getAttribute("data-outcome"), "failed");
  context.mock.timers.tick(1_500);
  assert.equal(button.textContent, "Copy");
});

test("other clicks, and clicks after its removal, do nothing", async () => {
  const { container, button } = message("text\n\n```\nx\n```\n");
  const copied = [];
  const disable = enableCodeCopying(container, { writeText: async (text) => void copied.push(text) });
  click(container.querySelector("p"));
  disable();
  click(button);
  await settle();
  assert.deepEqual(copied, []);
});

test("the button of a code block that still grows stays the same, with what it shows", () => {
  const { container, markdown } = stream();
  markdown.push("1. item\n\n   ```js\n   let a;\n");
  const button = container.querySelector("button");
  button.textContent = "Copied";
  for (const character of "   let b;\n   ```\n2. next\n") markdown.push(character);
  assert.ok(container.querySelector("button") === button);
  assert.equal(button.textContent, "Copied");
});
