import { gettext, interpolate } from "../../ui/i18n.js";
import { part } from "../../ui/template_parts.js";
import { statusText } from "../status_text.js";

const COMPLETED = new Set(["completed", "done", "ok"]);

/** The block of a team member: its name, and what it is doing. Its own parts are drawn into the block by AnswerParts. */
export class Drawn {
  #root;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    root.dataset.state = "running";
    this.#tell(gettext("Working…"));
  }

  /** @param {string} name also of events that say something of its parts @param {any} data */
  hear(name, data) {
    if (name === "agent_start") part(this.#root, "agent-name").textContent = data.name || data.agent;
    else if (name === "agent_done") this.end(data.status ?? "completed");
    else if (name === "reasoning") this.#tell(gettext("Thinking…"));
    else if (name === "token") this.#tell(gettext("Writing…"));
    else if (name === "status") this.#tell(statusText(data));
  }

  /** @param {string} status */
  end(status) {
    const failed = !COMPLETED.has(status);
    this.#tell(failed ? interpolate(gettext("Ended: %(status)s"), { status }) : gettext("Done"));
    if (this.#isRunning) this.#root.dataset.state = failed ? "failed" : "done";
  }

  /** @param {string} text nothing after it has ended: a saved member's parts follow its end */
  #tell(text) {
    if (this.#isRunning) part(this.#root, "agent-state").textContent = text;
  }

  get #isRunning() {
    return this.#root.dataset.state === "running";
  }
}
