import { gettext } from "../ui/i18n.js";

/** @type {Record<string, string>} */
const OURS = {
  // @ts-expect-error -- without the inherited names, which a state must not meet
  __proto__: null,
  retrying: gettext("The model is busy. Retrying…"),
  saving: gettext("Saving the answer…"),
};

/**
 * A progress line in the reader's language, where its state says all that there is to say. The text of any other state
 * says more than that, and is left as it is.
 *
 * @param {{ state?: string, text: string }} status the data of a `status` event
 */
export function statusText({ state, text }) {
  return OURS[state ?? ""] ?? text;
}
