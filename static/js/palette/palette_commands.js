import { gettext } from "../ui/i18n.js";

/**
 * @typedef {object} Command
 * @property {string} name a name in `Commands`
 * @property {string} label
 * @property {string} icon
 * @property {string} [keys]
 * @property {string} [words] additional search terms
 */

/**
 * The commands of the palette.
 *
 * @param {import("../conversation/conversation_store.js").Conversation | null} open the open conversation, if it is
 *   saved
 * @returns {Command[]}
 */
export function paletteCommands(open) {
  return [
    { name: "new-chat", label: gettext("New chat"), icon: "compose", keys: "Mod+Shift+O", words: gettext("start conversation") },
    ...(open ? commandsOf(open) : []),
    { name: "theme-light", label: gettext("Light theme"), icon: "theme", words: gettext("appearance colours bright") },
    { name: "theme-dark", label: gettext("Dark theme"), icon: "theme", words: gettext("appearance colours night") },
    { name: "theme-system", label: gettext("System theme"), icon: "theme", words: gettext("appearance colours automatic") },
    { name: "open-archive", label: gettext("Archived conversations"), icon: "archive" },
    { name: "shortcuts", label: gettext("Keyboard shortcuts"), icon: "keyboard", keys: "?", words: gettext("help keys") },
  ];
}

/** @param {Command[]} commands @param {string} query */
export function matchingCommands(commands, query) {
  const asked = query.toLowerCase().split(/\s+/).filter(Boolean);
  return commands.filter(({ label, words = "" }) => {
    const text = ` ${label} ${words}`.toLowerCase();
    return asked.every((word) => text.includes(` ${word}`));
  });
}

/** @param {import("../conversation/conversation_store.js").Conversation} open @returns {Command[]} */
function commandsOf({ pinned = false, archived = false }) {
  return [
    ...(archived ? [] : [{ name: "pin", label: pinned ? gettext("Unpin this conversation") : gettext("Pin this conversation"), icon: "pin" }]),
    { name: "rename", label: gettext("Rename this conversation"), icon: "rename", words: gettext("title") },
    { name: "archive", label: archived ? gettext("Unarchive this conversation") : gettext("Archive this conversation"), icon: "archive" },
    { name: "delete", label: gettext("Delete this conversation"), icon: "delete", words: gettext("remove") },
  ];
}
