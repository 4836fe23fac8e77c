import { gettext, interpolate } from "../ui/i18n.js";
import { number, seconds } from "./answer_figures.js";

/** The popover with one answer's figures. The page has one, because only one is open at a time. */
export class AnswerDetails {
  #popover;

  /** @param {HTMLElement} popover */
  constructor(popover) {
    this.#popover = popover;
  }

  /** @param {HTMLElement} button the message's button */
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

/** @param {import("./answer_figures.js").Figures} figures @returns {number | null} excluding the wait for the first token */
export function tokensPerSecond({ ttftMs, durationMs, outputTokens }) {
  const seconds = ((durationMs ?? 0) - (ttftMs ?? 0)) / 1_000;
  return outputTokens && outputTokens > 1 && seconds > 0 ? outputTokens / seconds : null;
}

/** @param {import("./answer_figures.js").Figures} figures @returns {[string, string][]} label and value of each known figure */
export function detailRows(figures) {
  const { model, ttftMs, durationMs, inputTokens, outputTokens } = figures;
  const pace = tokensPerSecond(figures);
  /** @type {[string, string | null | undefined][]} */
  const rows = [
    [gettext("Model"), model],
    [gettext("First token"), seconds(ttftMs)],
    [gettext("Full answer"), seconds(durationMs)],
    [gettext("Speed"), pace === null ? null : interpolate(gettext("%(number)s tokens/s"), { number: number(pace, pace < 10 ? 1 : 0) ?? "" })],
    [gettext("Input tokens"), number(inputTokens)],
    [gettext("Output tokens"), number(outputTokens)],
  ];
  return /** @type {[string, string][]} */ (rows.filter(([, value]) => value));
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
