// As the site calls it. Over HTTPS it has a name that no other host can set.
const COOKIES = ["__Host-csrftoken", "csrftoken"];

/**
 * The token that unsafe requests carry. The cookie comes first: a login in another tab has changed it since this page
 * was made. The forms of the page have it as well, should the cookie be hidden from scripts.
 *
 * @returns {string}
 */
export function csrfToken() {
  const named = document.documentElement?.dataset.csrfCookie;
  for (const name of named ? [named] : COOKIES) {
    const token = new RegExp(`(?:^|; )${name}=([^;]+)`).exec(document.cookie)?.[1];
    if (token) return token;
  }
  return /** @type {HTMLInputElement | null} */ (document.querySelector("input[name=csrfmiddlewaretoken]"))?.value ?? "";
}

/** Another login has made the tokens in the forms of this page worthless: they take the new one. */
export function refreshCsrfFields() {
  const token = csrfToken();
  for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) {
    /** @type {HTMLInputElement} */ (field).value = token;
  }
}
