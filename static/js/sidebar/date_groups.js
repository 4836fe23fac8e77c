import { gettext, language } from "../ui/i18n.js";

const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * The heading for an item of this age in a list.
 *
 * Days are calendar days in the user's time zone, so a clock change does not move a conversation to another day.
 *
 * @param {Date} date
 * @param {Date} now
 * @param {string} [locale]
 * @returns {string}
 */
export function dateGroup(date, now, locale = language()) {
  const days = Math.round((startOfDay(now) - startOfDay(date)) / DAY_MS);
  if (days <= 0) return gettext("Today");
  if (days === 1) return gettext("Yesterday");
  if (days <= 7) return gettext("Previous 7 days");
  if (days <= 30) return gettext("Previous 30 days");
  return date.toLocaleDateString(locale, { month: "long", year: "numeric" });
}

/**
 * @template T
 * @param {T[]} items newest first
 * @param {(item: T) => Date} dateOf
 * @param {Date} now
 * @param {string} [locale]
 * @returns {{ label: string, items: T[] }[]}
 */
export function groupByDate(items, dateOf, now, locale) {
  /** @type {{ label: string, items: T[] }[]} */
  const groups = [];
  for (const item of items) {
    const label = dateGroup(dateOf(item), now, locale);
    const last = groups.at(-1);
    if (last?.label === label) last.items.push(item);
    else groups.push({ label, items: [item] });
  }
  return groups;
}

/** @param {Date} date */
function startOfDay(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
