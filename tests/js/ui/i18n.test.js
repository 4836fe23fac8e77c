import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { parseHTML } from "linkedom";

let pages = 0;

/** The module on a page with these translations; without any, as in node. */
async function page(translations) {
  if (translations) {
    const { document } = parseHTML('<html><body><script id="translations" type="application/json"></script></body></html>');
    document.getElementById("translations").textContent = JSON.stringify(translations);
    globalThis.document = document;
  }
  return import(`../../../static/js/ui/i18n.js?page=${++pages}`);
}

afterEach(() => {
  delete globalThis.document;
});

const GERMAN = {
  language: "de",
  messages: { Save: "Speichern", "%(count)s answer": ["%(count)s Antwort", "%(count)s Antworten"], Empty: "" },
};

test("without a page, every text is unchanged", async () => {
  const { gettext, ngettext, language } = await page();

  assert.equal(gettext("Save"), "Save");
  assert.equal(ngettext("%(count)s answer", "%(count)s answers", 1), "%(count)s answer");
  assert.equal(ngettext("%(count)s answer", "%(count)s answers", 0), "%(count)s answers");
  assert.equal(language(), "en");
});

test("a page without translations is in English", async () => {
  globalThis.document = parseHTML("<html><body></body></html>").document;
  const { gettext } = await page();

  assert.equal(gettext("Save"), "Save");
});

test("a text is translated, or unchanged without a translation", async () => {
  const { gettext, language } = await page(GERMAN);

  assert.equal(gettext("Save"), "Speichern");
  assert.equal(gettext("Empty"), "Empty");
  assert.equal(gettext("Unknown"), "Unknown");
  assert.equal(language(), "de");
});

test("names of inherited properties are not translations", async () => {
  const { gettext, ngettext } = await page(GERMAN);

  assert.equal(gettext("constructor"), "constructor");
  assert.equal(ngettext("toString", "many", 2), "many");
});

test("the plural form matches the count", async () => {
  const { ngettext } = await page(GERMAN);
  const answers = (count) => ngettext("%(count)s answer", "%(count)s answers", count);

  assert.deepEqual([0, 1, 2].map(answers), ["%(count)s Antworten", "%(count)s Antwort", "%(count)s Antworten"]);
});

test("a language with more plural forms has each of them, in the order of its catalog", async () => {
  const { ngettext } = await page({ language: "ru", messages: { file: ["файл", "файла", "файлов", "файла"] } });
  const files = (count) => ngettext("file", "files", count);

  assert.deepEqual([1, 21, 3, 5, 11].map(files), ["файл", "файл", "файла", "файлов", "файлов"]);
});

test("a plural is not a text, and a text is not a plural", async () => {
  const { gettext, ngettext } = await page(GERMAN);

  assert.equal(gettext("%(count)s answer"), "%(count)s answer");
  assert.equal(ngettext("Save", "Saves", 2), "Saves");
});

test("named placeholders are filled in, as often as they occur", async () => {
  const { interpolate } = await page();

  assert.equal(interpolate("%(a)s of %(b)s, %(a)s", { a: 1, b: "two" }), "1 of two, 1");
  assert.equal(interpolate("100 % of %(b)s", { a: 1 }), "100 % of %(b)s");
  assert.equal(interpolate("%(toString)s", {}), "%(toString)s");
  assert.equal(interpolate("%(a)s", { a: "%(b)s$&", b: 1 }), "%(b)s$&");
});
