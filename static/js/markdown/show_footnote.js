/** Leads from a mark in a text to its note. The same label in another message is another note. */

/** @param {Element} button  in the mark */
export function showFootnote(button) {
  const message = button.closest(".markdown");
  const note = [...(message?.querySelectorAll("[data-note]") ?? [])].find((each) => each.getAttribute("data-note") === button.textContent);
  note?.scrollIntoView({ block: "nearest" });
  /** @type {HTMLElement | undefined} */ (note)?.focus({ preventScroll: true });
}
