/**
 * A copy of the content of one of the page's templates.
 *
 * @param {string} id
 * @returns {DocumentFragment}
 */
export function cloneTemplate(id) {
  const template = document.getElementById(id);
  if (!(template instanceof HTMLTemplateElement)) throw new Error(`The page has no template "${id}".`);
  return /** @type {DocumentFragment} */ (document.importNode(template.content, true));
}

/**
 * The element marked `data-part="name"` below `root`.
 *
 * @param {ParentNode} root
 * @param {string} name
 * @returns {any} an HTMLElement of the template's type
 */
export function part(root, name) {
  const found = root.querySelector(`[data-part="${name}"]`);
  if (!found) throw new Error(`The page has no part "${name}".`);
  return found;
}

/**
 * The action of the clicked element, and the element that defines it.
 *
 * @param {Event} event
 * @returns {{ action: string, element: HTMLElement } | null}
 */
export function actionOf(event) {
  const target = event.target instanceof Element ? event.target.closest("[data-action]") : null;
  if (!(target instanceof HTMLElement) || !target.dataset.action) return null;
  return { action: target.dataset.action, element: target };
}
