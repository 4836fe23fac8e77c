/**
 * What draws the open end of a text as it is about to become (preview.js) is not needed to read. It comes when a person is
 * there, or with the first text that is written; until then, and where it cannot be loaded, half markup is shown as it is.
 */

import { loadDialect } from "./late_dialect.js";

/** @typedef {typeof import("./preview.js")} Preview */

/** @type {Preview | null} */
let loaded = null;
/** @type {Promise<unknown> | null} */
let loading = null;

/** @returns {Preview | null} null while it is not there */
export function preview() {
  if (!loaded) void loadPreview();
  return loaded;
}

/** A call while it is loading waits for that. */
export function loadPreview() {
  void loadDialect(); // It reads that too.
  loading ??= import("./preview.js").then(
    (module) => (loaded = module),
    () => (loading = null),
  );
  return loading;
}
