import { ChatApp } from "./elements/chat_app.js";
import { ChatComposer } from "./elements/chat_composer.js";
import { ChatMessage } from "./elements/chat_message.js";
import { ChatTranscript } from "./elements/chat_transcript.js";
import { ConversationList } from "./elements/conversation_list.js";
import { SideBar } from "./elements/side_bar.js";
import { ThemeSwitch } from "./elements/theme_switch.js";
import { UndoToast } from "./elements/undo_toast.js";

customElements.define("chat-composer", ChatComposer);
customElements.define("chat-message", ChatMessage);
customElements.define("chat-transcript", ChatTranscript);
customElements.define("conversation-list", ConversationList);
customElements.define("side-bar", SideBar);
customElements.define("theme-switch", ThemeSwitch);
customElements.define("undo-toast", UndoToast);
// Last, as it speaks to all the others when it starts.
customElements.define("chat-app", ChatApp);
