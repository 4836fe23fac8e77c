/**
 * Consumes the rest of the text without showing it; text that arrives later stays hidden until it is parsed, too.
 *
 * @param {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateInline} state
 */
export function hideRest(state) {
  state.pos = state.posMax;
  state.env.hidesRest = true;
  return true;
}

/**
 * Whether an inline rule sees text that may still continue. Only the preview parser marks its last text this way.
 *
 * @param {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateInline} state
 */
export function isUnfinished(state) {
  return state.env.unfinished === true && state.posMax === state.src.length;
}
