/**
 * The only HTML allowed within a line of markdown: `<br>` and pairs of `<b> <i> <u> <sub> <sup> <kbd> <mark>`, without
 * attributes. A tag without its partner, or one that overlaps other markup, stays text. Comments are hidden.
 * (`<details>`: folds.js.)
 */

/** @typedef {import("./parser.js").Token} Token */
/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").TokenConstructor} TokenConstructor */

const BREAK = /<br\s?\/?>/iy;
const TAG = /<(\/?)(b|i|u|sub|sup|kbd|mark)>/iy;
const COMMENT = /<!--(?:-?>|[^]*?-->)/y;
const LONGEST_COMMENT = 2_000;

/** @param {import("./parser.js").MarkdownIt} parser */
export function inlineTags(parser) {
  parser.inline.ruler.before("autolink", "inline_tag", (state, silent) => {
    if (state.src.charCodeAt(state.pos) !== 0x3c) return false;
    const comment = matchAt(COMMENT, state);
    const found = comment ?? matchAt(BREAK, state) ?? matchAt(TAG, state);
    if (!found) return false;
    if (!silent && !comment) {
      const tag = found[2]?.toLowerCase();
      const token = state.push(tag ? "inline_tag" : "hardbreak", tag ?? "br", 0);
      token.content = tag ? found[0] : "";
      token.info = found[1] ?? "";
    }
    state.pos += found[0].length;
    return true;
  });

  parser.core.ruler.after("inline", "pair_inline_tags", ({ tokens, env, Token }) => {
    for (const token of tokens) {
      if (!token.children) continue;
      const open = pairTags(token.children);
      if (token === env.unfinishedToken) closeAtEnd(token.children, open, Token);
      for (const child of token.children) if (child.type === "inline_tag") child.type = "text";
    }
  });
}

/**
 * @param {RegExp} pattern
 * @param {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateInline} state
 */
function matchAt(pattern, state) {
  pattern.lastIndex = 0;
  return pattern.exec(state.src.slice(state.pos, Math.min(state.posMax, state.pos + LONGEST_COMMENT)));
}

/**
 * Turns tag pairs on the same level into open and close tokens.
 *
 * @param {Token[]} tokens
 * @returns {Token[]} the tags still open at the end
 */
function pairTags(tokens) {
  /** @type {Token[]} */
  const open = [];
  for (const token of tokens) {
    if (token.type === "inline_tag" && !token.info) open.push(token);
    else if (token.type === "inline_tag") closeTag(open, token);
    else if (token.nesting > 0) open.push(token);
    else if (token.nesting < 0) while (open.pop()?.type === "inline_tag");
  }
  return open;
}

/**
 * In a preview, the closing tag is about to arrive.
 *
 * @param {Token[]} tokens
 * @param {Token[]} open
 * @param {TokenConstructor} Token
 */
function closeAtEnd(tokens, open, Token) {
  for (const opener of open.reverse()) {
    if (opener.type !== "inline_tag") continue;
    const closer = new Token("inline_tag", opener.tag, 0);
    become(opener, "open", 1);
    become(closer, "close", -1);
    tokens.push(closer);
  }
}

/** @param {Token[]} open @param {Token} token */
function closeTag(open, token) {
  const partner = open.at(-1);
  if (partner?.type !== "inline_tag" || partner.tag !== token.tag) return;
  open.pop();
  become(partner, "open", 1);
  become(token, "close", -1);
}

/** @param {Token} token @param {"open" | "close"} side @param {number} nesting */
function become(token, side, nesting) {
  token.type = `${token.tag}_${side}`;
  token.nesting = nesting;
  token.content = "";
}
