import { gettext, language } from "./i18n.js";
import { LateModule } from "./late_module.js";

/** @type {Record<string, string>} */
const OURS = {
  // @ts-expect-error -- null prototype: a code must not match an inherited property
  __proto__: null,
  text_too_long: gettext("The message is too long."),
  not_signed_in: gettext("You are signed out. Sign in, then try again."),
  not_found: gettext("This no longer exists."),
  busy: gettext("An answer is being written. Wait for it, or stop it."),
  rate_limited: gettext("Too many requests. Wait a moment, then try again."),
  no_model: gettext("No model is available to you. Ask your administrator."),
  too_many_runs: gettext("Too many answers at once. Wait for one to finish."),
  draining: gettext("The site is restarting. Try again in a moment."),
  connection_lost: gettext("The connection was lost before the site responded."),
  network: gettext("The site cannot be reached."),
  no_server: gettext("The site cannot be reached."),
  no_answer: gettext("The site did not respond in time."),
  bad_response: gettext("The site's response could not be read."),
  closed: gettext("The connection is closed."),
};

const serverText = new LateModule(() => import("./server_text.js"));
// An English page shows the server's own sentences.
if (language() !== "en") serverText.load().catch(() => {});

/**
 * Why a request was refused or got no response, in the user's language if the code says everything.
 *
 * @param {{ code?: string, message: string }} error
 * @returns {string}
 */
export function errorText({ code = "", message }) {
  return OURS[code] ?? serverText.loaded?.translated(code, message) ?? message;
}
