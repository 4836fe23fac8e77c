import assert from "node:assert/strict";
import { test } from "node:test";

import { ESLint } from "eslint";

const eslint = new ESLint();

async function complaints(code, filePath = "static/js/ui/sample.js") {
  const [result] = await eslint.lintText(`${code}\n`, { filePath });
  return result.messages.map(({ ruleId }) => ruleId);
}

/** Code that must never pass the linter, one sink each. */
const SINKS = [
  "document.body.innerHTML = location.hash;",
  'document.body["innerHTML"] = location.hash;',
  "document.body.innerHTML += location.hash;",
  'Object.assign(document.body, { innerHTML: "x" });',
  'Object.assign(document.body, { "outerHTML": "x" });',
  "document.body.outerHTML = location.hash;",
  'document.body.insertAdjacentHTML("beforeend", location.hash);',
  "document.body.setHTMLUnsafe(location.hash);",
  "document.body.setHTML(location.hash);",
  "document.write(location.hash);",
  "document.writeln(location.hash);",
  "window.document.write(location.hash);",
  "document.body.ownerDocument.writeln(location.hash); document.writeln(location.hash);",
  "new DOMParser();",
  'new window.DOMParser().parseFromString(location.hash, "text/html");',
  "document.createRange().createContextualFragment(location.hash);",
  "Document.parseHTMLUnsafe(location.hash);",
  'document.querySelector("iframe").srcdoc = location.hash;',
  'document.querySelector("iframe").setAttribute("srcdoc", location.hash);',
  "eval(location.hash);",
  "window.eval(location.hash);",
  "new Function(location.hash)();",
  "Function(location.hash)();",
  'setTimeout("alert(1)", 1);',
  'window.setTimeout("alert(1)", 1);',
  "setInterval(`alert(1)`, 1);",
  'document.body.setAttribute("style", location.hash);',
  'document.body.setAttribute("onclick", location.hash);',
  'document.body.setAttribute("OnClick", location.hash);',
  "document.body.setAttribute(location.hash, location.hash);",
  "document.body.style = location.hash;",
  'document.body.style.color = "red";',
  "document.body.style.cssText = location.hash;",
  'document.body.style.setProperty("color", location.hash);',
  "document.body.onclick = () => {};",
  'document.body.href = "javascript:x";',
];

for (const code of SINKS) {
  test(`it reports ${code}`, async () => {
    assert.notDeepEqual(await complaints(code), []);
  });
}

test("it accepts plain DOM code", async () => {
  const code = [
    'const paragraph = document.createElement("p");',
    "paragraph.textContent = location.hash;",
    'paragraph.setAttribute("class", "note");',
    'paragraph.addEventListener("click", () => setTimeout(() => paragraph.remove(), 10));',
    "document.body.append(paragraph);",
  ].join("\n");
  assert.deepEqual(await complaints(code), []);
});

for (const name of ["document", "window", "localStorage", "navigator", "HTMLElement", "requestAnimationFrame"]) {
  test(`it keeps ${name} out of the client`, async () => {
    const code = `export const used = () => ${name};`;
    assert.deepEqual(await complaints(code, "static/js/client/sample.js"), ["no-restricted-globals"]);
    assert.deepEqual(await complaints(code), []);
  });
}

test("it checks every module of the site", async () => {
  assert.equal(await eslint.isPathIgnored("static/js/markdown/stream.js"), false);
  assert.equal(await eslint.isPathIgnored("static/js/client/chat_client.js"), false);
  assert.equal(await eslint.isPathIgnored("static/vendor/markdown-it-15.0.3/markdown-it.js"), true);
});
