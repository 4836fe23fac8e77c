import { warn } from "../client/warning.js";
import { answerDetails } from "../message/index.js";
import { workWhenIdle } from "../ui/idle_time.js";
import { MessageWindow } from "./message_window.js";
import { ReadingPlace } from "./reading_place.js";
import { actionOf, part } from "../ui/template_parts.js";

/** Drawn at once, before the first paint: about one screen. */
const FIRST = 6;
/** Drawn at once when the reader gets near the end of what is drawn. */
const SLICE = 10;
/** How far beyond the screen messages are drawn or requested. */
const AHEAD = "1500px 0px";

/**
 * The messages of the open conversation and their scroll position.
 *
 * Fires "transcript-older" and "transcript-newer" when the reader gets near the first or last known message and there
 * are more, and "transcript-latest" when they jump to an end that has not been read.
 *
 * @typedef {import("./message_window.js").Entry} Entry
 * @typedef {import("../message/chat_message.js").ChatMessage} ChatMessage
 */
export class ChatTranscript extends HTMLElement {
  /** @type {MessageWindow} */
  #window = /** @type {any} */ (null);
  /** @type {ReadingPlace} */
  #place = /** @type {any} */ (null);
  /** @type {import("../message/answer_details.js").AnswerDetails | null} */
  #details = null;
  /** @type {IntersectionObserver} */
  #edges = /** @type {any} */ (null);
  /** Whether there is more above and below the known messages. */
  #more = { older: false, newer: false };
  #unread = false;
  #stopDrawing = () => {};

  connectedCallback() {
    const scroller = /** @type {HTMLElement} */ (this.querySelector(".transcript__scroller"));
    const [content, reserve] = [part(this, "content"), part(this, "reserve")];
    this.#window = new MessageWindow(this.#list);
    this.#place = new ReadingPlace({ scroller, content, list: this.#list, reserve, onChange: (grown) => this.#moved(grown) });
    this.#place.start();
    this.#edges = new IntersectionObserver((entries) => this.#reached(entries), { root: scroller, rootMargin: AHEAD });
    this.addEventListener("click", this.#act);
    this.addEventListener("message-grow", this.#grow);
  }

  disconnectedCallback() {
    this.#stopDrawing();
    this.#place.stop();
    this.#edges.disconnect();
    this.removeEventListener("click", this.#act);
    this.removeEventListener("message-grow", this.#grow);
  }

  /** The drawn messages. @returns {ChatMessage[]} */
  get messages() {
    return [.../** @type {any} */ (this.#list.children)];
  }

  /** All known messages, drawn or not. */
  get entries() {
    return this.#window.entries;
  }

  get atEnd() {
    return this.#place.atEnd;
  }

  /** @param {string | null} key @returns {Element | null} null if it is not drawn */
  elementOf(key) {
    return this.entries.find((entry) => entry.key === key)?.element ?? null;
  }

  set busy(/** @type {boolean} */ busy) {
    this.#list.setAttribute("aria-busy", String(busy));
  }

  clear() {
    this.#stopDrawing();
    this.#details?.close();
    this.#window.clear();
    this.showProblem("");
    this.#unread = false;
    this.#place.reset();
    this.setMore({ older: false, newer: false });
  }

  /** @param {{ older?: boolean, newer?: boolean }} more whether there are more in these directions */
  setMore(more) {
    this.#more = { ...this.#more, ...more };
    this.#drawEdges();
  }

  /** Shows the end of a conversation. @param {Entry[]} entries */
  open(entries) {
    this.#window.append(entries, { draw: false });
    this.#window.drawOnly(FIRST);
    this.#place.follow();
    this.#drawRest();
  }

  /** Shows a conversation at one message. @param {Entry[]} entries @param {string} key */
  openAt(entries, key) {
    this.#window.append(entries, { draw: false });
    const index = this.#window.indexOf(key);
    this.#window.drawOnly(2 * FIRST, Math.min(index + FIRST, entries.length - 1));
    const element = entries[index]?.element;
    if (element) this.#place.show(element);
    this.#drawRest();
    return element ?? null;
  }

  /** Adds messages just written. @param {...Entry} entries */
  addMessages(...entries) {
    this.#window.append(entries);
    if (this.#place.following && this.#window.trimOlder()) this.#drawEdges();
    if (!this.#place.following && !this.#place.atEnd) this.#markUnread();
  }

  /** @param {Entry[]} entries just read */
  addOlder(entries) {
    this.#window.prepend(entries);
    this.#drawOlder();
  }

  /** @param {Entry[]} entries just read */
  addNewer(entries) {
    this.#window.append(entries, { draw: false });
    this.#drawNewer();
  }

  /**
   * Removes the message below `parent` and everything after it; null removes everything.
   *
   * @param {string | null} parent
   * @returns {Entry[]}
   */
  cutBelow(parent) {
    this.#details?.close();
    const cut = this.#window.cutBelow(parent);
    this.#drawEdges();
    return cut;
  }

  /** @param {Element[]} elements to remove */
  take(elements) {
    this.#window.take(elements);
    this.#drawEdges();
  }

  /** Replaces a message, keeping its position on the screen. @param {Element} before @param {() => Element | null} change */
  replace(before, change) {
    this.#place.replace(before, change);
    this.#drawRest();
  }

  /** Moves a message just sent to the top of the screen. @param {Element} element */
  pin(element) {
    if (!element.isConnected) this.#window.drawOnly(FIRST);
    this.#place.pin(element);
    this.#drawRest();
  }

  /** Scrolls a message into reading position. @param {Element} element */
  show(element) {
    this.#place.show(element);
  }

  /** Jumps to the last message. */
  showLatest() {
    if (this.#more.newer) return void this.dispatchEvent(new CustomEvent("transcript-latest", { bubbles: true }));
    if (this.#window.hasNewer) this.#window.drawOnly(FIRST);
    this.#drawEdges();
    this.#place.follow();
    this.#drawRest();
  }

  /** @param {string} text shown instead of the messages; empty for none @param {{ gone?: boolean }} [options] whether retrying is pointless */
  showProblem(text, { gone = false } = {}) {
    part(this, "problem-text").textContent = text;
    part(this, "problem-again").hidden = gone;
    part(this, "problem-new").hidden = !gone;
    part(this, "problem").hidden = !text;
  }

  /** @returns {HTMLElement} */
  get #list() {
    return part(this, "messages");
  }

  /** Draws the rest of the known messages in idle time, newest first, so that the browser can search them. */
  #drawRest() {
    this.#stopDrawing();
    this.#drawEdges();
    this.#stopDrawing = workWhenIdle(() => {
      if (this.#window.full || !this.#window.hasOlder) return false;
      this.#place.keep(() => this.#window.drawOlder(1));
      this.#drawEdges();
      return true;
    });
  }

  #drawOlder() {
    this.#place.keep(() => this.#window.drawOlder(SLICE));
    if (!this.#place.following) this.#window.trimNewer();
    this.#drawEdges();
  }

  #drawNewer() {
    this.#window.drawNewer(SLICE);
    this.#place.keep(() => this.#window.trimOlder());
    this.#drawEdges();
  }

  #drawEdges() {
    const newer = this.#more.newer || this.#window.hasNewer;
    this.#place.partial = newer;
    this.#drawEdge("older", this.#more.older || this.#window.hasOlder);
    this.#drawEdge("newer", newer);
  }

  /** @param {"older" | "newer"} name @param {boolean} shown */
  #drawEdge(name, shown) {
    const edge = part(this, name);
    if (edge.hidden === shown) edge.hidden = !shown;
    // Observe anew: observers report changes only, and a short page may leave this element in view.
    this.#edges.unobserve(edge);
    if (shown) this.#edges.observe(edge);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #reached(entries) {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting || !target.checkVisibility()) continue;
      const older = target === part(this, "older");
      if (older ? this.#window.hasOlder : this.#window.hasNewer) older ? this.#drawOlder() : this.#drawNewer();
      else this.dispatchEvent(new CustomEvent(older ? "transcript-older" : "transcript-newer", { bubbles: true }));
    }
  }

  /** @param {boolean} grown */
  #moved(grown) {
    const button = /** @type {HTMLElement} */ (this.querySelector(".transcript__latest"));
    const atEnd = this.#place.atEnd;
    if (atEnd) this.#unread = false;
    else if (grown && !this.#place.following && this.querySelector('[data-state="streaming"]')) this.#unread = true;
    button.hidden = atEnd || this.#place.following;
    button.toggleAttribute("data-unread", this.#unread);
  }

  #markUnread() {
    this.#unread = true;
    this.#moved(false);
  }

  /** `detail`: the change that makes a part of a message larger. @param {Event} event */
  #grow = (event) => {
    event.preventDefault();
    this.#place.keepBelow(/** @type {Element} */ (event.target), /** @type {CustomEvent} */ (event).detail);
  };

  #act = (/** @type {Event} */ event) => {
    const asked = actionOf(event);
    if (asked?.action === "latest") this.showLatest();
    if (asked?.action === "details") void this.#tellDetails(asked.element);
  };

  /** @param {HTMLElement} button the message's button */
  async #tellDetails(button) {
    try {
      const { AnswerDetails } = answerDetails.loaded ?? (await answerDetails.load());
      this.#details ??= new AnswerDetails(/** @type {HTMLElement} */ (document.getElementById("answer-details")));
      this.#details.toggle(button);
    } catch (error) {
      warn("could not load the details", error); // Offline, perhaps: the next attempt may work.
    }
  }
}
