/** Copies the text of a code block as written, without its last newline: a terminal would run it at once. */

import { copyText } from "../ui/clipboard.js";
import { gettext } from "../ui/i18n.js";

const COPIED_FOR_MS = 1_500;

/** @type {WeakMap<Element, ReturnType<typeof setTimeout>>} */
const resetTimers = new WeakMap();

/** @param {Element} button  the button of the block @param {import("./actions.js").Copy} [copy] */
export async function copyCode(button, copy = copyText) {
  const code = button.closest(".code-block")?.querySelector("pre > code");
  if (!code) return;
  if (await copy((code.textContent ?? "").replace(/\n$/, ""))) return show(button, gettext("Copied"), "copied");
  // The user can still copy the selection.
  button.ownerDocument.defaultView?.getSelection?.()?.selectAllChildren(code);
  show(button, gettext("Press Ctrl+C"), "failed");
}

/**
 * Shows the outcome on the button, which also announces it, and restores the label after a while.
 *
 * @param {Element} button
 * @param {string} label
 * @param {string} outcome
 */
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
