import assert from "node:assert/strict";
import { test } from "node:test";

import { document, element, LOCATION, stream, UNDRESSED, whole } from "./page.js";
import { MarkdownStream } from "../../../static/js/markdown/stream.js";

const content = (text) => whole(text).querySelector("p").innerHTML;

test("exact inline tags in pairs are elements", () => {
  assert.equal(content("H<sub>2</sub>O <kbd>a *b*</kbd> <mark>c<sup>d</sup></mark>"), "H<sub>2</sub>O <kbd>a <em>b</em></kbd> <mark>c<sup>d</sup></mark>");
  assert.equal(content("a<br>b<br/>c<br />d"), "a<br>b<br>c<br>d");
});

test("tags alone, crossing others, or with anything in them are text", () => {
  for (const text of ["a <sub>b", "a</sub> b", "<sub>a <kbd>b</sub> c", "<SUB>a</SUB>", "<sub >a</sub >", "<br x>", "`<sub>a</sub>`"]) {
    assert.equal(whole(text).querySelector("sub, kbd, br"), null, text);
    assert.equal(whole(text).textContent, text.replaceAll("`", ""));
  }
  assert.equal(content("*a <sub>b* c</sub>"), "<em>a &lt;sub&gt;b</em> c&lt;/sub&gt;");
});

test("task items have a checkbox that only shows", () => {
  const list = whole("- [ ] open\n- [x] *done*\n- [X] big\n- [y] no\n- [x]no\n- [x]\n").querySelector("ul");
  const boxes = [...list.querySelectorAll("li")].map((item) => item.querySelector("input"));
  assert.deepEqual(boxes.map((box) => box && box.hasAttribute("checked")), [false, true, true, null, null, null]);
  assert.ok(boxes.every((box) => !box || box.hasAttribute("disabled")));
  assert.equal(list.querySelector("li").textContent, " open");
});

test("tables scroll in a region that can be focused", () => {
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
  assert.deepEqual(directions(whole("# a\n\n\u05d1 b\n\n- \u0627\n\n1. d\n\n> *1* `\u05d4`\n")), ["h1 ltr", "p rtl", "ul rtl", "ol ltr", "blockquote rtl"]);
  assert.deepEqual(directions(whole("- \u05d0\n  - b\n\n1. 2\n")), ["ul rtl", "ul ltr", "ol ltr"]);
  assert.deepEqual(directions(whole("| \u05d0 | b |\n|---|---|\n| 1 | \u05d1 |\n")), ["th rtl", "th ltr", "td ltr", "td rtl"]);
  assert.deepEqual(directions(whole("123 \u05d0 a")), ["p rtl"]);
  assert.deepEqual(directions(whole("![\u05d0](https://a.example/b) c")), ["p rtl"]);
});

test("no block asks the browser for its direction, which would look through it with each child", () => {
  assert.equal(whole("# a\n\nb\n\n- c\n\n1. d\n\n> e\n").querySelectorAll("[dir=auto]").length, 0);
});

test("a block that grows turns when its first letter comes, and stays the same element", () => {
  const { container, markdown } = stream();
  markdown.push("1, 2, ");
  const [block] = container.children;
  assert.equal(block.getAttribute("dir"), "ltr");
  markdown.push("\u05d0\u05d1");
  markdown.finish();
  assert.ok(container.firstElementChild === block);
  assert.equal(block.getAttribute("dir"), "rtl");
});

test("a text that cannot be built, however it fails, is shown as it is", () => {
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
