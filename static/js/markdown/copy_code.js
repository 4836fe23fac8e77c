/** Copies the text of a code block, exactly as it was written. */

import { gettext } from "../i18n.js";

const COPIED_FOR_MS = 1_500;

/** @type {WeakMap<Element, ReturnType<typeof setTimeout>>} */
const resetTimers = new WeakMap();

const browserClipboard = {
  /** @param {string} text */
  writeText(text) {
    // Absent on pages served without HTTPS.
    return navigator.clipboard ? navigator.clipboard.writeText(text) : Promise.reject(new Error("No clipboard here"));
  },
};

/** @param {Element} button  of the block @param {import("./actions.js").Clipboard} [clipboard] */
export async function copyCode(button, clipboard = browserClipboard) {
  const code = button.closest(".code-block")?.querySelector("pre > code");
  if (!code) return;
  try {
    await clipboard.writeText?.(code.textContent ?? "");
    show(button, gettext("Copied"), "copied");
  } catch {
    // The reader can still copy the selection.
    button.ownerDocument.defaultView?.getSelection?.()?.selectAllChildren(code);
    show(button, gettext("Press Ctrl+C"), "failed");
  }
}

/** Shows the outcome on the button, where it also is announced, and takes it back after a while. @param {Element} button @param {string} label @param {string} outcome */
function show(button, label, outcome) {
  clearTimeout(resetTimers.get(button));
  button.textContent = label;
  button.setAttribute("data-outcome", outcome);
  const reset = () => {
    button.textContent = gettext("Copy");
    button.removeAttribute("data-outcome");
  };
  resetTimers.set(button, setTimeout(reset, COPIED_FOR_MS));
}
