import { WHO } from "../ui/tab_storage.js";

/** A page that is open answers within a few milliseconds, one that is busy a little later. */
const ANSWER_MS = 1_000;

/**
 * The copies of the outbox that closed tabs have left. That of a page which is asleep may count as left, too: its
 * messages have ids, so that they make one turn each, however many pages send them.
 *
 * @param {import("../ui/tab_storage.js").TabStorage} storage
 * @param {number} [answerMs] how long open pages may take to answer for theirs
 * @returns {Promise<string[]>} their names
 */
export async function leftByClosedTabs(storage, answerMs = ANSWER_MS) {
  if (!storage.others.length) return [];
  const channel = new BroadcastChannel(storage.key);
  const open = new Set();
  channel.addEventListener("message", ({ data }) => open.add(data));
  channel.postMessage(WHO);
  await new Promise((resolve) => setTimeout(resolve, answerMs));
  channel.close();
  return storage.others.filter((name) => !open.has(name));
}
