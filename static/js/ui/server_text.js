import { gettext, messages } from "./i18n.js";

/**
 * Codes for which the server says more, but in English, used when its sentence has no translation.
 *
 * @type {Record<string, string>}
 */
const BY_CODE = {
  // @ts-expect-error -- null prototype: a code must not match an inherited property
  __proto__: null,
  unavailable: gettext("The site cannot do this right now. Try again in a moment."),
  too_many_requests: gettext("Too many requests. Wait a moment, then try again."),
  empty_answer: gettext("The model returned an empty answer."),
};

/** Separates the server's sentence from what it quotes. */
const QUOTES = " It says: ";

/**
 * The server's message in the user's language: its sentence if there is a translation, otherwise the meaning of its
 * code. Quoted text stays unchanged.
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

/** @param {string} text with a value in place of `{}`, if the template has one @returns {string | undefined} */
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
