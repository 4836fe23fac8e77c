import { LateModule } from "../ui/late_module.js";

export { answerLabel } from "./answer_note.js";
export { BranchPages } from "./branch_pages.js";
export { ChatMessage } from "./chat_message.js";
export { LiveAnswer } from "./live_answer.js";
export { OWN_LABEL, savedMessage } from "./saved_message.js";
export { Siblings } from "./siblings.js";

export const answerDetails = new LateModule(() => import("./answer_details.js"));
