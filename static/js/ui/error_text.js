import { gettext, language } from "./i18n.js";
import { LateModule } from "./late_module.js";

/** @type {Record<string, string>} */
const OURS = {
  // @ts-expect-error -- null prototype: a code must not match an inherited property
  __proto__: null,
  text_too_long: gettext("The message is too long."),
  not_signed_in: gettext("You are signed out. Sign in, then try again."),
  not_found: gettext("This is no longer there."),
  busy: gettext("This conversation is being answered. Wait for the answer, or stop it."),
  rate_limited: gettext("Too many requests. Wait a moment, then try again."),
  no_model: gettext("No model is set up that you may use. Ask your administrator."),
  too_many_runs: gettext("Too many answers are being written for you. Wait for one to end."),
  draining: gettext("The site is being restarted. Try again in a moment."),
  connection_lost: gettext("The connection was lost before the site had answered."),
  network: gettext("The site cannot be reached."),
  no_server: gettext("The site cannot be reached."),
  no_answer: gettext("The site did not answer in time."),
  bad_response: gettext("The answer of the site could not be understood."),
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
