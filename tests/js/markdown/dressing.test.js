import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { document, element, LOCATION, serialised, whole } from "./page.js";
import { Dressing } from "../../../static/js/markdown/dressing.js";
import { boundedAttribute, boundedStyle } from "../../../static/js/markdown/formula_lengths.js";
import { drawFormula, ELEMENTS } from "../../../static/js/markdown/mathml.js";
import { MarkdownStream } from "../../../static/js/markdown/stream.js";
import { readCode } from "../../../static/js/markdown/highlight_worker.js";
import { colourCode } from "../../../static/js/markdown/syntax.js";
import hljs from "../../../static/vendor/highlight-11.12.0/core.js";

/** Runs promise callbacks and module loads. */
const settle = async () => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** Modules that only record what they are asked, loaded when the test says so. */
function stage({ fails = 0 } = {}) {
  const asked = { syntax: 0, mathml: 0 };
  const coloured = [];
  const drawn = [];
  const idle = [];
  let failures = fails;
  const load = (name, module) => async () => {
    asked[name] += 1;
    if (failures > 0) {
      failures -= 1;
      throw new TypeError("no network");
    }
    return module;
  };
  const dressing = new Dressing({
    syntax: load("syntax", {
      readCode: async (code, grammar) => [[grammar, code]],
      colourCode: (code, [[grammar]]) => {
        coloured.push([grammar, code.textContent]);
        const span = document.createElement("span");
        span.append(code.textContent);
        code.replaceChildren(span);
      },
    }),
    mathml: load("mathml", {
      drawFormula: (formula, tex, isDisplay) => {
        drawn.push([tex, isDisplay]);
        formula.replaceChildren(document.createElement("math"));
        return true;
      },
    }),
    whenIdle: (work) => idle.push(work),
  });
  const container = element();
  const markdown = new MarkdownStream(container, { location: LOCATION, dressing });
  return {
    asked, coloured, drawn, container, markdown,
    /** `look` sees the page after each turn that it has. */
    async rest(look = () => {}) {
      await settle();
      look();
      while (idle.length) {
        idle.shift()();
        await settle();
        look();
      }
    },
  };
}

test("nothing is loaded for a text without code and formulas", async () => {
  const it = stage();
  it.markdown.push("# a\n\ntext `code` **b**\n\n```\nno language\n```\n\n```brainf\n+\n```\n");
  it.markdown.finish();
  await it.rest();
  assert.deepEqual(it.asked, { syntax: 0, mathml: 0 });
});

test("a fence is coloured once closed, in idle time", async () => {
  const it = stage();
  it.markdown.push("```js\nlet a;\n");
  await it.rest();
  assert.deepEqual(it.coloured, []);
  it.markdown.push("```\n");
  await settle();
  assert.deepEqual(it.coloured, []);
  await it.rest();
  assert.deepEqual(it.coloured, [["javascript", "let a;\n"]]);
});

test("a fence in a list is coloured when something follows it, and keeps its colours while the list grows", async () => {
  const it = stage();
  it.markdown.push("1. one\n\n   ```py\n   a\n   ```\n");
  await it.rest();
  assert.deepEqual(it.coloured, []);
  it.markdown.push("2. two");
  await it.rest();
  const span = it.container.querySelector("code span");
  assert.ok(span);
  it.markdown.push(" and more\n3. three\n\nend\n");
  it.markdown.finish();
  await it.rest();
  assert.ok(it.container.querySelector("code span") === span);
  assert.equal(it.coloured.length, 1);
});

test("very long code stays plain", async () => {
  const it = stage();
  it.markdown.push(`\`\`\`js\n${"let a;\n".repeat(5_000)}\`\`\`\n`);
  it.markdown.finish();
  await it.rest();
  assert.deepEqual(it.coloured, []);
});

test("a late definition keeps colours and drawn formulas", async () => {
  const it = stage();
  it.markdown.push("- [late] $x$\n\n  ```js\n  let a;\n  ```\n\nmiddle\n\n");
  await it.rest();
  const span = it.container.querySelector("code span");
  it.markdown.push("[late]: https://late.example\n");
  it.markdown.finish();
  await it.rest();
  assert.equal(it.container.querySelectorAll("a").length, 1);
  assert.ok(span && it.container.querySelector("code span") === span);
  assert.ok(it.container.querySelector(".math > math"));
});

test("a formula is drawn once, and stays while its paragraph grows", async () => {
  const it = stage();
  it.markdown.push("so $x$ and");
  await it.rest();
  const drawing = it.container.querySelector("math");
  for (const character of " more, $$y$$ **too**\n\nend") it.markdown.push(character);
  it.markdown.finish();
  await it.rest();
  assert.ok(it.container.querySelector("math") === drawing);
  assert.deepEqual(it.drawn, [["x", false], ["y", true]]);
  assert.equal(it.asked.mathml, 1);
});

test("a failed load is retried by the next one, and the text stays in the meantime", async () => {
  const it = stage({ fails: 2 });
  it.markdown.push("so $x$\n\n```js\na\n```\n\n");
  await it.rest();
  assert.equal(it.container.querySelector(".math").textContent, "$x$");
  it.markdown.push("and $y$\n\n```js\nb\n```\n\n");
  it.markdown.finish();
  await it.rest();
  assert.deepEqual(it.drawn.map(([tex]) => tex), ["y"]);
  assert.deepEqual(it.coloured.map(([, code]) => code), ["b\n"]);
});

test("every grammar colours by meaning, and changes no character", async () => {
  const code = "// <b> & \"x\"\nclass A { int b = 1; }\n# c\n- d: 'e'\n<a href=\"f\">g</a>\nSELECT 1;\n";
  for (const name of "bash cpp css diff go java javascript json python rust sql typescript xml yaml".split(" ")) {
    hljs.registerLanguage(name, (await import(`../../../static/vendor/highlight-11.12.0/languages/${name}.js`)).default);
    const container = whole(`\`\`\`x\n${code}\`\`\`\n`).querySelector("code");
    colourCode(container, readCode(hljs, container.textContent, name));
    assert.equal(container.textContent, code, name);
    const spans = [...container.querySelectorAll("*")];
    assert.ok(spans.length > 0, name);
    for (const span of spans) assert.match(serialised(span), /^\["span",\["class=code-(keyword|string|number|comment|name|type|attribute|meta|added|removed)"\]/);
  }
});

test("only meanings known to the stylesheet become elements, and a differing text is rejected", () => {
  const container = whole("```x\nabc\n```\n").querySelector("code");
  colourCode(container, [["keyword", "a"], ["x onclick=1", "b"], ["comment", ["string", "c"]], "\n"]);
  assert.equal(serialised(container), '["code",["class=language-x","translate=no"],["span",["class=code-keyword"],"a"],"b",["span",["class=code-comment"],["span",["class=code-string"],"c"]],"\\n"]');
  colourCode(container, [["keyword", "other"]]);
  assert.equal(container.textContent, "abc\n");
});

const MATHML = new Set(
  (
    "maction maligngroup malignmark math menclose merror mfenced mfrac mglyph mi mlabeledtr mlongdiv mmultiscripts mn mo mover mpadded " +
    "mphantom mprescripts mroot mrow ms mscarries mscarry msgroup msline mspace msqrt msrow mstack mstyle msub msubsup msup mtable mtd " +
    "mtext mtr munder munderover none semantics annotation annotation-xml"
  ).split(" "),
);

const drawing = (tex, isDisplay = false) => {
  const formula = document.createElement("span");
  formula.append(`$${tex}$`);
  return { isDrawn: drawFormula(formula, tex, isDisplay), formula };
};

test("formulas become MathML", () => {
  globalThis.document ??= document;
  const { isDrawn, formula } = drawing("\\frac{a}{b_1} + \\sqrt{x} \\color{red}{y} \\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", true);
  assert.ok(isDrawn);
  assert.ok(formula.querySelector("math mfrac"));
  assert.equal(formula.querySelectorAll("mtd").length, 4);
});

test("a message of many formulas, or of long ones, is drawn a few at a time", async () => {
  for (const [formula, count] of [["$$\nx\n$$\n\n", 2_000], [`$$\n${"x+".repeat(500)}x\n$$\n\n`, 40]]) {
    const it = stage();
    it.markdown.renderWhole(formula.repeat(count));
    let [before, most] = [0, 0];
    await it.rest(() => {
      const drawn = it.drawn.slice(before);
      // Short ones cost more than their characters.
      most = Math.max(most, drawn.length * 20 + drawn.map(([tex]) => tex).join("").length);
      before = it.drawn.length;
    });
    assert.equal(it.drawn.length, count);
    assert.ok(most <= 4_500, `${most} characters drawn in one go`);
  }
});

test("every element that Temml produces is drawn", () => {
  const source = readFileSync("static/vendor/temml-0.13.5/temml.js", "utf8");
  const names = new Set(source.match(/(?<=["'])(?:m[a-z]+|none|semantics|annotation(?:-xml)?)(?=["'])/g));
  const made = [...names].filter((name) => MATHML.has(name));
  assert.ok(made.length > 25, `${made.length}`);
  assert.deepEqual(made.filter((name) => !ELEMENTS.has(name)), []);
});

test("lines around, above, below and through a formula are drawn", () => {
  for (const tex of ["\\overline{AB}", "\\underline{u}", "\\frac{\\cancel{a}b}{\\cancel{a}}", "\\sout{x}", "\\fbox{x}", "\\boxed{x}", "\\xcancel{x}"]) {
    const { isDrawn, formula } = drawing(tex);
    assert.ok(isDrawn, tex);
    assert.ok(formula.querySelector("menclose, mrow[style*=border]"), tex);
  }
});

test("formulas separated by empty lines are stacked", () => {
  assert.equal(drawing("x = 1\n\ny = 2", true).formula.querySelectorAll("mtr").length, 2);
  assert.ok(drawing("\\begin{align}\na &= b \\\\\n\nc &= d\n\\end{align}", true).isDrawn);
});

test("macros that models use and Temml lacks are drawn", () => {
  for (const tex of ["\\mbox{if } x \\in \\R", "\\abs{x} \\norm{y}", "\\begin{eqnarray}x&=&y\\end{eqnarray}", "\\ensuremath{x}", "\\text{see }\\eqref{one}"]) {
    assert.ok(drawing(tex, true).isDrawn, tex);
  }
  assert.match(drawing("5% of x").formula.textContent, /5%.*o.*f.*x/);
  assert.match(drawing("5\\% of x").formula.textContent, /5%.*o.*f.*x/);
  assert.match(drawing("\\eqref{one}").formula.textContent, /\(one\)/);
});

test("chemical formulas are drawn once their code is loaded", async () => {
  const { isDrawn, formula } = drawing("\\ce{CO2 + H2O <=> H2CO3}");
  assert.equal(isDrawn, false);
  await import("../../../static/vendor/temml-0.13.5/mhchem.js");
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(formula.querySelector("math msub"));
  assert.ok(drawing("\\ce{H2O}").isDrawn);
  assert.ok(drawing("\\pu{123 kJ//mol}").isDrawn);
});

test("a formula that cannot be read, or that asks for more than drawing, stays its source", () => {
  const hostile = [
    "\\frac{a", "\\nonesuch", "\\href{javascript:__x=1}{x}", "\\url{javascript:__x=1}", "\\includegraphics{https://evil.example/a.png}",
    "\\htmlData{a=b,onclick=__x=1}{x}", "\\htmlStyle{position:fixed}{x}", "\\htmlId{cookie}{x}", "\\class{a}{x}", "\\def\\a{\\a\\a}\\a",
    "{".repeat(20_000), "{".repeat(3_000), "x".repeat(9_000),
  ];
  for (const tex of hostile) {
    const { isDrawn, formula } = drawing(tex);
    assert.equal(isDrawn, false, tex.slice(0, 40));
    assert.equal(formula.textContent, `$${tex}$`);
  }
});

test("no formula creates other elements or makes anything huge", () => {
  for (const tex of ["\\rule{1e6em}{1e6em}", "\\tag{x}\\label{cookie} y", "\\kern{1e6em}", "\\pmb{x}", "\\prescript{a}{b}{c}", "\\toggle{a}{b}\\endtoggle", "\\texttip{a}{<img src=x onerror=__x=1>}"]) {
    const { formula } = drawing(tex, true);
    for (const node of formula.querySelectorAll("*")) {
      assert.equal(node.getAttribute("id"), null, tex);
      for (const { value } of node.attributes) assert.ok(!/\d{4,}(?:\.\d+)?(?:em|pt|px)/.test(value) && !/url\(|javascript|onerror/.test(value), `${tex}: ${value}`);
    }
  }
});

// In em at the size of the surrounding text: the maximum length in a formula, of any kind.
const inEm = { em: 1, ex: 0.5, pt: 0.1, px: 0.0625, "": 1 };

test("no length in a formula is far from what formulas need", () => {
  const far = "99999";
  const units = ["em", "ex", "pt", "mu", "cm", "in", "px"];
  const commands = units.flatMap((unit) => ["", "-"].flatMap((sign) => {
    const length = `${sign}${far}${unit}`;
    return [
      `\\raisebox{${length}}{x}`, `\\rule{${length}}{${length}}`, `\\rule[${length}]{1em}{1em}`, `\\hspace{${length}}x`, `\\hspace*{${length}}x`, `\\kern${length} x`, `\\mkern${length} x`,
      `\\hskip${length} x`, `\\mskip${length} x`, `\\genfrac(]{${length}}{0}{a}{b}`, `a\\\\[${length}]b`, `\\begin{array}{c}a\\\\[${length}]b\\end{array}`, `\\begin{align}a\\\\[${length}]b\\end{align}`,
    ];
  }));
  const others = ["\\def\\arraystretch{9999}\\begin{array}{c}a\\\\b\\end{array}", `${"\\Huge{".repeat(9)}x${"}".repeat(9)}`, "\\llap{xxx}\\rlap{xxx}\\smash{x}"];
  let drawn = 0;
  for (const tex of [...commands, ...others]) {
    const { isDrawn, formula } = drawing(tex, true);
    drawn += Number(isDrawn);
    for (const node of formula.querySelectorAll("*")) {
      for (const value of [...[...node.attributes].map((attribute) => attribute.value), node.getAttribute("style") ?? ""]) {
        for (const [, number, unit] of value.matchAll(/(-?\d+(?:\.\d+)?)(em|ex|pt|px)/g)) {
          assert.ok(Math.abs(Number(number)) * inEm[unit] <= 20, `${tex}: ${value}`);
        }
        assert.doesNotMatch(value, /\d{5}/, tex);
      }
    }
  }
  assert.ok(drawn > commands.length / 2, `${drawn} of ${commands.length}`);
});

test("an invalid length, or one in an unknown unit, is dropped", () => {
  for (const value of ["1e999em", "5vh", "100vw", "1furlong", "..em", "101%"]) assert.equal(boundedAttribute("height", value), null, value);
  assert.equal(boundedAttribute("height", "1.5em"), "1.5em");
  assert.equal(boundedAttribute("mathcolor", "#123456"), "#123456");
  assert.equal(boundedStyle("padding", "0 0 99999em 0"), "0 0 5em 0");
  assert.equal(boundedStyle("border", "99px solid #00ff00"), "0.5em solid #00ff00");
});
