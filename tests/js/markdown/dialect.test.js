import assert from "node:assert/strict";
import { test } from "node:test";

import { inChunks, serialised, stream, streamed, whole } from "./page.js";

const html = (text) => whole(text).innerHTML.replace(/ (dir|translate|tabindex|type|data-action|aria-label)="[^"]*"/g, "");

function assertStreams(text) {
  for (const size of [1, 3, 7, 20]) assert.equal(serialised(streamed(inChunks(text, size)).container), serialised(whole(text)), text);
}

const PAGES = {
  "a fold with markdown in it": [
    "<details>\n<summary>More</summary>\n\nHidden **text**\n\n</details>\n\nend",
    "<details><summary>More</summary><p>Hidden <strong>text</strong></p></details><p>end</p>",
  ],
  "a one-line fold": ["<DETAILS open><summary>A `x`</summary>text</DETAILS>\nend", "<details><summary>A <code>x</code></summary><p>text</p></details><p>end</p>"],
  "nested folds, and tags in code": [
    "<details>\n<summary>\nA\n</summary>\n\n<details>\nB\n\n```\n</details>\n```\n</details>\n</details>\n\nend",
    /^<details><summary>A<\/summary><details><p>B<\/p><div class="code-block">.*<\/details><\/details><p>end<\/p>$/s,
  ],
  "an unclosed fold": ["<details>\n<summary>A</summary>\n\nB", "<details><summary>A</summary><p>B</p></details>"],
  "a fold in a list": ["- x\n\n  <details>\n  y\n  </details>\n- z", "<ul><li><p>x</p><details><p>y</p></details></li><li><p>z</p></li></ul>"],
  "inline tags": ["A <b>bold</b> <I>word</I> <u>u</u> and<BR>end", "<p>A <b>bold</b> <i>word</i> <u>u</u> and<br>end</p>"],
  "comments": ["a <!-- b\nc -->d\n\n<!-- alone -->\n\ne", "<p>a d</p><p>e</p>"],
  "text between comments": ["<!-- a --> seen <!-- b -->\n\n- <!-- c --> *too* <!-- d -->", "<p> seen </p><ul><li> <em>too</em> </li></ul>"],
  "comments on their own line": ["a\n\n<!-- b --><!----> <!-- c -->\n\nd", "<p>a</p><p>d</p>"],
  "comments that end where they begin": ["<!--> seen --> a\n\nb <!---> seen -->", "<p> seen --&gt; a</p><p>b  seen --&gt;</p>"],
  "an unclosed comment": ["a <!-- open\n\nb", "<p>a &lt;!-- open</p><p>b</p>"],
  "an alert": ["> [!NOTE]\n> Useful.", '<blockquote class="alert alert-note"><p class="alert-title">Note</p><p>Useful.</p></blockquote>'],
  "an alert with its own title": ["> [!warning] Mind **it**\n> a", '<blockquote class="alert alert-warning"><p class="alert-title">Mind <strong>it</strong></p><p>a</p></blockquote>'],
  "an alert of an unknown type": ["> [!FOO]\n> c", "<blockquote><p>[!FOO]<br>c</p></blockquote>"],
  "footnotes": [
    "A claim.[^1] [^2]\n\n[^1]: Smith\n    et al.\n\n    In 2020.\n",
    '<p>A claim.<sup class="footnote-mark"><button>1</button></sup> [^2]</p><div data-note="1" class="footnote"><span class="footnote-label">1</span><p>Smith<br>et al.</p><p>In 2020.</p></div>',
  ],
};

for (const [name, [text, expected]] of Object.entries(PAGES)) {
  test(`${name}: it looks as specified, in any chunks`, () => {
    if (typeof expected === "string") assert.equal(html(text), expected);
    else assert.match(html(text), expected);
    assertStreams(text);
  });
}

test("a fold that the reader opened stays open while the text grows", () => {
  const { container, markdown } = stream();
  markdown.push("<details>\n<summary>A</summary>\n\nB");
  const fold = container.querySelector("details");
  fold.setAttribute("open", "");
  for (const character of " and more\n\n- c\n") markdown.push(character);
  assert.ok(container.querySelector("details") === fold);
  assert.ok(fold.hasAttribute("open"));
});

test("the title of an alert does not affect its direction", () => {
  assert.equal(whole("> [!TIP]\n> \u0627\u0633").querySelector("blockquote").getAttribute("dir"), "rtl");
});

test("a fold or an alert takes no attribute from the text", () => {
  assert.equal(whole("<details onclick=x>\na\n</details>").querySelector("details"), null);
  assert.equal(html('<details open="x">\na\n</details>'), "<details><p>a</p></details>");
});
