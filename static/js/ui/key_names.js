const MAC = { Mod: "⌘", Shift: "⇧", Enter: "↩" };
const OTHERS = { Mod: "Ctrl" };

/**
 * The labels of keys on this keyboard: `Mod+K` is ⌘ K on a Mac, and Ctrl K elsewhere.
 *
 * @param {string} keys separated by "+"
 * @param {string} [platform]
 * @returns {string[]}
 */
export function keyNames(keys, platform = globalThis.navigator?.platform ?? "") {
  /** @type {Record<string, string>} */
  const names = /Mac|iP(hone|ad|od)/.test(platform) ? MAC : OTHERS;
  return keys.split("+").map((key) => names[key] ?? key);
}

/** Fills in key names in server-rendered elements. @param {ParentNode} root */
export function nameKeys(root) {
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-keys]"))) {
    element.textContent = keyNames(element.dataset.keys ?? "").join(" ");
  }
}
