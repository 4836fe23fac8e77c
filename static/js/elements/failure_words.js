/**
 * @typedef {object} Failure an `error` event, or a refused request
 * @property {string} code
 * @property {string} message
 * @property {boolean} retryable
 * @property {number | null} [retryAfter] seconds
 */

/** @type {Record<string, string>} */
const TITLES = {
  // @ts-expect-error -- without the inherited names, which a code must not meet
  __proto__: null,
  rate_limited: "The model is asked too often right now",
  provider_unavailable: "The model cannot be reached",
  provider_error: "The model reported an error",
  authentication_failed: "The model refused the key of this site",
  timeout: "The model took too long",
  incomplete: "The answer broke off",
  output_too_long: "The answer grew too long",
  quota_exceeded: "The quota of this site is used up",
  busy: "An answer is being written here already",
  too_many_runs: "Too many answers are being written at once",
  interrupted: "The answer was interrupted",
  save_failed: "The answer could not be saved",
  not_found: "The answer is no longer there",
};
const DEFAULT_TITLE = "The answer did not come";
const UNANSWERED_TITLE = "Not sent: the server did not answer";

/**
 * What a person is told: a plain title of ours, and the words of the server below it.
 *
 * @param {Failure} failure
 * @param {{ unanswered?: boolean }} [options] whether nobody knows what became of the request
 */
export function failureWords({ code, message }, { unanswered = false } = {}) {
  const title = unanswered ? UNANSWERED_TITLE : (TITLES[code] ?? DEFAULT_TITLE);
  return { title, detail: message === title ? "" : message };
}

/**
 * @param {number} seconds
 * @returns {string} `42 s`, `3 min`
 */
export function waitWords(seconds) {
  return seconds < 100 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}
