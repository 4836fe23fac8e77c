import { gettext } from "../ui/i18n.js";
import { figuresOf } from "./answer_figures.js";
import { answerLabel, answerNote, isContinuable, stateOf, waitingLine } from "./answer_note.js";
import { AnswerParts } from "./answer_parts.js";
import { ChatMessage } from "./chat_message.js";

export const OWN_LABEL = gettext("You");

/**
 * Creates the element for a saved message.
 *
 * @param {import("./branch_pages.js").Message} message
 * @param {{ assistants: { slug: string, name: string }[], siblings: import("./siblings.js").Siblings }} options
 */
export function savedMessage(message, { assistants, siblings }) {
  const own = message.role === "user";
  const element = ChatMessage.create({
    role: message.role,
    label: own ? OWN_LABEL : answerLabel(message, assistants),
    state: stateOf(message),
    messageId: message.id,
  });
  element.parentId = message.parent_id;
  if (message.run_id) element.dataset.runId = message.run_id;
  if (own) element.showQuestion(message.text);
  else drawSaved(element, message);
  if (!own) element.showStatus(waitingLine(message));
  element.showFooter(own ? "" : answerNote(message), { continuable: isContinuable(message) });
  element.showVersions(siblings.of(message.parent_id, message.role));
  return element;
}

/**
 * Draws a saved answer into its message.
 *
 * @param {ChatMessage} element
 * @param {import("./branch_pages.js").Message} message
 */
export function drawSaved(element, message) {
  element.source = message.text;
  element.figures = figuresOf(message);
  const parts = new AnswerParts(element.parts);
  parts.draw(message);
  return parts;
}
