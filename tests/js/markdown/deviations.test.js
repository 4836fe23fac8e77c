import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { DEVIATIONS as COMMONMARK } from "./commonmark_deviations.js";
import { DEVIATIONS as GFM } from "./gfm/deviations.js";

const PAGE = readFileSync(new URL("../../../docs/markdown.md", import.meta.url), "utf8");
const ROW = /^\| (.+?) \| (\d+) \| (\d+) \| (.+) \|$/gm;

test("each kind of deviation is documented, with its reason and the number of its examples", () => {
  const told = [...PAGE.matchAll(ROW)].map(([, what, commonmark, gfm]) => [what, Number(commonmark), Number(gfm)]);
  const kinds = [...new Set([...Object.keys(COMMONMARK), ...Object.values(GFM)])];
  const found = kinds.map((what) => [what, COMMONMARK[what]?.length ?? 0, Object.values(GFM).filter((kind) => kind === what).length]);
  assert.deepEqual(told, found);
});
