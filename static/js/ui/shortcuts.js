import { composes } from "./send_keys.js";

const TYPING = "input, textarea, select, [contenteditable]";
/** @type {Record<string, string>} with Ctrl or Cmd */
const WITH_COMMAND = { k: "palette" };
/** @type {Record<string, string>} with Shift as well */
const WITH_COMMAND_AND_SHIFT = { o: "new-chat" };
/** @type {Record<string, string>} where nothing is being typed */
const ALONE = { "/": "focus-composer", "?": "shortcuts" };

/**
 * The command that a key press means, if any.
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
