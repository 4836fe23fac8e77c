/**
 * The pages of one's account work without scripts. With this one, whoever logs out or deletes their account there leaves
 * no words in the browser, as by the chat's own menu.
 */

/** Everything the chat keeps here for this person: drafts, what was not sent yet, choices. @param {string} userId */
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
