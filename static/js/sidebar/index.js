export { ConversationList } from "./conversation_list.js";
export { conversationIdOf, pathOf } from "./conversation_route.js";
export { SideBar } from "./side_bar.js";
