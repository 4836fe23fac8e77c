import { gettext } from "../ui/i18n.js";

/** @type {Record<string, string>} */
const OURS = {
  // @ts-expect-error -- null prototype: a state must not match an inherited property
  __proto__: null,
  retrying: gettext("The model is busy. Retrying…"),
  saving: gettext("Saving the answer…"),
  shortening: gettext("The conversation is too long for this model. Leaving out its beginning…"),
};

/**
 * The progress line in the user's language, if its state says everything. For any other state, the server's text says
 * more and is returned unchanged.
 *
 * @param {{ state?: string, text: string }} status data of a `status` event
 */
export function statusText({ state, text }) {
  return OURS[state ?? ""] ?? text;
}
