import assert from "node:assert/strict";
import { test } from "node:test";

import { inChunks, serialised, streamed, whole } from "./page.js";

const LABELS = {
  "python": ["python", undefined],
  "python:src/main.py": ["python", "src/main.py"],
  "{python}": ["python", undefined],
  "{.python .numbered}": ["python", ".numbered"],
  "{r, echo=FALSE}": ["r", "echo=FALSE"],
  'js title="my app.js"': ["js", "my app.js"],
  "ts filename=app.ts": ["ts", "app.ts"],
  "python main.py": ["python", "main.py"],
  "c++": ["c++", undefined],
  "weird(name)": ["text", "weird(name)"],
  "": ["text", undefined],
};

function assertStreams(text) {
  for (const size of [1, 3, 8]) assert.equal(serialised(streamed(inChunks(text, size)).container), serialised(whole(text)), text);
}

for (const [info, [language, file]] of Object.entries(LABELS)) {
  test(`a fence of ${JSON.stringify(info)} has its language and its file`, () => {
    const text = `\`\`\`${info}\nx = 1\n\`\`\`\n`;
    const block = whole(text).querySelector(".code-block");
    assert.equal(block.querySelector(".code-language").textContent, language);
    assert.equal(block.querySelector(".code-file")?.textContent, file);
    assertStreams(text);
  });
}

test("a markdown block contains the fences in it", () => {
  const text = "The file:\n\n```markdown\n# Title\n\n```bash\nnpm i\n```\n\nMore **text**.\n\n```\n\nAll **done**.\n";
  const container = whole(text);
  assert.equal(container.querySelectorAll(".code-block").length, 1);
  assert.equal(container.querySelector("pre").textContent, "# Title\n\n```bash\nnpm i\n```\n\nMore **text**.\n\n");
  assert.equal(container.lastChild.querySelector("strong").textContent, "done");
  assertStreams(text);
  assertStreams("- a\n\n  ~~~md\n  ~~~js\n  x\n  ~~~\n  ~~~\n\nb\n");
  assert.equal(whole("````md\n```\na\n```\n````\nb\n").querySelector("p").textContent, "b");
});

test("a math block is a formula", () => {
  const text = "so\n\n```math\nx^2\n```\n\nend\n";
  assert.equal(whole(text).querySelector(".math-display").getAttribute("data-tex"), "x^2");
  assertStreams(text);
  const open = whole("```math\nx^2\n").querySelector(".math-display");
  assert.equal(open.getAttribute("data-tex"), "");
  assert.match(open.textContent, /x\^2/);
});
