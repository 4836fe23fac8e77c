import { gettext, interpolate, ngettext } from "../ui/i18n.js";

/** @type {Record<string, string>} */
const FINISH_NOTES = {
  // @ts-expect-error -- null prototype: a reason must not match an inherited property
  __proto__: null,
  length: gettext("Cut off at the model's length limit"),
  content_filter: gettext("Stopped by the model's content filter"),
  refusal: gettext("The model declined to answer"),
  tool_limit: gettext("The model had used its tools as often as this site allows"),
  abandoned: gettext("Stopped: nobody was reading"),
};
const CONTINUABLE = new Set(["length", "stopped"]);

/**
 * The note below an answer that did not end by itself, or whose model has not read the whole conversation.
 *
 * @typedef {{ left_out?: number, cut_by_server?: boolean }} Context
 * @param {{ status?: string, finish_reason?: string | null, context?: Context }} message saved, or the data of `done`
 */
export function answerNote({ status, finish_reason: reason, context }) {
  return [endNote(status, reason), context ? contextNote(context) : ""].filter(Boolean).join(" · ");
}

/** @param {string | undefined} status @param {string | null | undefined} reason */
function endNote(status, reason) {
  if (reason && FINISH_NOTES[reason]) return FINISH_NOTES[reason];
  return status === "stopped" ? gettext("Stopped") : "";
}

/** @param {Context} context */
function contextNote({ left_out: count = 0, cut_by_server: isCut = false }) {
  if (isCut) return gettext("The model's server did not read all of this conversation: its context length may be set too low");
  if (!count) return "";
  return interpolate(
    ngettext(
      "%(count)s earlier message is too much for this model and was not sent",
      "%(count)s earlier messages are too much for this model and were not sent",
      count,
    ),
    { count },
  );
}

/** The state of a saved answer. @param {{ status?: string }} message @returns {"completed" | "stopped" | "waiting"} */
export function stateOf({ status }) {
  return status === "stopped" || status === "waiting" ? status : "completed";
}

/** The line below an answer that waits for the person. @param {{ status?: string, finish_reason?: string | null }} message */
export function waitingLine({ status, finish_reason: reason }) {
  if (status !== "waiting") return "";
  return reason === "question" ? gettext("Waiting for your answer") : gettext("Waiting for your decision");
}

/** Whether the answer can be continued. @param {{ finish_reason?: string | null }} message */
export function isContinuable({ finish_reason: reason }) {
  return CONTINUABLE.has(reason ?? "");
}

/**
 * The answer's label: the assistant, and the model if its name adds anything.
 *
 * @param {{ assistant?: string | null, model?: string | null }} answer
 * @param {{ slug: string, name: string }[]} assistants
 */
export function answerLabel({ assistant, model }, assistants) {
  const name = assistants.find(({ slug }) => slug === assistant)?.name ?? assistant ?? "";
  if (!name) return model || gettext("Assistant");
  if (!model || model.toLowerCase() === name.toLowerCase()) return name;
  return `${name} · ${model}`;
}

/** @param {string} text @returns {number} Unicode code points, as the server counts them */
export function countCharacters(text) {
  let count = 0;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    const paired = unit >= 0xd800 && unit <= 0xdbff && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00;
    if (paired) index += 1;
    count += 1;
  }
  return count;
}
