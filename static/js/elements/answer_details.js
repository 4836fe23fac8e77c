import { gettext } from "../i18n.js";
import { detailRows } from "./answer_figures.js";

/** The popover with the figures of one answer: one for the whole page, as only one is open at a time. */
export class AnswerDetails {
  #popover;

  /** @param {HTMLElement} popover */
  constructor(popover) {
    this.#popover = popover;
  }

  /** @param {HTMLElement} button of the message that is asked about */
  toggle(button) {
    const message = /** @type {import("./chat_message.js").ChatMessage | null} */ (button.closest("chat-message"));
    if (!message?.figures || this.#popover.matches(":popover-open")) return this.close();
    this.#popover.replaceChildren(heading(), rows(message.figures));
    this.#popover.showPopover(/** @type {any} */ ({ source: button }));
  }

  close() {
    if (this.#popover.matches(":popover-open")) this.#popover.hidePopover();
  }
}

function heading() {
  const title = document.createElement("h2");
  title.className = "details__title";
  title.textContent = gettext("About this answer");
  return title;
}

/** @param {import("./answer_figures.js").Figures} figures */
function rows(figures) {
  const list = document.createElement("dl");
  list.className = "details__rows";
  for (const [name, value] of detailRows(figures)) {
    const row = list.appendChild(document.createElement("div"));
    row.appendChild(document.createElement("dt")).textContent = name;
    const told = row.appendChild(document.createElement("dd"));
    told.dir = "auto";
    told.textContent = value;
  }
  return list;
}
