/** What models write after a fence to describe a code block, and fences within a fence. */

const NAMED = /\b(?:title|file(?:name)?)\s*=\s*(?:"([^"]*)"|'([^']*)'|(\S+))/i;
const BRACES = /^\{\s*(?!\s)\.?([^{}]*)\}/;
const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,}(?!~))[ \t]*(?:(\S+)[ \t]*)?$/;

// Its index among the rules of parser.js.
const FENCE_RULE = 3;

/** @typedef {import("./parser.js").Token} Token */
/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateBlock} StateBlock */
/** @typedef {{ language: string, file: string }} Info  file: the file name, and any other words */

/**
 * Reads `python`, `python:main.py`, `{python}` and `python title="main.py"`.
 *
 * @param {string} info
 * @returns {Info}
 */
export function readInfo(info) {
  const named = NAMED.exec(info);
  const words = info.replace(named?.[0] ?? "", "").trim().replace(BRACES, "$1").split(/\s+/);
  const [, language, path] = /^([^:]*):?([^]*)$/.exec(words[0].replace(/,$/, "")) ?? [];
  return { language, file: [path, named?.[1] ?? named?.[2] ?? named?.[3], ...words.slice(1)].filter(Boolean).join(" ") };
}

/**
 * A markdown block contains fences of its own: one with a language opens an inner block, which closes first. A `math`
 * block is a formula.
 *
 * @param {import("./parser.js").MarkdownIt} parser  with parser.js's block rules
 */
export function fences(parser) {
  const fence = parser.block.ruler.getRules("")[FENCE_RULE];
  parser.block.ruler.at(
    "fence",
    (state, first, end, silent) => {
      if (!fence(state, first, end, silent)) return false;
      const token = state.tokens[state.tokens.length - 1];
      if (!silent && /^\s*(?:markdown|md)\s*$/i.test(token.info)) extend(state, token, first, end);
      else if (!silent && /^\s*math\s*$/.test(token.info)) becomeFormula(state, token, first);
      return true;
    },
    { alt: ["paragraph", "reference", "blockquote", "list"] },
  );
}

/** @param {StateBlock} state @param {Token} token @param {number} first @param {number} end */
function extend(state, token, first, end) {
  let depth = 0;
  let line = first + 1;
  for (; line < end && (state.isEmpty(line) || state.sCount[line] >= state.blkIndent) && depth >= 0; line += 1) {
    const text = state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line]);
    const [, marker, language] = FENCE.exec(text) ?? [];
    if (marker?.[0] !== token.markup[0] || state.sCount[line] - state.blkIndent >= 4) continue;
    if (language) depth += 1;
    else if (depth || marker.length >= token.markup.length) depth -= 1;
  }
  token.content = state.getLines(first + 1, depth < 0 ? line - 1 : line, state.sCount[first], true);
  state.line = line;
  token.map = [first, line];
}

/** An unclosed one shows its source. @param {StateBlock} state @param {Token} token @param {number} first */
function becomeFormula(state, token, first) {
  const isClosed = state.line - first === token.content.split("\n").length + 1;
  token.type = "formula_block";
  token.info = "display";
  token.markup = state.getLines(first, state.line, state.sCount[first], false);
  token.content = isClosed ? token.content.trim() : "";
}
