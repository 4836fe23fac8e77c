/*
 * Enter in the message box before the page's modules have come. Not a module, so that it is there first: it holds the words as they
 * are, and the message box sends them when it can (chat_composer.js). Which keys send is said in send_keys.js.
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
