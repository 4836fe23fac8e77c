/** Handles the buttons in answers. One listener serves every message under a root. */

import { copyCode } from "./copy_code.js";

/** @typedef {(text: string) => Promise<boolean>} Copy  resolves to whether it worked */

/**
 * @param {EventTarget} root  an element, or the document
 * @param {Copy} [copy]  defaults to the browser's clipboard
 * @returns {() => void} removes the listener
 */
export function enableActions(root, copy) {
  /** @param {Event} event */
  const listener = (event) => {
    const origin = /** @type {Element | null} */ (event.target);
    const button = origin?.closest?.("button[data-action]");
    if (!button) return;
    const action = button.getAttribute("data-action");
    if (action === "copy-code") void copyCode(button, copy);
    else if (action === "wrap-code") toggle(button);
    else if (action === "load-image") void loadImage(button);
    else if (action === "show-footnote") void import("./show_footnote.js").then((module) => module.showFootnote(button));
  };
  root.addEventListener("click", listener);
  return () => root.removeEventListener("click", listener);
}

/** The stylesheet wraps the lines of a block whose button is pressed in. @param {Element} button */
function toggle(button) {
  button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
}

/** The code for images is loaded when the first one is wanted. @param {Element} button */
async function loadImage(button) {
  const { loadImage: load } = await import("./image_frame.js").catch(() => ({ loadImage: () => {} }));
  load(button);
}
