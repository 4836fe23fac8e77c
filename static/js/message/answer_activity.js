import { gettext, interpolate } from "../ui/i18n.js";
import { LateModule } from "../ui/late_module.js";
import { statusText } from "./status_text.js";
import { cloneTemplate, part } from "../ui/template_parts.js";
import { ThinkingBlock } from "./thinking_block.js";

const toolCard = new LateModule(() => import("./tool_card.js"));

/** @typedef {import("./tool_card.js").ToolCard} ToolCard */

/** A tool call. Its placeholder appears at once, the content once the code for it is loaded. */
class Tool {
  /** @type {ToolCard | Promise<ToolCard>} */
  #card;

  /** @param {HTMLDetailsElement} root @param {any} call */
  constructor(root, call) {
    const make = (/** @type {typeof import("./tool_card.js")} */ { ToolCard }) => (this.#card = new ToolCard(root, call));
    this.#card = toolCard.loaded ? make(toolCard.loaded) : toolCard.load().then(make);
  }

  /** @param {(card: ToolCard) => void} act run one after another, in order */
  tell(act) {
    if (this.#card instanceof Promise) this.#card.then(act, () => {}); // Without the code, only its name is shown.
    else act(this.#card);
  }
}

/**
 * What a model, or one member of a team, does besides writing: thoughts and tool calls, in order. A new thought after
 * a call starts a new block.
 */
class Lane {
  #place;
  #opens;
  /** @type {ThinkingBlock | null} */
  #thinking = null;
  /** @type {ThinkingBlock[]} */
  #blocks = [];
  /** @type {Map<string, Tool>} */
  #tools = new Map();

  /** @param {HTMLElement} place @param {{ opens: boolean }} options whether thoughts are shown as they arrive */
  constructor(place, { opens }) {
    this.#place = place;
    this.#opens = opens;
  }

  /** @param {string} text @param {number} [tookMs] it ends here, and took so long @returns {Promise<void>} */
  think(text, tookMs) {
    if (!this.#thinking && !text) return Promise.resolve();
    if (!this.#thinking) {
      this.#thinking = new ThinkingBlock(this.#place, { open: this.#opens });
      this.#blocks.push(this.#thinking);
      this.#place.hidden = false;
    }
    const painted = this.#thinking.write(text);
    if (tookMs !== undefined) {
      this.#thinking.end(tookMs);
      this.#thinking = null;
    }
    return painted;
  }

  endThinking() {
    this.#thinking?.end();
    this.#thinking = null;
  }

  /** @param {any} call */
  startTool(call) {
    this.endThinking();
    this.#place.hidden = false;
    this.#place.append(cloneTemplate("tool-template"));
    const root = /** @type {HTMLDetailsElement} */ (this.#place.lastElementChild);
    part(root, "tool-name").textContent = call.tool;
    this.#tools.set(call.call_id, new Tool(root, call));
  }

  /** @param {string} callId */
  tool(callId) {
    return this.#tools.get(callId) ?? null;
  }

  end() {
    this.endThinking();
    for (const tool of this.#tools.values()) tool.tell((card) => card.abandon());
  }

  close() {
    for (const block of this.#blocks) block.close();
  }
}

/** The lane of one team member, with its name and current status. */
class AgentLane {
  /** @type {HTMLElement} */
  #root;

  /** @param {HTMLElement} place @param {{ name: string }} agent */
  constructor(place, { name }) {
    place.append(cloneTemplate("agent-template"));
    this.#root = /** @type {HTMLElement} */ (place.lastElementChild);
    this.#root.dataset.state = "running";
    part(this.#root, "agent-name").textContent = name;
    this.lane = new Lane(part(this.#root, "agent-activity"), { opens: false });
    this.tell(gettext("Working…"));
  }

  /** @param {string} text */
  tell(text) {
    part(this.#root, "agent-state").textContent = text;
  }

  /** @param {string} status */
  end(status) {
    if (this.#root.dataset.state !== "running") return;
    this.lane.end();
    const failed = status !== "completed" && status !== "done" && status !== "ok";
    this.#root.dataset.state = failed ? "failed" : "done";
    this.tell(failed ? interpolate(gettext("Ended: %(status)s"), { status }) : gettext("Done"));
  }
}

/** Everything shown of an answer besides its text: thoughts, tools, and team members, each in a lane. */
export class AnswerActivity {
  #place;
  #own;
  /** @type {Map<string, AgentLane>} */
  #agents = new Map();
  /** Tool events identify their call only by id. @type {Map<string, Lane>} */
  #callers = new Map();

  /** @param {HTMLElement} place */
  constructor(place) {
    this.#place = place;
    place.replaceChildren();
    place.hidden = true;
    this.#own = new Lane(place, { opens: true });
  }

  /** @param {{ text: string, agent?: string, duration_ms?: number }} thought @returns {Promise<void>} after the paint */
  think({ text, agent, duration_ms: tookMs }) {
    this.#agents.get(agent ?? "")?.tell(gettext("Thinking…"));
    return this.#laneOf(agent).think(text, tookMs);
  }

  /** The answer continues with text. @param {{ agent?: string }} token */
  endThinking({ agent }) {
    this.#agents.get(agent ?? "")?.tell(gettext("Writing…"));
    this.#laneOf(agent).endThinking();
  }

  /**
   * @param {{ text: string, state?: string, agent?: string }} status
   * @returns {boolean} whether it belonged to a team member
   */
  showStatus(status) {
    const member = this.#agents.get(status.agent ?? "");
    member?.tell(statusText(status));
    return member !== undefined;
  }

  /** @param {any} call */
  startTool(call) {
    const lane = this.#laneOf(call.agent);
    this.#callers.set(call.call_id, lane);
    lane.startTool(call);
  }

  /** @param {any} call @returns {Tool | null} */
  tool({ call_id: id }) {
    return this.#callers.get(id)?.tool(id) ?? null;
  }

  /** @param {{ agent: string, name?: string }} member */
  startAgent({ agent, name }) {
    if (this.#agents.has(agent)) return;
    this.#own.endThinking();
    this.#place.hidden = false;
    this.#agents.set(agent, new AgentLane(this.#place, { name: name || agent }));
  }

  /** @param {{ agent: string, status?: string }} member */
  endAgent({ agent, status = "completed" }) {
    this.#agents.get(agent)?.end(status);
  }

  /** Handles an event, if it is one about activity. @param {string} name @param {any} data */
  hear(name, data) {
    if (name === "reasoning") void this.think(data);
    else if (name === "token") this.endThinking(data);
    else if (name === "tool_start") this.startTool(data);
    else if (name === "tool_progress") this.tool(data)?.tell((card) => card.addItem(data.item));
    else if (name === "tool_result") this.tool(data)?.tell((card) => card.succeed(data));
    else if (name === "tool_error") this.tool(data)?.tell((card) => card.fail(data));
    else if (name === "agent_start") this.startAgent(data);
    else if (name === "agent_done") this.endAgent(data);
  }

  /** The answer has ended. @param {string} status */
  end(status) {
    this.#own.end();
    for (const member of this.#agents.values()) member.end(status);
  }

  close() {
    this.#own.close();
    for (const { lane } of this.#agents.values()) lane.close();
  }

  /** @param {string} [agent] an unknown name falls back to the model's own lane @returns {Lane} */
  #laneOf(agent) {
    return this.#agents.get(agent ?? "")?.lane ?? this.#own;
  }
}
