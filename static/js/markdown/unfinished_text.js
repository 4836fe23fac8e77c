/**
 * Takes the rest of the text without showing any of it; what comes next must not be shown either before it is parsed.
 *
 * @param {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateInline} state
 */
export function hideRest(state) {
  state.pos = state.posMax;
  state.env.hidesRest = true;
  return true;
}

/**
 * Whether an inline rule looks at text that may still go on. Only the preview's parser marks its last text so.
 *
 * @param {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateInline} state
 */
export function isUnfinished(state) {
  return state.env.unfinished === true && state.posMax === state.src.length;
}
