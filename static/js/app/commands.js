import { warn } from "../client/warning.js";
import { HeldKeys } from "../ui/held_keys.js";
import { LateModule } from "../ui/late_module.js";

const palette = new LateModule(() => import("../palette/index.js"));
const signIn = new LateModule(() => import("./sign_in.js"));

/**
 * The named commands behind keys, buttons (`data-action`) and the palette. Rarely used ones are loaded later.
 *
 * @typedef {object} CommandParts
 * @property {HTMLElement} app
 * @property {import("./session.js").Session} session
 * @property {import("./conversation_view.js").ConversationView} view
 * @property {import("../composer/chat_composer.js").ChatComposer} composer
 * @property {import("../sidebar/conversation_list.js").ConversationList} list
 * @property {(act: (actions: import("./conversation_actions.js").ConversationActions) => Promise<void>) => void} act
 *   runs a conversation action
 * @property {(id: string | null, messageId?: string | null) => void} go
 * @property {() => void} stop
 */
export class Commands {
  #parts;
  /** @type {import("../palette/palette.js").Palette | null} */
  #palette = null;
  /** @type {import("./sign_in.js").SignIn | null} */
  #signInDialog = null;

  /** @param {CommandParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** @param {string} name */
  has(name) {
    return Object.hasOwn(this.#commands, name);
  }

  /** @param {string} name unknown names are ignored */
  run(name) {
    if (this.has(name)) this.#commands[name]();
  }

  /** @type {Record<string, () => unknown>} */
  #commands = {
    "new-chat": () => this.#parts.go(null),
    "focus-composer": () => this.#parts.composer.focusText(),
    "open-sidebar": () => this.#drawer(true),
    "close-sidebar": () => this.#drawer(false),
    "open-archive": () => this.#showArchive(),
    "reload-conversation": () => this.#parts.view.showAddress(),
    "theme-light": () => this.#theme("light"),
    "theme-dark": () => this.#theme("dark"),
    "theme-system": () => this.#theme("system"),
    palette: () => void this.#showPalette(),
    shortcuts: () => dialog("shortcuts").showModal(),
    "sign-in": () => void this.#signIn(),
    "dismiss-demo": () => this.#parts.view.dismissDemo(),
    stop: () => this.#parts.stop(),
    pin: () => this.#change(({ pinned = false }) => ({ pinned: !pinned })),
    archive: () => this.#change(({ archived = false }) => ({ archived: !archived })),
    delete: () => this.#ofOpen(({ id }) => this.#parts.act((actions) => actions.delete(id))),
    rename: () => this.#ofOpen(({ id }) => this.rename(id)),
  };

  async #showPalette() {
    const root = dialog("palette");
    root.showModal();
    const keys = new HeldKeys(root);
    try {
      const { Palette } = palette.loaded ?? (await palette.load());
      if (!root.open) return;
      this.#palette ??= new Palette(root, this.#paletteOptions);
      this.#palette.show();
      keys.release();
    } catch (error) {
      root.close();
      warn("could not load the palette", error); // Offline, perhaps: the next attempt may work.
    } finally {
      keys.drop();
    }
  }

  /** @returns {import("../palette/palette.js").PaletteOptions} */
  get #paletteOptions() {
    const { session, view, go } = this.#parts;
    return {
      client: session.client,
      store: session.store,
      current: () => view.open.id,
      onCommand: (name) => this.run(name),
      onOpen: ({ id, messageId }, inNewTab) => (inNewTab ? window.open(view.pathOf(id, messageId), "_blank", "noopener") : go(id, messageId)),
    };
  }

  async #signIn() {
    const { session, app } = this.#parts;
    try {
      const { SignIn } = signIn.loaded ?? (await signIn.load());
      this.#signInDialog ??= new SignIn(dialog("sign-in"), { url: app.dataset.loginUrl ?? "", session });
      this.#signInDialog.show();
    } catch (error) {
      warn("could not load the dialog", error);
      location.assign(app.dataset.loginUrl ?? "");
    }
  }

  #showArchive() {
    /** @type {HTMLElement} */ (document.getElementById("user-menu")).hidePopover();
    this.#drawer(true);
    this.#parts.list.archive = true;
  }

  /** @param {string} id */
  rename(id) {
    this.#drawer(true);
    this.#parts.list.rename(id);
  }

  /** @param {(conversation: import("../conversation/conversation_store.js").Conversation) => import("../conversation/conversation_store.js").Changes} changes */
  #change(changes) {
    this.#ofOpen((conversation) => {
      const wanted = changes(conversation);
      this.#parts.act((actions) => actions.change(conversation.id, wanted));
    });
  }

  /**
   * @param {(conversation: import("../conversation/conversation_store.js").Conversation) => void} act runs on the open
   *   conversation, if it is saved
   */
  #ofOpen(act) {
    const { session, view } = this.#parts;
    const open = session.store.get(view.open.id);
    if (open && !open.provisional) act(open);
  }

  /** @param {string} theme */
  #theme(theme) {
    /** @type {HTMLInputElement | null} */ (document.querySelector(`input[name=theme][value=${theme}]`))?.click();
  }

  /** @param {boolean} open */
  #drawer(open) {
    /** @type {import("../sidebar/side_bar.js").SideBar} */ (this.#parts.app.querySelector("side-bar")).show(open);
  }
}

/** @param {string} id @returns {HTMLDialogElement} */
function dialog(id) {
  return /** @type {HTMLDialogElement} */ (document.getElementById(id));
}
