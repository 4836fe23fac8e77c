const CONVERSATION = /^(.*\/)c\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/?$/i;

/**
 * @param {string} pathname
 * @returns {string | null} the conversation at this address; null for a new one
 */
export function conversationIdOf(pathname) {
  return CONVERSATION.exec(pathname)?.[2].toLowerCase() ?? null;
}

/**
 * @param {string | null} id
 * @param {string} root the address of a new chat, with a trailing slash
 * @returns {string}
 */
export function pathOf(id, root) {
  return id ? `${root}c/${id}` : root;
}
