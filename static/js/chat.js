import { ChatApp } from "./elements/chat_app.js";
import { ChatComposer } from "./elements/chat_composer.js";
import { ChatMessage } from "./elements/chat_message.js";
import { ChatTranscript } from "./elements/chat_transcript.js";
import { ConnectionNotice } from "./elements/connection_notice.js";
import { ConversationList } from "./elements/conversation_list.js";
import { LateModule } from "./elements/late_module.js";
import { SideBar } from "./elements/side_bar.js";

customElements.define("chat-composer", ChatComposer);
customElements.define("chat-message", ChatMessage);
customElements.define("chat-transcript", ChatTranscript);
customElements.define("connection-notice", ConnectionNotice);
customElements.define("conversation-list", ConversationList);
customElements.define("side-bar", SideBar);
// Last, as it speaks to all the others when it starts.
customElements.define("chat-app", ChatApp);

// In a menu that somebody has to open first.
new LateModule(async () => {
  const module = await import("./elements/theme_switch.js");
  customElements.define("theme-switch", module.ThemeSwitch);
  return module;
});

const selectionCopy = new LateModule(() => import("./markdown/copy_selection.js").then((module) => module.enableSelectionCopy(document)));
document.addEventListener("selectstart", () => void selectionCopy.load().catch(() => {}), { once: true });
new LateModule(() => import("./elements/key_names.js").then((module) => module.nameKeys(document)));
new LateModule(() => import("./elements/no_files.js").then((module) => module.refuseFiles(document)));
