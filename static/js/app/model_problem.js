/**
 * @typedef {object} Problem of a provider, as the server knows it
 * @property {string} provider
 * @property {boolean} silent whether its server does not answer, and may do so any moment
 */

/**
 * What a person is told. One who can be answered by somebody else is told nothing; nor is it told of a server that lists
 * no models while there is an assistant: not all of them do.
 *
 * @param {Problem[]} problems
 * @param {{ provider: string } | null} chosen who answers
 * @returns {"silent" | "refused" | null}
 */
export function modelProblem(problems, chosen) {
  const own = problems.filter(({ provider }) => !chosen || provider === chosen.provider);
  if (own.some(({ silent }) => silent)) return "silent";
  return own.length && !chosen ? "refused" : null;
}
