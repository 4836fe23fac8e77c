import { composes } from "./send_keys.js";

const TYPING = "input, textarea, select, [contenteditable]";

/**
 * The shortcut that a key press means, if any.
 *
 * @param {KeyboardEvent} event
 * @returns {"focus-composer" | "new-chat" | "stop" | null}
 */
export function shortcutOf(event) {
  if (event.defaultPrevented || composes(event)) return null;
  const command = event.ctrlKey || event.metaKey;
  if (command && event.shiftKey && event.key.toLowerCase() === "o") return "new-chat";
  if (command || event.altKey) return null;
  if (event.key === "Escape") return "stop";
  if (event.key === "/" && !isTyping(event.target)) return "focus-composer";
  return null;
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof Element && target.closest(TYPING) !== null;
}
