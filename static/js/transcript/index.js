export { ChatTranscript } from "./chat_transcript.js";
