/**
 * The account pages work without scripts. This script clears the user's data from the browser when they sign out or
 * delete their account there, as the chat's own menu does.
 */

/** Removes everything the chat stores here for this user: drafts, unsent messages, choices. @param {string} userId */
function forget(userId) {
  for (const storage of [localStorage, sessionStorage]) {
    for (const name of Object.keys(storage)) {
      const [site, , owner] = name.split(".");
      if (site === "chatsite" && owner === userId) storage.removeItem(name);
    }
  }
}

for (const left of document.querySelectorAll("[data-left]")) forget(/** @type {HTMLElement} */ (left).dataset.left ?? "");
document.addEventListener("submit", ({ target }) => {
  if (target instanceof HTMLFormElement && target.dataset.leaves) forget(target.dataset.leaves);
});
