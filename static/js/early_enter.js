/*
 * Enter in the message box before the page's modules have loaded. Not a module, so that it runs first: it locks the
 * text, and the message box sends it when it can (chat_composer.js). send_keys.js documents which keys send.
 */
document.addEventListener("keydown", (event) => {
  const box = /** @type {HTMLTextAreaElement} */ (event.target);
  if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
  if (box.id !== "composer-text" || !box.value.trim() || customElements.get("chat-app")) return;
  const breaksLine = event.shiftKey || event.altKey || matchMedia("(hover: none) and (pointer: coarse)").matches;
  if (breaksLine && !event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  box.readOnly = true;
});
