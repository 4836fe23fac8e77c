import { renderMarkdown } from "../markdown/stream.js";
import { answerLabel, answerNote } from "./answer_note.js";
import { ChatMessage } from "./chat_message.js";

export const OWN_LABEL = "You";

/**
 * The element for a message that the server has saved.
 *
 * @param {import("./message_path.js").Message} message
 * @param {{ slug: string, name: string }[]} assistants
 */
export function savedMessage(message, assistants) {
  const own = message.role === "user";
  const element = ChatMessage.create({
    role: message.role,
    label: own ? OWN_LABEL : answerLabel(message, assistants),
    state: message.status === "stopped" ? "stopped" : "completed",
    messageId: message.id,
  });
  element.source = message.text;
  if (message.run_id) element.dataset.runId = message.run_id;
  if (own) element.body.textContent = message.text;
  else renderMarkdown(element.body, message.text);
  element.showFooter(own ? "" : answerNote(message));
  return element;
}
