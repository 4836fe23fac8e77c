import { WHO } from "../ui/tab_storage.js";

/** An open page answers within a few milliseconds, a busy one a little later. */
const ANSWER_MS = 1_000;

/**
 * The outbox copies left by closed tabs. A sleeping page's copy may be included; that is safe, because message ids
 * make sure each message creates one turn, however many pages send it.
 *
 * @param {import("../ui/tab_storage.js").TabStorage} storage
 * @param {number} [answerMs] how long open pages have to claim theirs
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
