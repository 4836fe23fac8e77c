/** What the copy buttons of code blocks do. One listener serves every message under a root. */

const COPIED_FOR_MS = 1_500;
const COPY = "Copy";

/** @type {WeakMap<Element, ReturnType<typeof setTimeout>>} */
const resetTimers = new WeakMap();

/**
 * @param {EventTarget} root  an element, or the document
 * @param {{ writeText?: (text: string) => Promise<void> }} [clipboard]  defaults to the browser's
 * @returns {() => void} what removes the listener
 */
export function enableCodeCopying(root, clipboard = browserClipboard) {
  /** @param {Event} event */
  const listener = (event) => {
    const origin = /** @type {Element | null} */ (event.target);
    const button = origin?.closest?.('[data-action="copy-code"]');
    const code = button?.closest(".code-block")?.querySelector("pre > code");
    if (button && code) copy(button, code.textContent ?? "", clipboard);
  };
  root.addEventListener("click", listener);
  return () => root.removeEventListener("click", listener);
}

const browserClipboard = {
  /** @param {string} text */
  writeText(text) {
    // Absent on pages served without HTTPS.
    return navigator.clipboard ? navigator.clipboard.writeText(text) : Promise.reject(new Error("No clipboard here"));
  },
};

/** @param {Element} button @param {string} text @param {{ writeText?: (text: string) => Promise<void> }} clipboard */
async function copy(button, text, clipboard) {
  try {
    await clipboard.writeText?.(text);
    show(button, "Copied", "copied");
  } catch {
    selectCode(button);
    show(button, "Press Ctrl+C", "failed");
  }
}

/** Shows the outcome on the button, where it also is announced, and takes it back after a while. @param {Element} button @param {string} label @param {string} outcome */
function show(button, label, outcome) {
  clearTimeout(resetTimers.get(button));
  button.textContent = label;
  button.setAttribute("data-outcome", outcome);
  const reset = () => {
    button.textContent = COPY;
    button.removeAttribute("data-outcome");
  };
  resetTimers.set(button, setTimeout(reset, COPIED_FOR_MS));
}

/** Where the clipboard is denied, the reader can still copy the selection. @param {Element} button */
function selectCode(button) {
  const code = button.closest(".code-block")?.querySelector("pre > code");
  if (code) button.ownerDocument.defaultView?.getSelection?.()?.selectAllChildren(code);
}
