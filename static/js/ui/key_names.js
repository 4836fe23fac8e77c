const MAC = { Mod: "⌘", Shift: "⇧", Enter: "↩" };
const OTHERS = { Mod: "Ctrl" };

/**
 * What stands on the keys of this keyboard: `Mod+K` is ⌘ K on a Mac, and Ctrl K elsewhere.
 *
 * @param {string} keys parted by "+"
 * @param {string} [platform]
 * @returns {string[]}
 */
export function keyNames(keys, platform = globalThis.navigator?.platform ?? "") {
  /** @type {Record<string, string>} */
  const names = /Mac|iP(hone|ad|od)/.test(platform) ? MAC : OTHERS;
  return keys.split("+").map((key) => names[key] ?? key);
}

/** Names the keys in what was rendered by the server. @param {ParentNode} root */
export function nameKeys(root) {
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-keys]"))) {
    element.textContent = keyNames(element.dataset.keys ?? "").join(" ");
  }
}
