export { ChatApp } from "./chat_app.js";
export { ConnectionNotice } from "./connection_notice.js";
