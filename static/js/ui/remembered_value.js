import { warn } from "../client/warning.js";

/** A value remembered by the browser. If the storage is full or forbidden, only the value is lost. */
export class RememberedValue {
  #storage;
  #key;

  /**
   * @param {Pick<Storage, "getItem" | "setItem"> | null} storage
   * @param {string} key
   */
  constructor(storage, key) {
    this.#storage = storage;
    this.#key = key;
  }

  read() {
    try {
      return this.#storage?.getItem(this.#key) ?? null;
    } catch {
      return null;
    }
  }

  /** @param {string} choice */
  write(choice) {
    try {
      this.#storage?.setItem(this.#key, choice);
    } catch (error) {
      warn("could not store the choice", error);
    }
  }
}
