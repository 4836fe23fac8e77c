/** Maps the language named by a fence to its grammar. */

const GRAMMARS = /** @type {Record<string, string>} */ ({
  bash: "sh shell zsh console shellsession terminal dockerfile",
  cpp: "c c++ cc h hpp objc arduino",
  css: "scss less",
  diff: "patch",
  go: "golang",
  java: "kotlin kt csharp cs c# scala dart",
  javascript: "js jsx mjs cjs node",
  json: "jsonc json5 geojson",
  python: "py py3 python3 ipython pycon",
  rust: "rs",
  sql: "postgresql postgres mysql sqlite plsql psql",
  typescript: "ts tsx mts cts",
  xml: "html xhtml svg vue svelte rss plist htm",
  yaml: "yml",
});

const BY_NAME = new Map(Object.entries(GRAMMARS).flatMap(([grammar, names]) => [grammar, ...names.split(" ")].map((name) => [name, grammar])));

/** @param {string} language @returns {string | undefined} */
export function grammarOf(language) {
  return BY_NAME.get(language.toLowerCase());
}
