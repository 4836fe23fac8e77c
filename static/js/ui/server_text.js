import { gettext, messages } from "./i18n.js";

/** Codes of which the server says more, but in English, where it is not known. @type {Record<string, string>} */
const BY_CODE = {
  // @ts-expect-error -- without the inherited names, which a code must not meet
  __proto__: null,
  unavailable: gettext("The site cannot do this right now. Try again in a moment."),
  too_many_requests: gettext("Too many requests. Wait a moment, then try again."),
  empty_answer: gettext("The model returned an empty answer."),
};

/** Between a sentence of the server's and what it quotes. */
const QUOTES = " It says: ";

/**
 * What the server says, in the reader's language: its sentence if that is known, else what its code means. What it quotes
 * stays as it was said.
 *
 * @param {string} code
 * @param {string} message
 * @returns {string | undefined}
 */
export function translated(code, message) {
  const [sentence, ...said] = message.split(QUOTES);
  const own = inOurs(sentence);
  return own === undefined ? BY_CODE[code] : [own, ...said].join(` ${gettext("It says:")} `);
}

/** @param {string} text which may have something in the place of a `{}` @returns {string | undefined} */
function inOurs(text) {
  const known = messages();
  if (typeof known[text] === "string") return /** @type {string} */ (known[text]);
  for (const [sentence, own] of Object.entries(known)) {
    const [before, after] = sentence.split("{}");
    if (after === undefined || text.length < before.length + after.length || !text.startsWith(before) || !text.endsWith(after)) continue;
    return String(own).replace("{}", () => text.slice(before.length, text.length - after.length));
  }
  return undefined;
}
