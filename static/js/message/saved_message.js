import { gettext } from "../ui/i18n.js";
import { renderMarkdown } from "../markdown/stream.js";
import { AnswerActivity } from "./answer_activity.js";
import { figuresOf } from "./answer_figures.js";
import { answerLabel, answerNote, isContinuable } from "./answer_note.js";
import { ChatMessage } from "./chat_message.js";
import { unfold } from "./parts.js";
import { part } from "../ui/template_parts.js";

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
    state: message.status === "stopped" ? "stopped" : "completed",
    messageId: message.id,
  });
  element.parentId = message.parent_id;
  if (message.run_id) element.dataset.runId = message.run_id;
  if (own) element.showQuestion(message.text);
  else showAnswer(element, message);
  element.showFooter(own ? "" : answerNote(message), { continuable: isContinuable(message) });
  element.showVersions(siblings.of(message.parent_id, message.role));
  return element;
}

/**
 * @param {ChatMessage} element
 * @param {import("./branch_pages.js").Message} message
 */
function showAnswer(element, message) {
  element.source = message.text;
  element.figures = figuresOf(message);
  if (message.parts?.length) showActivity(element, message);
  renderMarkdown(element.body, message.text);
}

/**
 * Shows what the answer did besides writing, as during its run.
 *
 * @param {ChatMessage} element
 * @param {import("./branch_pages.js").Message} message
 */
function showActivity(element, message) {
  const activity = new AnswerActivity(part(element, "activity"));
  for (const [name, data] of unfold(message.parts ?? [])) activity.hear(name, data);
  activity.end(message.status ?? "completed");
}
