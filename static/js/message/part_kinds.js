import { LateModule } from "../ui/late_module.js";
import { Drawn as DrawnText } from "./parts/text.js";

/**
 * The kinds of parts that an answer can have. Each has one entry here, and a file in parts/ that draws it. Text is
 * loaded with the page, everything else late.
 *
 * @typedef {[name: string, data: Record<string, any>]} Event of a run
 * @typedef {{ kind: string, agent?: string, text?: string } & Record<string, any>} Part as returned by the API
 *
 * @typedef {object} Drawing what a file in parts/ exports
 * @property {new (root: any, options: import("./answer_part.js").Options) => Drawn} Drawn
 *
 * @typedef {object} Drawn draws one part into a copy of its template
 * @property {(name: string, data: any) => Promise<void> | void} hear an event of the part; resolves after the paint
 * @property {() => void} [settle] another part has begun after it: it will not grow any more
 * @property {(status: string) => void} end the answer has ended
 * @property {() => void} [close] releases what it holds
 *
 * @typedef {object} Kind
 * @property {string} template
 * @property {{ loaded: Drawing | null, load(): Promise<Drawing> }} code
 * @property {string} begins the event that begins a part
 * @property {string[]} [continues] the events that go on with it
 * @property {string} [by] the field that identifies a part. Without it, the event that begins a part also continues it
 * @property {(part: Part) => Event[]} unfold the events that say a saved part, as in chat/protocol/parts.py
 */

const TEXT = { Drawn: DrawnText };

/** @type {Record<string, Kind>} */
export const KINDS = {
  // @ts-expect-error -- no inherited names: a kind could match one
  __proto__: null,
  text: {
    template: "text-template",
    code: { loaded: TEXT, load: async () => TEXT },
    begins: "token",
    unfold: ({ text }) => [["token", { text }]],
  },
  reasoning: {
    template: "thinking-template",
    code: new LateModule(() => import("./parts/reasoning.js")),
    begins: "reasoning",
    unfold: ({ text, duration_ms }) => [["reasoning", typeof duration_ms === "number" ? { text, duration_ms } : { text }]],
  },
  tool_call: {
    template: "tool-template",
    code: new LateModule(() => import("./parts/tool_call.js")),
    begins: "tool_start",
    continues: ["approval_request", "approval", "question", "tool_progress", "tool_result", "tool_error"],
    by: "call_id",
    unfold: ({ call_id, tool, title, side_effects, arguments: given, state, items, result, message, code, duration_ms, approval, question }) => {
      const named = { call_id, tool };
      const { reason, expires_at, ...decided } = approval ?? {};
      return [
        ["tool_start", { ...named, arguments: given, ...(title ? { title } : {}), ...(side_effects ? { side_effects } : {}) }],
        ...(items ?? []).map((/** @type {any} */ item) => /** @type {Event} */ (["tool_progress", { ...named, item }])),
        ...(question ? [/** @type {Event} */ (["question", { ...named, ...question }])] : []),
        ...(expires_at ? [/** @type {Event} */ (["approval_request", { ...named, title, arguments: given, reason, expires_at }])] : []),
        ...(decided.decision ? [/** @type {Event} */ (["approval", { ...named, ...decided }])] : []),
        ...(state === "done" ? [/** @type {Event} */ (["tool_result", { ...named, result, duration_ms }])] : []),
        ...(state === "failed" ? [/** @type {Event} */ (["tool_error", { ...named, message, duration_ms, ...(code ? { code } : {}) }])] : []),
      ];
    },
  },
  member: {
    template: "agent-template",
    code: new LateModule(() => import("./parts/member.js")),
    begins: "agent_start",
    continues: ["agent_done"],
    by: "agent",
    unfold: ({ name, status }) => [["agent_start", { name }], ...(status ? [/** @type {Event} */ (["agent_done", { status }])] : [])],
  },
};

/** The names of all events that say something of a part. */
export const PART_EVENTS = Object.values(KINDS).flatMap(({ begins, continues = [] }) => [begins, ...continues]);

/** @param {Part[]} parts @returns {Event[]} the events that say them; none for an unknown kind */
export function unfold(parts) {
  return parts.flatMap((part) => {
    const events = KINDS[part.kind]?.unfold(part) ?? [];
    return part.agent ? events.map(([name, data]) => /** @type {Event} */ ([name, { ...data, agent: part.agent }])) : events;
  });
}
