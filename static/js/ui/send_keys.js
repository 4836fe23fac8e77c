/**
 * Whether this key press in the message box sends the message.
 *
 * Enter sends and Shift+Enter breaks the line; on a touch screen, whose keyboard has no Shift+Enter, Enter breaks the
 * line. Ctrl or Cmd with Enter always sends. An Enter that ends an IME composition never sends: Safari fires
 * `compositionend` before that key press, so only its key code, 229, identifies it.
 *
 * @param {Pick<KeyboardEvent, "key" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey" | "isComposing" | "keyCode">} event
 * @param {{ touch: boolean }} options
 */
export function sendsMessage(event, { touch }) {
  if (event.key !== "Enter" || composes(event)) return false;
  if (event.ctrlKey || event.metaKey) return true;
  return !event.shiftKey && !event.altKey && !touch;
}

/** @param {Pick<KeyboardEvent, "isComposing" | "keyCode">} event */
export function composes(event) {
  return event.isComposing || event.keyCode === 229;
}

/**
 * Whether this key press in the empty message box edits the last question.
 *
 * @param {Pick<KeyboardEvent, "key" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey" | "isComposing" | "keyCode">} event
 */
export function editsLast(event) {
  if (event.key !== "ArrowUp" || composes(event)) return false;
  return !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey;
}
