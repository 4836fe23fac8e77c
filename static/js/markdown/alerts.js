/** GitHub alerts: a quote that begins with `[!NOTE]` or the like gets a title and its own style. */

import { gettext } from "../ui/i18n.js";

const MARK = /^\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\][ \t]*([^\n]*)(?:\n|$)/i;

/** @param {import("./parser.js").MarkdownIt} parser */
export function alerts(parser) {
  parser.core.ruler.before("inline", "alerts", ({ tokens, Token }) => {
    for (let index = 0; index < tokens.length - 2; index += 1) {
      const [quote, paragraph, inline] = tokens.slice(index, index + 3);
      const found = quote.type === "blockquote_open" && paragraph.type === "paragraph_open" && MARK.exec(inline.content);
      if (!found) continue;
      const kind = found[1].toLowerCase();
      quote.meta = { alert: kind };
      const rest = inline.content.slice(found[0].length);
      if (found[2]) {
        paragraph.meta = { isTitle: true };
        inline.content = found[2];
        if (rest.trim()) tokens.splice(index + 4, 0, ...paragraphOf(rest, inline, Token));
        continue;
      }
      const title = new Token("alert_title", "p", 0);
      title.content = titleOf(kind);
      inline.content = rest;
      if (rest.trim()) tokens.splice(index + 1, 0, title);
      else tokens.splice(index + 1, 3, title);
    }
  });
}

/** @param {string} kind */
function titleOf(kind) {
  const titles = /** @type {Record<string, string>} */ ({
    note: gettext("Note"),
    tip: gettext("Tip"),
    important: gettext("Important"),
    warning: gettext("Warning"),
    caution: gettext("Caution"),
  });
  return titles[kind];
}

/** @param {string} text @param {import("./parser.js").Token} like @param {import("../../vendor/markdown-it-15.0.3/markdown-it.js").TokenConstructor} Token */
function paragraphOf(text, like, Token) {
  const [open, inline, close] = [new Token("paragraph_open", "p", 1), new Token("inline", "", 0), new Token("paragraph_close", "p", -1)];
  inline.content = text;
  inline.children = [];
  for (const token of [open, inline, close]) {
    token.level = like.level - Number(token !== inline);
    token.map = like.map;
    token.block = true;
  }
  return [open, inline, close];
}
