import { part } from "../ui/template_parts.js";
import { AnswerPart } from "./answer_part.js";
import { unfold } from "./part_kinds.js";
import { PartOrder } from "./part_order.js";

/** As chat/models/part.py saves: a model that alternates between thinking and writing, word by word, would fill the page. */
const MOST = 1_000;
/** What the short form has one of. */
const WORDS = new Set(["text", "reasoning"]);

/** @typedef {{ text: AnswerPart, thought: AnswerPart | null, room: number }} Short the short form; `room`: for other parts */

/**
 * Draws an answer, live or saved, as its parts in the order in which they began. Those of a team member are inside its
 * block. An answer of more than `MOST` parts is drawn in the short form in which it is saved: one thought, the first
 * calls and members, and one text.
 */
export class AnswerParts {
  /** The answer: all text that is not a member's. */
  text = "";
  #place;
  #live;
  /** @type {AnswerPart[]} */
  #parts = [];
  /** By agent. @type {Map<string, AnswerPart>} */
  #members = new Map();
  /** @type {PartOrder<AnswerPart | null>} */
  #order = new PartOrder((kind, data, before) => this.#begin(kind, data, before));
  #thoughts = { text: "", duration_ms: /** @type {number | undefined} */ (undefined) };
  /** @type {Short | null} */
  #short = null;

  /** @param {HTMLElement} place it is emptied @param {{ live?: boolean }} [options] whether the answer is being written now */
  constructor(place, { live = false } = {}) {
    this.#place = place;
    this.#live = live;
    place.replaceChildren();
  }

  /** Draws a saved answer. @param {import("./branch_pages.js").Message} message */
  draw({ text, parts, status = "completed" }) {
    for (const [name, data] of unfold(parts?.length ? parts : text ? [{ kind: "text", text }] : [])) this.hear(name, data);
    this.end(status);
  }

  /**
   * Draws an event, if it says something of a part.
   *
   * @param {string} name @param {any} data
   * @returns {Promise<void> | void} resolves after the paint
   */
  hear(name, data) {
    const painted = this.#order.partOf(name, data)?.hear(name, data);
    if (!data.agent) this.#collect(name, data);
    else if (name === "token" || name === "reasoning") this.#members.get(data.agent)?.hear(name, data);
    return painted;
  }

  /** @param {{ agent?: string }} status data of `status` @returns {boolean} whether it belonged to a team member */
  showStatus(status) {
    const member = this.#members.get(status.agent ?? "");
    member?.hear("status", status);
    return member !== undefined;
  }

  /** The answer is complete, or will not grow any more. @param {string} status */
  end(status) {
    for (const each of this.#parts) each.end(status);
  }

  close() {
    for (const each of this.#parts) each.close();
  }

  /** @param {string} name @param {{ text: string, duration_ms?: number }} data of the answer itself */
  #collect(name, { text, duration_ms: took }) {
    if (name === "token") this.text += text;
    if (name !== "reasoning") return;
    this.#thoughts.text += text;
    if (took !== undefined) this.#thoughts.duration_ms = (this.#thoughts.duration_ms ?? 0) + took;
  }

  /** @param {string} kind @param {any} data @param {AnswerPart | null | undefined} before @returns {AnswerPart | null} */
  #begin(kind, data, before) {
    if (!this.#short && this.#parts.length >= MOST) this.#shorten();
    if (this.#short) return this.#beginShort(this.#short, kind, data.agent);
    before?.settle();
    return this.#make(kind, data.agent);
  }

  /** @param {string} kind @param {string} [agent] @returns {AnswerPart} */
  #make(kind, agent) {
    return kind === "member" ? this.#memberOf(agent ?? "") : this.#add(kind, agent ? part(this.#memberOf(agent).root, "agent-parts") : this.#place, !agent);
  }

  /** @param {string} agent without an `agent_start` of its own, it is named by its handle @returns {AnswerPart} */
  #memberOf(agent) {
    const known = this.#members.get(agent);
    if (known) return known;
    const member = this.#add("member", this.#place);
    void member.hear("agent_start", { agent });
    this.#members.set(agent, member);
    return member;
  }

  /** @param {string} kind @param {HTMLElement} place @param {boolean} [own] @returns {AnswerPart} */
  #add(kind, place, own = true) {
    const added = new AnswerPart(kind, { live: this.#live, own });
    this.#parts.push(added);
    place.insertBefore(added.root, place === this.#place ? (this.#short?.text.root ?? null) : null);
    return added;
  }

  #shorten() {
    const kept = this.#parts.filter(({ kind }) => !WORDS.has(kind)).slice(0, MOST - 2);
    for (const each of this.#parts) if (!kept.includes(each)) each.remove();
    this.#parts = kept;
    this.#order.cut();
    const room = MOST - 2 - kept.length;
    const text = this.#add("text", this.#place);
    void text.hear("token", { text: this.text });
    this.#short = { text, thought: null, room };
    if (this.#thoughts.text) void this.#thought(this.#short).hear("reasoning", this.#thoughts);
  }

  /** @param {Short} short @param {string} kind @param {string} [agent] @returns {AnswerPart | null} */
  #beginShort(short, kind, agent) {
    if (WORDS.has(kind)) return agent ? null : kind === "text" ? short.text : this.#thought(short);
    if (!short.room) return null;
    short.room -= 1;
    return this.#make(kind, agent);
  }

  /** @param {Short} short @returns {AnswerPart} */
  #thought(short) {
    if (short.thought) return short.thought;
    short.thought = this.#add("reasoning", this.#place);
    this.#place.prepend(short.thought.root);
    return short.thought;
  }
}
