import assert from "node:assert/strict";
import { test } from "node:test";

import { matchingCommands, paletteCommands } from "../../../static/js/palette/palette_commands.js";
import { bestRank, rankCommands, UNKNOWN } from "../../../static/js/palette/palette_ranks.js";

const OPEN = { id: "c", title: "Herons", assistant: null, active_leaf_id: null, created_at: "", updated_at: "" };

/** @param {string} text with matches in brackets */
function segments(text) {
  return text.split(/(\[[^\]]*\])/).filter(Boolean).map((part) => ({ text: part.replace(/[[\]]/g, ""), match: part.startsWith("[") }));
}

/** @param {string} title @param {string} snippet @returns {any} */
function hit(title, snippet = "") {
  return { title: segments(title), snippet: segments(snippet) };
}

/** The names of the commands before and after the hits. @param {string} query @param {any[] | null} hits null: not known yet */
function around(query, hits, open = OPEN) {
  const bar = hits ? bestRank(hits, query) : UNKNOWN;
  const { leading, following } = rankCommands(matchingCommands(paletteCommands(open), query), query, bar);
  return [leading.map(({ name }) => name), following.map(({ name }) => name)];
}

test("an ordinary word in a hit ranks before the commands that begin with it", () => {
  const themes = ["theme-light", "theme-dark", "theme-system"];

  assert.deepEqual(around("the", [hit("Birds", "Where do [the] herons nest?")]), [[], themes]);
  assert.deepEqual(around("the", [hit("[The] first one")]), [[], themes]);
  assert.deepEqual(around("the", null), [[], themes]);
});

test("a command that is named leads, whatever the hits", () => {
  assert.deepEqual(around("dark", [hit("[Dark] matter", "What is [dark] matter?")])[0], ["theme-dark"]);
  assert.deepEqual(around("new chat", [hit("A [new] [chat]")])[0], ["new-chat"]);
  assert.deepEqual(around("dark", null)[0], ["theme-dark"]);
});

test("the beginning of a name leads if no hit matches better", () => {
  assert.deepEqual(around("dar", [hit("[Dark] matter", "It is [dark].")])[0], ["theme-dark"]);
  assert.deepEqual(around("dar", [hit("Dar", "[Dar] es Salaam")])[0], []);
  assert.deepEqual(around("dar", [])[0], ["theme-dark"]);
});

test("a command found by a word of its description follows the hits", () => {
  assert.deepEqual(around("night", [hit("Owls", "at [nightfall]")]), [[], ["theme-dark"]]);
  assert.deepEqual(around("night", []), [["theme-dark"], []]);
});

test("a word that many names begin with names none of them", () => {
  const commands = ["one", "two", "three"].map((name) => ({ name, label: `Diese ${name}`, icon: "" }));

  assert.deepEqual(rankCommands(commands, "diese", bestRank([hit("", "[Diese] Antwort")], "diese")).leading, []);
});
