/**
 * The texts of one language by their English originals: a text, or its plural forms in the order of `FORMS`, as far as
 * the language has them.
 * @typedef {{language: string, messages: Record<string, string | string[]>}} Translations
 */

const TRANSLATIONS_ID = "translations";
const FORMS = /** @type {const} */ (["zero", "one", "two", "few", "many", "other"]);

/** @type {Translations | undefined} */
let translations;
/** @type {Intl.PluralRules | undefined} */
let rules;

/**
 * The text in the user's language, or unchanged if there is no translation.
 * @param {string} text
 * @returns {string}
 */
export function gettext(text) {
  const found = ours().messages[text];
  return (typeof found === "string" && found) || text;
}

/**
 * The plural form for a count. `%(count)s` in it still has to be interpolated.
 * @param {string} one
 * @param {string} many
 * @param {number} count
 * @returns {string}
 */
export function ngettext(one, many, count) {
  const found = ours().messages[one];
  return (Array.isArray(found) && found[form(count)]) || (count === 1 ? one : many);
}

/**
 * `interpolate("%(count)s left", {count: 3})` is "3 left". A name without a value stays as it is.
 * @param {string} text
 * @param {Record<string, string | number>} values
 * @returns {string}
 */
export function interpolate(text, values) {
  return text.replace(/%\((\w+)\)s/g, (whole, name) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
}

/** The user's language as an `Intl` locale, for dates, numbers and the like. */
export function language() {
  return ours().language;
}

/** All translations, by their English texts. */
export function messages() {
  return ours().messages;
}

/** Read once, when first needed: the server embeds it in the page as data. English has none. */
function ours() {
  translations ??= read();
  return translations;
}

/** @returns {Translations} */
function read() {
  const element = globalThis.document?.getElementById(TRANSLATIONS_ID);
  if (!element) {
    return { language: "en", messages: Object.create(null) };
  }
  const { language, messages } = JSON.parse(element.textContent ?? "");
  // No prototype, so that "constructor" is not a translation.
  return { language, messages: Object.assign(Object.create(null), messages) };
}

/** @param {number} count */
function form(count) {
  rules ??= new Intl.PluralRules(ours().language);
  const { pluralCategories } = rules.resolvedOptions();
  return FORMS.filter((name) => pluralCategories.includes(name)).indexOf(rules.select(count));
}
