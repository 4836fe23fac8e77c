/** Jumps from a footnote mark to its note in the same message. Another message may have the same label. */

/** @param {Element} button  in the mark */
export function showFootnote(button) {
  const message = button.closest(".markdown");
  const note = [...(message?.querySelectorAll("[data-note]") ?? [])].find((each) => each.getAttribute("data-note") === button.textContent);
  note?.scrollIntoView({ block: "nearest" });
  /** @type {HTMLElement | undefined} */ (note)?.focus({ preventScroll: true });
}
