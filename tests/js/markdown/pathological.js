/**
 * Texts that are known to make a renderer of markdown take a time that grows faster than they do: the kinds that cmark is
 * tested with (commonmark/cmark, test/pathological_tests.py), and those that this renderer has met. Each is made to any length.
 */

const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** @param {number} count @param {(index: number) => string} line */
const lines = (count, line) => Array.from({ length: Math.max(1, Math.floor(count)) }, (_, index) => line(index)).join("");
/** @param {string} piece  again and again, to about that length */
const again = (piece) => (/** @type {number} */ length) => piece.repeat(Math.max(1, Math.floor(length / piece.length)));
/** @param {string} before @param {string} middle @param {string} after  both sides of the middle */
const around = (before, middle, after) => (/** @type {number} */ length) => {
  const count = Math.max(1, Math.floor(length / (before.length + after.length)));
  return before.repeat(count) + middle + after.repeat(count);
};
/** Runs of one, two, three … of a character, as long as there is room. @param {string} piece @param {string} between */
const ladder = (piece, between) => (/** @type {number} */ length) => {
  let text = "";
  for (let size = 1; text.length < length; size += 1) text += piece.repeat(size) + between;
  return text;
};
/** Lines of growing indentation. @param {string} item */
const stairs = (item) => (/** @type {number} */ length) => {
  let text = "";
  for (let depth = 0; text.length < length; depth += 1) text += `${"  ".repeat(depth)}${item}\n`;
  return text;
};

/** @type {Record<string, (length: number) => string>} */
export const PATHOLOGICAL = {
  // cmark's kinds.
  "strong emphasis, nested": around("*a **a ", "b", " a** a*"),
  "emphasis closers without openers": again("a_ "),
  "emphasis openers without closers": again("_a "),
  "tilde openers": again("~~a "),
  "link closers without openers": again("a]"),
  "link openers without closers": again("[a"),
  "mismatched openers and closers": again("*a_ "),
  "two kinds of openers and closers": (length) => `${again("a**b")(length / 2)}${again("c* ")(length / 2)}`,
  "openers and closers of multiples of three": (length) => `a${again("**b")(length / 2)}${again("c* ")(length / 2)}`,
  "closers after an empty link": (length) => `${again("*")(100)}${again("*_* _ ")(length)}`,
  "links opened, emphasis inside": again("[ a_"),
  "link openers and emphasis closers": again("[a_ "),
  "brackets, nested": around("[", "a", "]"),
  "brackets of images, nested": around("![", "a", "]"),
  "brackets, open": again("["),
  "images, open": again("!["),
  "images without a closing parenthesis": again("![[]()"),
  "links without a closing parenthesis": again("[a](b"),
  "links without a closing angle bracket": again("[a](<b"),
  "links without a closing quote": again('[a](b "c'),
  "parentheses, nested in a link": (length) => `[a](${around("(", "b", ")")(length)})`,
  "parentheses, open in a link": (length) => `[a](${again("(")(length)}`,
  "one link of brackets": (length) => `[${again("[a]")(length)}](b)`,
  "block quotes, nested": (length) => `${again("> ")(length)}a`,
  "block quotes, nested and lazy": (length) => `${again(">")(length)}a\n${again("b\n")(length / 4)}`,
  "lists, nested": stairs("* a"),
  "lists, nested in one line": (length) => `${again("* ")(length)}a`,
  "ordered lists, nested in one line": (length) => `${again("1. ")(length)}a`,
  "lists and quotes, nested in one line": (length) => `${again("> - ")(length)}a`,
  "empty items": again("-\n"),
  "empty items of two kinds": again("-\n*\n"),
  "empty lines in a list": (length) => `- a\n${again("\n")(length)}b`,
  "empty lines in a quote": (length) => again(">\n")(length),
  "backticks, open": ladder("`", "e"),
  "backticks, ladder": ladder("`", " "),
  "backticks, closed": again("`a` "),
  "backticks, one run": again("`"),
  "entities": again("&amp;"),
  "entities, half": again("&a"),
  "entities, numeric": again("&#x1f600;"),
  "backslashes": again("\\"),
  "escapes": again("\\*"),
  "angle brackets": again("<"),
  "angle brackets, closed": again("<>"),
  "comments, open": again("<!--"),
  "comments, half": (length) => `a ${again("<!--a->")(length)}`,
  "instructions, open": again("<?"),
  "instructions in a line": again("a <?"),
  "declarations, open": again("<!A "),
  "CDATA, open": again("<![CDATA["),
  "CDATA in a line": again("a <![CDATA["),
  "tags, half": again("<a b='"),
  "tags, many": again("<x>"),
  "autolinks, half": again("<https://a"),
  "autolinks": again("<https://a.example>"),
  "mail autolinks": again("<a@b.example>"),
  "bare links": again("https://a.example/b "),
  "bare links, one long": (length) => `https://a.example/${again("a,")(length)}`,
  "bare links with parentheses": again("https://a.example/(("),
  "bare mails": again("a@b.example "),
  "at signs": again("a@"),
  "dots": again("a."),
  "www": again("www."),
  "colons": again("://"),
  "https, half": again("https:"),
  "reference definitions": (length) => lines(length / 20, (index) => `[label${index}]: /url${index}\n`),
  "reference definitions, one label": again("[a]: u\n"),
  "reference definitions and their uses": (length) => `${lines(length / 40, (index) => `[label${index}]: https://a.example\n`)}\n${lines(length / 40, (index) => `[label${index}] `)}`,
  "uses of what is defined late": (length) => `${lines(length / 40, (index) => `[label${index}]\n\n`)}\n${lines(length / 40, (index) => `[label${index}]: https://a.example\n`)}`,
  "uses of a long label": (length) => `[${again("a")(900)}]: https://a.example\n\n${again(`[${"a".repeat(900)}] `)(length)}`,
  "uses of a definition with a long target": (length) => `[a]: https://a.example/${again("b")(length / 2)}\n\n${again("[a] ")(length / 2)}`,
  "lookups that fail": (length) => lines(length / 12, (index) => `[${LETTERS[index % 26]}${index}][x] `),
  "definitions, half": again("[a\n"),
  "definitions without end": (length) => `[a]: u '${again("b\n")(length)}`,
  "definition titles": again("[a]: u 'b\n"),
  "definition labels": again("[a]:\n"),
  "long lines of spaces": (length) => `a${again(" ")(length)}b`,
  "spaces before breaks": again("a  \n"),
  "tabs": again("\t\n"),
  "headings": again("# a\n"),
  "heading marks": again("#"),
  "heading, closed by many": (length) => `# a ${again("# ")(length)}`,
  "underlined headings": again("a\n=\n"),
  "rules": again("***\n"),
  "rules, half": (length) => `${again("* ")(length)}a`,
  "fences": again("```\n"),
  "fences, closed": again("```\na\n```\n"),
  "fences of growing length": ladder("`", "\n"),
  "indented code": again("    a\n\n"),
  "fence with a long name": (length) => `\`\`\`${again("a")(length)}\n`,
  "tables, many": again("|a|\n|-|\n|b|\n\n"),
  "table without rows": again("|a|\n|-|\n"),
  "table, long": (length) => `|a|b|\n|-|-|\n${again("|c|d|\n")(length)}`,
  "table, wide": (length) => `${again("|a")(length / 2)}|\n${again("|-")(length / 2)}|\n`,
  "table, wide and long": (length) => {
    const columns = Math.floor(Math.sqrt(length / 2));
    return `${"|a".repeat(columns)}|\n${"|-".repeat(columns)}|\n${`${"|b".repeat(columns)}|\n`.repeat(columns)}`;
  },
  "table, wide, rows of one cell": (length) => `${again("|a")(length / 8)}|\n${again("|-")(length / 8)}|\n${again("|b\n")(length / 2)}`,
  "table delimiters, half": again("|-\n"),
  "table headings without delimiters": again("|a|b|c|\n"),
  "pipes": again("|"),
  "escaped pipes": (length) => `|a|\n|-|\n${again("|\\|")(length)}`,
  "code in tables": (length) => `|a|\n|-|\n${again("|`b\n")(length)}`,
  // Its own kinds.
  "breaks": again("<br>"),
  "breaks, hard": again("a\\\n"),
  "inline tags": again("<sub>a</sub>"),
  "inline tags, open": again("<sub>"),
  "inline tags, crossed": again("<sub>*a</sub>*"),
  "inline tags, nested": around("<sub>", "a", "</sub>"),
  "emphasis, crossed": again("**_* "),
  "emphasis": again("*a* "),
  "struck out": again("~~a~~ "),
  "formulas": again("$x^2$ "),
  "formulas, open": again("$x "),
  "formulas, brackets": again("\\(x\\) "),
  "formulas, brackets open": again("\\(x "),
  "formulas, display": again("$$x$$ "),
  "formulas, blocks": again("$$\nx\n$$\n"),
  "formulas, block lines": (length) => `$$\n${again("x\n")(length)}`,
  "dollars": again("$"),
  "dollar, then words": (length) => `$${again("a")(length)}`,
  "tasks": again("- [ ] a\n"),
  "tasks, half": again("- [\n"),
  "links": again("[a](https://b.example) "),
  "links that mislead": again("[https://a.example](https://b.example) "),
  "links, nested": around("[", "a", "](https://b.example)"),
  "images": again("![a](https://b.example/c.png) "),
  "images, nested": around("![", "a", "](https://b.example/c)"),
  "one word": again("a"),
  "one word of a right-to-left script": again("\u05d0"),
  "no letter": again("1 "),
  "digits": again("1"),
  "lines": again("a\n"),
  "paragraphs": again("a\n\n"),
  "right-to-left lines": again("\u05d0\n"),
  "items, right-to-left": again("- \u05d0\n"),
  "items": again("- a\n"),
  "ordered items": again("1. a\n"),
  "items, loose": again("- a\n\n"),
  "items of quotes": again("- > a\n"),
  "quotes": again("> a\n"),
  "quotes, many": again("> a\n\n"),
  "NUL": again("\0"),
  "emoji": again("\u{1f600}"),
  "combining marks": (length) => `a${again("\u0301")(length)}`,
  "direction marks": again("\u202e"),
  "zero width": again("\u200b"),
};
