import { gettext, language } from "../ui/i18n.js";
import { keyNames } from "../ui/key_names.js";
import { cloneTemplate, part } from "../ui/template_parts.js";

/**
 * @typedef {import("../conversation/conversation_store.js").Conversation} Conversation
 * @typedef {import("./search_feed.js").Hit} Hit
 * @typedef {import("./search_feed.js").Segment} Segment
 * @typedef {import("./palette_commands.js").Command} Command
 */

/** @param {Command} command */
export function commandOption({ name, label, icon, keys = "" }) {
  const { option } = newOption(`command-${name}`, icon, [{ text: label, match: false }]);
  option.dataset.command = name;
  const shown = keys ? keyNames(keys).join(" ") : "";
  part(option, "aside").textContent = shown;
  return option;
}

/** @param {Conversation} conversation */
export function conversationOption({ id, title, updated_at: at }) {
  const { option } = newOption(`conversation-${id}`, "chat", [{ text: title || gettext("Untitled"), match: false }]);
  option.dataset.conversation = id;
  part(option, "aside").textContent = dayOf(at);
  return option;
}

/** @param {Hit} hit */
export function hitOption({ conversation, message_id: messageId, role, created_at: at, title, snippet }) {
  const { option, snippet: below } = newOption(`hit-${messageId ?? conversation.id}`, messageId ? "message" : "chat", title);
  option.dataset.conversation = conversation.id;
  if (messageId) option.dataset.message = messageId;
  part(option, "aside").textContent = dayOf(at);
  const who = role === "user" ? gettext("You: ") : "";
  if (messageId) below.append(who, ...snippet.map(segment));
  return option;
}

/**
 * @param {string} label
 * @param {HTMLElement[]} options
 * @param {string} id id of the heading
 */
export function optionGroup(label, options, id) {
  const group = document.createElement("div");
  group.setAttribute("role", "group");
  group.setAttribute("aria-labelledby", id);
  const heading = document.createElement("p");
  heading.className = "palette__group";
  heading.id = id;
  heading.textContent = label;
  group.append(heading, ...options);
  return group;
}

/**
 * @param {string} key
 * @param {string} icon
 * @param {Segment[]} words
 */
function newOption(key, icon, words) {
  const option = /** @type {HTMLElement} */ (cloneTemplate("palette-option-template").firstElementChild);
  option.id = `palette-${key}`;
  option.dataset.key = key;
  part(option, "icon").setAttribute("href", `#icon-${icon}`);
  part(option, "label").append(...words.map(segment));
  return { option, snippet: part(option, "snippet") };
}

/** @param {Segment} segment */
function segment({ text, match }) {
  if (!match) return document.createTextNode(text);
  const mark = document.createElement("mark");
  mark.textContent = text;
  return mark;
}

/** @param {string} at */
function dayOf(at) {
  const date = new Date(at);
  const sameYear = date.getFullYear() === new Date().getFullYear();
  return date.toLocaleDateString(language(), { day: "numeric", month: "short", ...(!sameYear && { year: "numeric" }) });
}
