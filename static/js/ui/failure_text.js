import { gettext } from "./i18n.js";
import { errorText } from "./error_text.js";

/**
 * @typedef {object} Failure an `error` event, or a refused request
 * @property {string} code
 * @property {string} message
 * @property {boolean} retryable
 * @property {number | null} [retryAfter] seconds
 *
 * @typedef {"wait" | "quota" | "model" | "cut" | "network" | "site"} FailureKind what the user can do: wait; ask for a
 *   higher quota; choose another model or try later; continue from the partial answer; check the connection; try again
 */

/** What to do, a title, and the detail if the server's sentence does not say more. @type {Record<string, [FailureKind, string, string?]>} */
const KNOWN = {
  // @ts-expect-error -- null prototype: a code must not match an inherited property
  __proto__: null,
  rate_limited: ["wait", gettext("Too many requests to the model"), gettext("The model provider is receiving too many requests.")],
  busy: ["wait", gettext("An answer is already being written"), gettext("Wait for the answer, or stop it.")],
  too_many_runs: ["wait", gettext("Too many answers at once"), gettext("Wait for one to finish.")],
  quota_exceeded: ["quota", gettext("This site's quota is used up")],
  provider_unavailable: ["model", gettext("The model cannot be reached")],
  provider_error: ["model", gettext("The model reported an error")],
  authentication_failed: ["model", gettext("The model provider rejected this site's API key"), gettext("The administrator of this site must check it.")],
  timeout: ["model", gettext("The model took too long")],
  empty_answer: ["model", gettext("No answer from the model")],
  incomplete: ["cut", gettext("The answer was cut off"), gettext("The model server ended it before it was complete.")],
  output_too_long: ["cut", gettext("The answer is too long"), gettext("It is longer than this site allows.")],
  interrupted: ["cut", gettext("The answer was interrupted"), gettext("The server went down while writing this answer.")],
  save_failed: ["site", gettext("The answer could not be saved"), gettext("It is complete: keep it, or try again.")],
  unavailable: ["site", gettext("The site cannot answer right now")],
  draining: ["site", gettext("The site is restarting"), gettext("Try again in a moment.")],
  not_found: ["site", gettext("The answer no longer exists"), ""],
  network: ["network", gettext("The site cannot be reached"), gettext("Check your connection, then try again.")],
  no_server: ["network", gettext("The site cannot be reached"), gettext("Try again in a moment.")],
  no_answer: ["network", gettext("The site did not respond")],
};
const DEFAULT_TITLE = gettext("The answer failed");
const UNANSWERED_TITLE = gettext("Not sent: the server did not respond");

/**
 * The text of a failure: a plain title, and a detail below it, which is the server's sentence if that says more than
 * the code.
 *
 * @param {Failure} failure
 * @param {{ unanswered?: boolean }} [options] whether the outcome of the request is unknown
 * @returns {{ kind: FailureKind, title: string, detail: string }}
 */
export function failureText({ code, message }, { unanswered = false } = {}) {
  const [kind, known, detail = errorText({ code, message })] = KNOWN[code] ?? ["site", DEFAULT_TITLE];
  const title = unanswered ? UNANSWERED_TITLE : known;
  return { kind: unanswered ? "network" : kind, title, detail: detail === title ? "" : detail };
}
