import { ChatApp, ConnectionNotice } from "./app/index.js";
import { ChatComposer } from "./composer/index.js";
import { ChatMessage } from "./message/index.js";
import { ChatTranscript } from "./transcript/index.js";
import { ConversationList, SideBar } from "./sidebar/index.js";
import { LateModule } from "./ui/late_module.js";

customElements.define("chat-composer", ChatComposer);
customElements.define("chat-message", ChatMessage);
customElements.define("chat-transcript", ChatTranscript);
customElements.define("connection-notice", ConnectionNotice);
customElements.define("conversation-list", ConversationList);
customElements.define("side-bar", SideBar);
// Last, because it talks to all the others when it starts.
customElements.define("chat-app", ChatApp);

// It is in a menu that has to be opened first.
new LateModule(async () => {
  const module = await import("./ui/theme_switch.js");
  customElements.define("theme-switch", module.ThemeSwitch);
  return module;
});

const selectionCopy = new LateModule(() => import("./markdown/copy_selection.js").then((module) => module.enableSelectionCopy(document)));
document.addEventListener("selectstart", () => void selectionCopy.load().catch(() => {}), { once: true });
new LateModule(() => import("./ui/key_names.js").then((module) => module.nameKeys(document)));
