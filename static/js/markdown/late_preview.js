/**
 * The code that previews the open end of a text (preview.js) is not needed for reading. It is loaded once the user is
 * active, or with the first streamed text. Until then, or if loading fails, incomplete markup is shown as it is.
 */

import { loadDialect } from "./late_dialect.js";

/** @typedef {typeof import("./preview.js")} Preview */

/** @type {Preview | null} */
let loaded = null;
/** @type {Promise<unknown> | null} */
let loading = null;

/** @returns {Preview | null} null until it is loaded */
export function preview() {
  if (!loaded) void loadPreview();
  return loaded;
}

/** Concurrent calls share one load. */
export function loadPreview() {
  void loadDialect(); // The preview needs it too.
  loading ??= import("./preview.js").then(
    (module) => (loaded = module),
    () => (loading = null),
  );
  return loading;
}
