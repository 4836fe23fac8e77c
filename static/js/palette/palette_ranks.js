/**
 * Decides whether a query in the palette means a command or a search. A command leads if its name begins with the
 * query and no hit matches it better: "dark" is a command, "the" is a word.
 *
 * @typedef {import("./palette_commands.js").Command} Command
 * @typedef {import("./search_feed.js").Hit} Hit
 */

const WORD = /[\p{L}\p{N}]+/gu;
/** If more command names than this begin with the same whole word, the word names none of them. */
const MOST_NAMED = 2;
const NAMED = 4;
const BEGUN = 2;
const FOUND = 0;

/** A rank that no command reaches unless it is named. */
export const UNKNOWN = 3;

/**
 * @param {Command[]} commands the matching commands
 * @param {string} query
 * @param {number} bar the rank of the best hit
 * @returns {{ leading: Command[], following: Command[] }}
 */
export function rankCommands(commands, query, bar) {
  const asked = wordsOf(query);
  const ranks = commands.map(({ label }) => commandRank(wordsOf(label), asked));
  const named = ranks.filter((rank) => rank === NAMED).length <= MOST_NAMED ? NAMED : BEGUN;
  const leads = ranks.map((rank) => Math.min(rank, named) >= bar);
  return { leading: commands.filter((_, at) => leads[at]), following: commands.filter((_, at) => !leads[at]) };
}

/** @param {Hit[]} hits @param {string} query */
export function bestRank(hits, query) {
  const asked = wordsOf(query);
  return Math.max(FOUND, ...hits.map(({ title, snippet }) => Math.max(hitRank(title, asked, 1), hitRank(snippet, asked, 0))));
}

/**
 * @param {string[]} name
 * @param {string[]} asked
 */
function commandRank(name, asked) {
  if (asked.every((word, at) => word === name[at])) return NAMED;
  const last = asked.length - 1;
  return asked.every((word, at) => (at < last ? word === name[at] : name[at]?.startsWith(word))) ? BEGUN : FOUND;
}

/**
 * @param {import("./search_feed.js").Segment[]} segments
 * @param {string[]} asked
 * @param {number} more the bonus of a title
 */
function hitRank(segments, asked, more) {
  if (!segments.some(({ match }) => match)) return FOUND;
  const words = new Set(wordsOf(segments.map(({ text }) => text).join("")));
  return (asked.every((word) => words.has(word)) ? 3 : 1) + more;
}

/** @param {string} text */
function wordsOf(text) {
  return text.toLowerCase().match(WORD) ?? [];
}
