// The site's cookie names. The HTTPS one has a prefix that keeps other hosts from setting it.
const COOKIES = ["__Host-csrftoken", "csrftoken"];

/**
 * The CSRF token for unsafe requests. The cookie comes first: signing in from another tab changes it after this page
 * was rendered. The page's forms contain it as well, in case the cookie is hidden from scripts.
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

/** Signing in again invalidates the tokens in this page's forms: updates them. */
export function refreshCsrfFields() {
  const token = csrfToken();
  for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) {
    /** @type {HTMLInputElement} */ (field).value = token;
  }
}
