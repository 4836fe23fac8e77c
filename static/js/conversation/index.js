export { ConversationStore } from "./conversation_store.js";
export { LiveRuns, runOf } from "./live_runs.js";
export { OpenConversation } from "./open_conversation.js";
