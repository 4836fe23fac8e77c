/** The page that AnswerParts draws into: the real templates, and frames that come when they are told to. */

import { readFileSync } from "node:fs";

import { parseHTML } from "linkedom";

const TEMPLATES = readFileSync(new URL("../../../templates/chat/_message_templates.html", import.meta.url), "utf8")
  .replace(/\{% translate ['"](.*?)['"].*?%\}/g, "$1")
  .replace(/\{[%#].*?[%#]\}/g, "");

const { document, window } = parseHTML(`<!doctype html><html><body>${TEMPLATES}</body></html>`);
export { window };
/** @type {(() => void)[]} */
const frames = [];
Object.assign(globalThis, {
  document,
  HTMLTemplateElement: window.HTMLTemplateElement,
  CustomEvent: window.CustomEvent,
  Element: window.Element,
  location: { href: "https://chat.example/c/0" },
  requestAnimationFrame: (/** @type {() => void} */ callback) => frames.push(callback),
  cancelAnimationFrame: (/** @type {number} */ id) => (frames[id - 1] = () => {}),
  matchMedia: () => ({ matches: true }),
});

/** Draws all that waits for a frame, and lets every promise resolve. */
export async function paint() {
  do {
    for (const callback of frames.splice(0)) callback();
    await new Promise((resolve) => setImmediate(resolve));
  } while (frames.length);
}

/** An empty message. */
export const message = () => document.body.appendChild(document.createElement("chat-message"));

/** A place of an answer's parts. @param {ParentNode} [of] its message */
export const place = (of = message()) => of.appendChild(document.createElement("div"));
