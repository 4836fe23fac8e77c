/** Imports between the folders of static/js only go downward, and enter a feature only through its index.js. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "../../static/js");

const LIBRARIES = { client: [], ui: ["client"], markdown: ["ui"] };
/** Which other features a feature may import. */
const DOORS = {
  app: ["composer", "conversation", "message", "palette", "sidebar", "transcript"],
  composer: [],
  conversation: ["message"],
  message: [],
  palette: [],
  sidebar: [],
  transcript: ["message"],
};
/** Files next to the folders: the modules that pages load. */
const ENTRIES = { "account.js": [], "chat.js": [...Object.keys(LIBRARIES), ...Object.keys(DOORS)], "early_enter.js": [] };

/** The code without comments, because comments import types in the same syntax. @param {string} source */
function code(source) {
  return source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}

/** @param {string} source */
function imported(source) {
  const found = code(source).matchAll(/(?:^(?:import|export)\b[^;"']*|\bimport\(\s*)["'`](\.{1,2}\/[^"'`$]+)/gm);
  return [...found].map(([, address]) => address);
}

/** The violations in a module's imports. @param {string} name relative to static/js @param {string} source */
function violations(name, source) {
  const folder = name.includes("/") ? name.split("/")[0] : "";
  const found = [];
  for (const address of imported(source)) {
    const target = posix.join(posix.dirname(name), address);
    const [other] = target.split("/");
    if (target.startsWith("..") || other === folder) continue;
    const known = folder in LIBRARIES ? LIBRARIES[folder] : folder in DOORS ? [...Object.keys(LIBRARIES), ...DOORS[folder]] : ENTRIES[name];
    if (!known?.includes(other)) found.push(`${name} imports ${target}, but may not import ${other}`);
    else if (other in DOORS && target !== `${other}/index.js`) found.push(`${name} imports ${target} bypassing the index.js of ${other}`);
  }
  if (folder === "client" && /\b(?:document|window|HTMLElement|customElements)\b/.test(code(source))) found.push(`${name} touches the DOM`);
  return found;
}

/** @param {string} folder @returns {string[]} */
function modules(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return modules(path);
    return entry.name.endsWith(".js") ? [relative(ROOT, path).replaceAll("\\", "/")] : [];
  });
}

/** Files in static/js that have no place there. @param {string[]} names */
function withoutAPlace(names) {
  const folders = new Set([...Object.keys(LIBRARIES), ...Object.keys(DOORS)]);
  return names.filter((name) => (name.includes("/") ? !folders.has(name.split("/")[0]) : !(name in ENTRIES)));
}

test("every module has a place, and every feature an index.js", () => {
  const names = modules(ROOT);
  assert.deepEqual(withoutAPlace(names), []);
  for (const feature of Object.keys(DOORS)) assert.ok(names.includes(`${feature}/index.js`), `${feature} has no index.js`);
});

test("imports only go downward, and into a feature through its index.js", () => {
  const found = modules(ROOT).flatMap((name) => violations(name, readFileSync(join(ROOT, name), "utf8")));
  assert.deepEqual(found, []);
});

test("the kinds of parts are entered through part_kinds.js, and only text is loaded with the page", () => {
  for (const name of modules(ROOT)) {
    const source = code(readFileSync(join(ROOT, name), "utf8"));
    const isTable = name === "message/part_kinds.js";
    for (const [, address] of source.matchAll(/["'`]([^"'`]*\/parts\/\w+\.js)["'`]/g)) assert.ok(isTable, `${name} imports ${address}`);
    if (isTable) assert.deepEqual([...source.matchAll(/^import .* "(\.\/parts\/.*)";$/gm)].map(([, address]) => address), ["./parts/text.js"]);
  }
});

for (const [name, source] of [
  ["client/socket.js", 'import { gettext } from "../ui/i18n.js";'],
  ["client/socket.js", "document.title = name;"],
  ["ui/listbox.js", 'import { ChatMessage } from "../message/index.js";'],
  ["markdown/stream.js", 'import { ChatClient } from "../client/chat_client.js";'],
  ["sidebar/side_bar.js", 'import { Palette } from "../palette/index.js";'],
  ["message/chat_message.js", 'const turn = await import("../conversation/index.js");'],
  ["conversation/turn.js", 'import {\n  ChatMessage,\n} from "../message/chat_message.js";'],
  ["app/session.js", 'export { Drafts } from "../composer/drafts.js";'],
  ["app/commands.js", 'const feed = new LateModule(() => import("../palette/search_feed.js"));'],
  ["app/session.js", 'import { start } from "../chat.js";'],
  ["account.js", 'import { gettext } from "./ui/i18n.js";'],
]) {
  test(`a planted violation is found: ${name}: ${source}`, () => assert.equal(violations(name, source).length, 1));
}

test("allowed imports are not reported", () => {
  assert.deepEqual(violations("conversation/turn.js", 'import { ChatMessage } from "../message/index.js";\nimport { gettext } from "../ui/i18n.js";'), []);
  assert.deepEqual(violations("markdown/parser.js", 'import MarkdownIt from "../../vendor/markdown-it.js";\nimport { clean } from "./urls.js";'), []);
  assert.deepEqual(violations("ui/listbox.js", '/** @type {import("../message/chat_message.js").ChatMessage} */'), []);
  assert.deepEqual(withoutAPlace(["elements/sample.js", "helpers.js", "ui/i18n.js", "chat.js"]), ["elements/sample.js", "helpers.js"]);
});
