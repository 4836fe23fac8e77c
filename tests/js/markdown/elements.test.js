import assert from "node:assert/strict";
import { test } from "node:test";

import { document, element, LOCATION, rendered, stream, streamed, UNDRESSED, whole } from "./page.js";
import { MarkdownStream } from "../../../static/js/markdown/stream.js";

const content = (text) => whole(text).querySelector("p").innerHTML;

test("a line break in the source breaks the line", () => {
  assert.equal(content("Roses are red,\nViolets are blue."), "Roses are red,<br>Violets are blue.");
  assert.equal(content("• one\n• two  \n• three\\\n• four"), "• one<br>• two<br>• three<br>• four");
  assert.equal(whole("> a\n> b\n\n- c\n  d\n").querySelectorAll("blockquote br, li br").length, 2);
});

test("exact inline tags in pairs become elements", () => {
  assert.equal(content("H<sub>2</sub>O <kbd>a *b*</kbd> <mark>c<sup>d</sup></mark>"), "H<sub>2</sub>O <kbd>a <em>b</em></kbd> <mark>c<sup>d</sup></mark>");
  assert.equal(content("a<br>b<br/>c<br />d"), "a<br>b<br>c<br>d");
});

test("tags that are single, overlapping, or have anything in them stay text", () => {
  for (const text of ["a <sub>b", "a</sub> b", "<sub>a <kbd>b</sub> c", "<span>a</span>", "<sub >a</sub >", "<br x>", "`<sub>a</sub>`"]) {
    assert.equal(whole(text).querySelector("sub, kbd, br"), null, text);
    assert.equal(whole(text).textContent, text.replaceAll("`", ""));
  }
  assert.equal(content("*a <sub>b* c</sub>"), "<em>a &lt;sub&gt;b</em> c&lt;/sub&gt;");
});

test("task items have a read-only checkbox", () => {
  const list = whole("- [ ] open\n- [x] *done*\n- [X] big\n- [y] no\n- [x]no\n- [x]\n").querySelector("ul");
  const boxes = [...list.querySelectorAll("li")].map((item) => item.querySelector("input"));
  assert.deepEqual(boxes.map((box) => box && box.hasAttribute("checked")), [false, true, true, null, null, null]);
  assert.ok(boxes.every((box) => !box || box.hasAttribute("disabled")));
  assert.equal(list.querySelector("li").textContent, " open");
});

test("tables scroll in a focusable region", () => {
  const scroller = whole("| a | b |\n|:-:|--:|\n| 1 | 2 |\n").querySelector("table").parentElement;
  assert.equal(scroller.getAttribute("tabindex"), "0");
  assert.equal(scroller.getAttribute("role"), "region");
  assert.equal(scroller.getAttribute("aria-label"), "Table");
  assert.deepEqual([...scroller.querySelectorAll("td")].map((cell) => cell.getAttribute("class")), ["align-center", "align-right"]);
  assert.ok([...scroller.querySelectorAll("th")].every((cell) => cell.getAttribute("scope") === "col"));
});

test("code blocks name their language and can be copied", () => {
  const block = whole("```c++ title=x\nint a;\n```\n").querySelector(".code-block");
  assert.equal(block.querySelector(".code-language").textContent, "c++");
  assert.equal(block.querySelector("code").getAttribute("class"), "language-c++");
  assert.equal(block.querySelector("pre").getAttribute("dir"), "ltr");
  assert.deepEqual([...block.querySelectorAll("button")].map((button) => button.getAttribute("data-action")), ["wrap-code", "copy-code"]);
  assert.equal(whole('```"onload=x\n```\n').querySelector("code").hasAttribute("class"), false);
});

const directions = (container) => [...container.querySelectorAll("[dir]")].map((block) => `${block.localName} ${block.getAttribute("dir")}`);

test("every block has the direction of its own first letter", () => {
  assert.deepEqual(directions(whole("# a\n\n\u05d1 b\n\n- \u0627\n\n1. d\n\n> *1* `\u05d4`\n")), ["h1 ltr", "p rtl", "ul rtl", "ol ltr", "blockquote ltr", "code ltr"]);
  assert.deepEqual(directions(whole("- \u05d0\n  - b\n\n1. 2\n")), ["ul rtl", "ul ltr", "ol ltr"]);
  assert.deepEqual(directions(whole("| \u05d0 | b |\n|---|---|\n| 1 | \u05d1 |\n")), ["div rtl", "table rtl", "th rtl", "th ltr", "td ltr", "td rtl"]);
  assert.deepEqual(directions(whole("123 \u05d0 a")), ["p rtl"]);
  assert.deepEqual(directions(whole("![\u05d0](https://a.example/b) c")), ["p rtl"]);
});

test("code is isolated, and does not affect the direction of its paragraph", () => {
  const [first, second] = whole("\u0627\u0633 `--save-dev`\n\n`ls -la` \u064a\u0639\u0631\u0636\n").children;
  assert.equal(first.querySelector("code").getAttribute("dir"), "ltr");
  assert.deepEqual([first, second].map((block) => block.getAttribute("dir")), ["rtl", "rtl"]);
});

test("a table has the direction of its heading, in any chunks", () => {
  const text = "| 1 | \u0627\u0644\u0642\u064a\u0645\u0629 |\n|---|---|\n| a | b |\n";
  for (const container of [whole(text), rendered(text), streamed([...text]).container]) {
    assert.equal(container.querySelector("table").getAttribute("dir"), "rtl");
    assert.equal(container.querySelector(".table-scroll").getAttribute("dir"), "rtl");
  }
  assert.equal(whole("| a |\n|---|\n| \u0627 |\n").querySelector("table").getAttribute("dir"), "ltr");
});

test("code and formulas are not translated", () => {
  const code = whole("`a`\n\n```js\nb\n```\n\n$x$ and\n\n$$\ny\n$$\n").querySelectorAll("code, .math");
  assert.deepEqual([...code].map((each) => each.getAttribute("translate")), ["no", "no", "no", "no"]);
});

test("an open code block gets its later lines even if its text was replaced", () => {
  const { container, markdown } = stream();
  markdown.push("```js\nline 1\n");
  const code = container.querySelector("pre > code");
  const font = document.createElement("font");
  font.append(code.textContent);
  code.replaceChildren(font);
  markdown.push("line 2\nline 3\n```\n");
  markdown.finish();
  assert.equal(code.textContent, "line 1\nline 2\nline 3\n");
});

test("no block uses dir=auto, which would scan it again with each child", () => {
  assert.equal(whole("# a\n\nb\n\n- c\n\n1. d\n\n> e\n").querySelectorAll("[dir=auto]").length, 0);
});

test("a growing block sets its direction with its first letter, and stays the same element", () => {
  const { container, markdown } = stream();
  markdown.push("1, 2, ");
  const [block] = container.children;
  assert.equal(block.getAttribute("dir"), "ltr");
  markdown.push("\u05d0\u05d1");
  markdown.finish();
  assert.ok(container.firstElementChild === block);
  assert.equal(block.getAttribute("dir"), "rtl");
});

test("a text that cannot be built, for whatever reason, is shown unformatted", () => {
  const exhausted = {
    createElement: (name) => document.createElement(name),
    createDocumentFragment: () => {
      throw new RangeError("Maximum call stack size exceeded");
    },
  };
  const container = element();
  const markdown = new MarkdownStream(container, { location: LOCATION, document: exhausted, dressing: UNDRESSED });
  for (const chunk of ["a **b**", " <img>", "\n\nc"]) markdown.push(chunk);
  markdown.finish();
  assert.equal(container.textContent.replaceAll("\n", ""), "a **b** <img>c");
  assert.ok([...container.children].every((child) => child.getAttribute("class") === "plain-text"));
});
