import { composes } from "./send_keys.js";

const TYPING = "input, textarea, select, [contenteditable]";
/** With Ctrl or Cmd. @type {Record<string, string>} */
const WITH_COMMAND = { k: "palette" };
/** With Shift as well. @type {Record<string, string>} */
const WITH_COMMAND_AND_SHIFT = { o: "new-chat" };
/** While nothing is being typed. @type {Record<string, string>} */
const ALONE = { "/": "focus-composer", "?": "shortcuts" };

/**
 * The command for a key press, if any.
 *
 * @param {KeyboardEvent} event
 * @returns {string | null}
 */
export function shortcutOf(event) {
  if (event.defaultPrevented || composes(event) || event.altKey) return null;
  if (event.ctrlKey || event.metaKey) return commandOf(event.shiftKey ? WITH_COMMAND_AND_SHIFT : WITH_COMMAND, event.key.toLowerCase());
  if (event.key === "Escape") return "stop";
  return isTyping(event.target) ? null : commandOf(ALONE, event.key);
}

/**
 * @param {Record<string, string>} commands
 * @param {string} key
 */
function commandOf(commands, key) {
  return Object.hasOwn(commands, key) ? commands[key] : null;
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof Element && target.closest(TYPING) !== null;
}
