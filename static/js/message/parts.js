/**
 * Turns the parts of a saved answer into a run's events, so that the same code renders both. Same as `unfold` in
 * chat/protocol/parts.py, tested with the same fixtures (tests/protocol/parts.json).
 *
 * @typedef {{ kind: string, agent?: string, text?: string } & Record<string, any>} Part as returned by the API
 */

/** @type {Record<string, (part: Part) => [string, any][]>} */
const UNFOLD = {
  // @ts-expect-error -- no inherited names: a kind could match one
  __proto__: null,
  text: ({ text }) => [["token", { text }]],
  reasoning: ({ text, duration_ms }) => [["reasoning", typeof duration_ms === "number" ? { text, duration_ms } : { text }]],
  tool_call: ({ call_id, tool, title, side_effects, arguments: given, state, items, result, message, code, duration_ms }) => {
    const named = { call_id, tool };
    return [
      ["tool_start", { ...named, arguments: given, ...(title ? { title } : {}), ...(side_effects ? { side_effects } : {}) }],
      ...(items ?? []).map((/** @type {any} */ item) => /** @type {[string, any]} */ (["tool_progress", { ...named, item }])),
      ...(state === "done" ? [/** @type {[string, any]} */ (["tool_result", { ...named, result, duration_ms }])] : []),
      ...(state === "failed" ? [/** @type {[string, any]} */ (["tool_error", { ...named, message, duration_ms, ...(code ? { code } : {}) }])] : []),
    ];
  },
  member: ({ name, status }) => [["agent_start", { name }], ...(status ? [/** @type {[string, any]} */ (["agent_done", { status }])] : [])],
};

/** @param {Part[]} parts @returns {[string, any][]} names and data of events; none for an unknown kind */
export function unfold(parts) {
  return parts.flatMap((part) => {
    const events = UNFOLD[part.kind]?.(part) ?? [];
    return part.agent ? events.map(([name, data]) => /** @type {[string, any]} */ ([name, { ...data, agent: part.agent }])) : events;
  });
}
