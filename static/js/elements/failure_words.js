import { gettext, interpolate } from "../i18n.js";

/**
 * @typedef {object} Failure an `error` event, or a refused request
 * @property {string} code
 * @property {string} message
 * @property {boolean} retryable
 * @property {number | null} [retryAfter] seconds
 *
 * @typedef {"wait" | "quota" | "model" | "cut" | "network" | "site"} FailureKind what can be done about it: wait; ask for
 *   more; choose another model or try later; go on from what there is; look at the own connection; try again
 */

/** @type {Record<string, [FailureKind, string]>} */
const KNOWN = {
  // @ts-expect-error -- without the inherited names, which a code must not meet
  __proto__: null,
  rate_limited: ["wait", gettext("The model is asked too often right now")],
  busy: ["wait", gettext("An answer is being written here already")],
  too_many_runs: ["wait", gettext("Too many answers are being written at once")],
  quota_exceeded: ["quota", gettext("The quota of this site is used up")],
  provider_unavailable: ["model", gettext("The model cannot be reached")],
  provider_error: ["model", gettext("The model reported an error")],
  authentication_failed: ["model", gettext("The model refused the key of this site")],
  timeout: ["model", gettext("The model took too long")],
  incomplete: ["cut", gettext("The answer broke off")],
  output_too_long: ["cut", gettext("The answer grew too long")],
  interrupted: ["cut", gettext("The answer was interrupted")],
  save_failed: ["site", gettext("The answer could not be saved")],
  unavailable: ["site", gettext("The site cannot answer right now")],
  draining: ["site", gettext("The site is being restarted")],
  not_found: ["site", gettext("The answer is no longer there")],
  network: ["network", gettext("The site cannot be reached")],
  no_server: ["network", gettext("The site cannot be reached")],
  no_answer: ["network", gettext("The site did not answer")],
};
const DEFAULT_TITLE = gettext("The answer did not come");
const UNANSWERED_TITLE = gettext("Not sent: the server did not answer");

/**
 * What a person is told: a plain title of ours, and the words of the server below it.
 *
 * @param {Failure} failure
 * @param {{ unanswered?: boolean }} [options] whether nobody knows what became of the request
 * @returns {{ kind: FailureKind, title: string, detail: string }}
 */
export function failureWords({ code, message }, { unanswered = false } = {}) {
  const [kind, known] = KNOWN[code] ?? ["site", DEFAULT_TITLE];
  const title = unanswered ? UNANSWERED_TITLE : known;
  return { kind: unanswered ? "network" : kind, title, detail: message === title ? "" : message };
}

/**
 * @param {number} seconds
 * @returns {string} `42 s`, `3 min`
 */
export function waitWords(seconds) {
  return seconds < 100
    ? interpolate(gettext("%(number)s s"), { number: Math.ceil(seconds) })
    : interpolate(gettext("%(number)s min"), { number: Math.ceil(seconds / 60) });
}
