import { KINDS } from "./part_kinds.js";

/** @type {Map<string, string>} */
const KIND_OF = new Map(Object.entries(KINDS).flatMap(([kind, { begins, continues = [] }]) => [begins, ...continues].map((name) => [name, kind])));

/**
 * Finds the part that an event belongs to, by the rule of `Folder` in chat/protocol/parts.py: parts stand in the order
 * in which they began, and text is appended to the last part of its agent if that is text; likewise reasoning.
 *
 * @template Made what stands for a part
 */
export class PartOrder {
  #begin;
  /** The last part of each agent. @type {Map<string, { kind: string, made: Made }>} */
  #last = new Map();
  /** Parts that events identify by a field. @type {Map<string, Made>} */
  #known = new Map();

  /** @param {(kind: string, data: any, before: Made | undefined) => Made} begin makes a part; `before`: its agent's last one */
  constructor(begin) {
    this.#begin = begin;
  }

  /** @param {string} name @param {any} data @returns {Made | undefined} none if the event says nothing of a known part */
  partOf(name, data) {
    const kind = KIND_OF.get(name);
    if (kind === undefined) return undefined;
    const { begins, by } = KINDS[kind];
    if (name !== begins) return this.#known.get(`${kind} ${data[by ?? ""]}`);
    const agent = data.agent ?? "";
    const last = this.#last.get(agent);
    if (!by && last?.kind === kind) return last.made;
    const made = this.#begin(kind, data, last?.made);
    this.#last.set(agent, { kind, made });
    if (by) this.#known.set(`${kind} ${data[by]}`, made);
    return made;
  }

  /** From now on, text and reasoning begin new parts. */
  cut() {
    this.#last.clear();
  }
}
