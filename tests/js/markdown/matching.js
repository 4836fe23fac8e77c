/**
 * Matches a regular expression as browsers do, by trying, and counts what it tries: the time that a pattern takes, without a
 * clock. It knows what the patterns of the page are made of, and throws at anything else.
 */

const QUANTIFIER = /(?:[*+?]|\{(\d+)(,(\d*))?\})\??/y;
const ATOM = /\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[\da-fA-F]{4}|x[\da-fA-F]{2}|[^\dk])|\[(?:\\[^]|[^\]\\])*\]|[^]/y;
const GROUP = /\((?:\?(?:<(?![=!])[^>]*>|:|<?[=!]))?/y;
// Besides what stands in the pattern itself.
const USUAL = [..."ab1 \n\t.,:;!?@/\\|-_=+*~`'\"<>()[]{}$#%^&", "\u00e9", "\u3042", "\u200b"];

/** Work that was more than a limit. */
export class TooMuch extends Error {}

/** @param {RegExp} pattern */
export function read(pattern) {
  const { source, flags } = pattern;
  const inner = flags.replace(/[gym]/g, "");
  /** @type {Set<string>} */
  const characters = new Set(USUAL);
  let at = 0;

  const take = (/** @type {RegExp} */ wanted) => {
    wanted.lastIndex = at;
    const found = wanted.exec(source);
    if (found) at += found[0].length;
    return found;
  };
  const alternatives = () => {
    const options = [sequence()];
    while (source[at] === "|") {
      at += 1;
      options.push(sequence());
    }
    return options.length === 1 ? options[0] : { kind: "either", options };
  };
  const sequence = () => {
    const items = [];
    while (at < source.length && source[at] !== "|" && source[at] !== ")") items.push(repeated(atom()));
    return { kind: "all", items };
  };
  const repeated = (item) => {
    const found = take(QUANTIFIER);
    if (!found) return item;
    const [text, low, range, high] = found;
    const least = low ? Number(low) : Number(text[0] === "+");
    const most = low ? (range ? Number(high || Infinity) : least) : text[0] === "?" ? 1 : Infinity;
    return { kind: "repeat", item, least, most, isLazy: text.length > 1 && text.endsWith("?") };
  };
  const atom = () => {
    if (source[at] === "(") {
      const [opening] = take(GROUP);
      const inside = alternatives();
      at += 1;
      if (!/[=!]$/.test(opening)) return inside;
      return { kind: "look", item: inside, isBehind: opening.includes("<"), wanted: opening.endsWith("=") };
    }
    const found = take(ATOM);
    if (!found) throw new Error(`Not known: ${source.slice(at)}`);
    const [text] = found;
    if (/^(?:[$^]|\\[bB])$/.test(text)) return { kind: "edge", text };
    const one = new RegExp(`^(?:${text})$`, inner);
    if (!text.startsWith("[")) [...text].forEach((each) => characters.add(each));
    else [...text.slice(1, -1)].forEach((each) => characters.add(each));
    const known = new Map();
    const test = (character) => known.get(character) ?? (known.set(character, one.test(character)), known.get(character));
    return { kind: "one", test };
  };

  const tree = alternatives();
  if (at < source.length) throw new Error(`Not read: ${source.slice(at)}`);
  return { tree, flags, characters: [...characters] };
}

/**
 * Finds all matches, and counts what that takes.
 *
 * @param {ReturnType<typeof read>} pattern @param {string} text @param {number} limit
 * @returns {number} of matches; throws TooMuch past so many steps
 */
export function matchesOf({ tree, flags }, text, limit) {
  const characters = /[uv]/.test(flags) ? [...text] : text.split("");
  const isWord = (at) => /^\w$/.test(characters[at] ?? "");
  let steps = 0;
  const step = () => {
    if ((steps += 1) > limit) throw new TooMuch();
  };

  /** @returns {boolean} whether the node matches here and what comes after it does, too */
  const matches = (node, at, isBackward, then) => {
    step();
    if (node.kind === "one") {
      const character = characters[isBackward ? at - 1 : at];
      return character !== undefined && node.test(character) && then(isBackward ? at - 1 : at + 1);
    }
    if (node.kind === "edge") return isEdge(node.text, at) && then(at);
    if (node.kind === "either") return node.options.some((option) => matches(option, at, isBackward, then));
    if (node.kind === "all") return inOrder(isBackward ? node.items.toReversed() : node.items, 0, at, isBackward, then);
    if (node.kind === "look") return matches(node.item, at, node.isBehind, () => true) === node.wanted && then(at);
    return repeats(node, 0, at, isBackward, then);
  };
  const inOrder = (items, index, at, isBackward, then) =>
    index === items.length ? then(at) : matches(items[index], at, isBackward, (end) => inOrder(items, index + 1, end, isBackward, then));
  const repeats = (node, count, at, isBackward, then) => {
    const more = () =>
      count < node.most &&
      matches(node.item, at, isBackward, (end) => (end !== at || count < node.least) && repeats(node, count + 1, end, isBackward, then));
    if (count < node.least) return more();
    return node.isLazy ? then(at) || more() : more() || then(at);
  };
  const isEdge = (text, at) => {
    if (text === "^") return at === 0 || (flags.includes("m") && characters[at - 1] === "\n");
    if (text === "$") return at === characters.length || (flags.includes("m") && characters[at] === "\n");
    return (isWord(at - 1) !== isWord(at)) === (text === "\\b");
  };

  let count = 0;
  for (let start = 0; start <= characters.length; ) {
    let end = -1;
    const found = matches(tree, start, false, (at) => ((end = at), true));
    if (!found && flags.includes("y")) break;
    count += Number(found);
    start = found && end > start ? end : start + 1;
  }
  return count;
}

/**
 * A text that the pattern, looked-at places aside, matches.
 *
 * @param {ReturnType<typeof read>} pattern @param {ReturnType<typeof import("./page.js").chance>} random
 */
export function sampleOf({ tree, characters }, random) {
  const made = (node) => {
    if (node.kind === "one") return random.pick(characters.filter(node.test).concat(node.test("\u0005") ? "\u0005" : [])) ?? "";
    if (node.kind === "either") return made(random.pick(node.options));
    if (node.kind === "all") return node.items.map(made).join("");
    if (node.kind !== "repeat") return "";
    const count = Math.min(node.most, node.least + random.below(3));
    return Array.from({ length: count }, () => made(node.item)).join("");
  };
  return made(tree);
}
