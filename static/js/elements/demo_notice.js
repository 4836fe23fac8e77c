import { actionOf } from "./template_parts.js";

const DISMISSED = "chatsite.demo-notice.dismissed";

/** Says plainly that a demo model answers; dismissed, it stays away for the life of the tab. */
export class DemoNotice extends HTMLElement {
  #demo = false;

  connectedCallback() {
    this.addEventListener("click", this.#act);
  }

  disconnectedCallback() {
    this.removeEventListener("click", this.#act);
  }

  /** @param {boolean} demo whether the assistant that is chosen is the demo */
  show(demo) {
    this.#demo = demo;
    this.#draw();
  }

  #act = (/** @type {Event} */ event) => {
    if (actionOf(event)?.action !== "dismiss") return;
    sessionStorage.setItem(DISMISSED, "yes");
    this.#draw();
  };

  #draw() {
    this.hidden = !this.#demo || sessionStorage.getItem(DISMISSED) !== null;
  }
}
