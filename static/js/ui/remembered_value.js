import { warn } from "../client/warning.js";

/** One word that a browser remembers. A storage that is full or forbidden costs just that. */
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
      warn("the choice could not be stored", error);
    }
  }
}
