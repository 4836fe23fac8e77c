/**
 * Finds where the finished blocks of a streamed text end.
 *
 * A CommonMark block that a complete line has closed cannot reopen, so everything before the last block is final. The
 * exception is a definition, or a heading that may become part of one: `[a]: /u` may get its title from the following
 * lines, and a title or label may continue across an `===` underline; both only without a blank line or another block
 * in between.
 */

/** @typedef {import("./parser.js").Token} Token */

/**
 * @param {Token[]} tokens  block tokens of complete lines only
 * @returns {number} how many of the lines are final
 */
export function settledLines(tokens) {
  const blocks = tokens.filter((token) => token.level === 0 && token.nesting >= 0 && token.map);
  const open = firstOpenBlock(tokens, blocks);
  return open > 0 ? lastLine(blocks[open - 1]) : 0;
}

/** @param {Token[]} tokens @param {Token[]} blocks */
function firstOpenBlock(tokens, blocks) {
  let open = blocks.length - 1;
  for (let index = open; index >= 0; index -= 1) {
    const block = blocks[index];
    const next = blocks[index + 1];
    if (next && (lastLine(block) !== next.map?.[0] || !canContinueDefinition(next))) break;
    if (block.type === "reference_definition") return index;
    if (!canContinueDefinition(block)) break;
    if (textOf(tokens, block).startsWith("[")) open = index;
  }
  return open;
}

/** A title or label may continue through a paragraph and an underlined heading, nothing else. @param {Token} block */
function canContinueDefinition(block) {
  return block.type === "paragraph_open" || (block.type === "heading_open" && !block.markup.startsWith("#"));
}

/** @param {Token[]} tokens @param {Token} block */
function textOf(tokens, block) {
  return tokens[tokens.indexOf(block) + 1].content;
}

/** @param {Token} block */
function lastLine(block) {
  return block.map ? block.map[1] : 0;
}
