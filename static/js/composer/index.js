export { ChatComposer } from "./chat_composer.js";
export { Drafts } from "./drafts.js";
