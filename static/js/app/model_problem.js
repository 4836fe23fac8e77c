/**
 * @typedef {object} Problem a provider's problem, as the server reports it
 * @property {string} provider
 * @property {boolean} silent whether its server is not responding, and may be back at any moment
 */

/**
 * Which model problem to show: that of the chosen assistant's provider, or of any if no assistant can be chosen. A
 * server that lists no models counts only in the latter case: not every server lists its models.
 *
 * @param {Problem[]} problems
 * @param {{ provider: string } | null} chosen the chosen assistant
 * @returns {"silent" | "refused" | null}
 */
export function modelProblem(problems, chosen) {
  const own = problems.filter(({ provider }) => !chosen || provider === chosen.provider);
  if (own.some(({ silent }) => silent)) return "silent";
  return own.length && !chosen ? "refused" : null;
}
