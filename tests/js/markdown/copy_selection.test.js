import assert from "node:assert/strict";
import { test } from "node:test";

import { cleaned, plainText } from "../../../static/js/markdown/copy_selection.js";
import { drawFormula } from "../../../static/js/markdown/mathml.js";
import { document, whole } from "./page.js";

globalThis.document ??= document;

function copied(text) {
  const container = whole(text);
  for (const formula of container.querySelectorAll(".math")) drawFormula(formula, formula.getAttribute("data-tex"), false);
  return cleaned(container);
}

const words = (text) => plainText(copied(text));

test("labels and buttons are not copied, and formulas are copied as TeX", () => {
  assert.equal(words("Run:\n\n```bash\nls\n```\n\nand $x^2$.\n\n$$\ny\n$$"), "Run:\n\nls\n\nand $x^2$.\n\n$$\ny\n$$");
});

test("blocks and lines are separated as on the page", () => {
  assert.equal(words("# A\n\nb\nc\n\n- d\n- e\n  - f\n\n3. g\n4. h\n\n> i"), "A\n\nb\nc\n\n- d\n- e\n- f\n\n3. g\n4. h\n\ni");
  assert.equal(words("| a | b |\n|---|---|\n| 1 | 2 |\n"), "a\tb\n1\t2");
  assert.equal(words("- a\n\n- b\n"), "- a\n- b");
  assert.equal(words("a[^1]\n\n[^1]: n"), "a[1]\n\n[1]: n");
});

test("the copied markup has none of the page's attributes", () => {
  const container = copied("`a` [b](https://b.example) **c** \u0627\n\n```js\nlet d;\n```\n\n![e](https://e.example/f.png)\n\n3. g\n");
  const attributes = [...container.querySelectorAll("*")].flatMap((element) => [...element.attributes].map(({ name }) => name));
  assert.deepEqual([...new Set(attributes)].sort(), ["href", "start"]);
  assert.equal(container.querySelector("pre").textContent, "let d;\n");
});
