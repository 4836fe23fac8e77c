import { gettext, interpolate, language } from "../ui/i18n.js";

/**
 * The known figures of an answer. Times are in milliseconds.
 *
 * @typedef {object} Figures
 * @property {string | null} [model]
 * @property {number | null} [ttftMs] until the first token of the answer or the reasoning
 * @property {number | null} [durationMs]
 * @property {number | null} [inputTokens]
 * @property {number | null} [outputTokens]
 */

/** @param {Record<string, any>} message a saved answer @returns {Figures} */
export function figuresOf(message) {
  return {
    model: message.model,
    ttftMs: message.ttft_ms,
    durationMs: message.duration_ms,
    inputTokens: message.input_tokens,
    outputTokens: message.output_tokens,
  };
}

/** @param {Record<string, any>} done the data of the event @param {string | null} model @returns {Figures} */
export function figuresOfEnd({ ttft_ms: ttftMs, duration_ms: durationMs, usage }, model) {
  return { model, ttftMs, durationMs, inputTokens: usage?.input_tokens, outputTokens: usage?.output_tokens };
}

/** @param {number | null | undefined} milliseconds */
export function seconds(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return null;
  const value = milliseconds / 1_000;
  return interpolate(gettext("%(number)s s"), { number: number(value, value < 10 ? 2 : 0) ?? "" });
}

/**
 * @param {number | null | undefined} value
 * @param {number} [digits] after the decimal point
 */
export function number(value, digits = 0) {
  if (value === null || value === undefined) return null;
  return value.toLocaleString(language(), { maximumFractionDigits: digits });
}
