// A turn, errors by their type, and lists, with the client that @hey-api/openapi-ts generates.
import { changeConversation, getConversation, listConversations, listRuns, startRun, startRunAndWait } from "./generated";
import type { ErrorCode } from "./generated";
import { client } from "./generated/client.gen";

client.setConfig({ baseUrl: process.env.CHATSITE_URL!, auth: process.env.CHATSITE_TOKEN! });

async function main(): Promise<void> {
  const { data: answer, error } = await startRunAndWait({ body: { text: "hello", client_message_id: crypto.randomUUID() } });
  if (!answer) throw new Error(error.error.message);
  const conversationId: string = answer.conversation_id;

  const missing = await getConversation({ path: { conversation_id: crypto.randomUUID() } });
  const empty = await startRun({ body: { text: " " } });
  const stranger = await listRuns({ auth: "chat_wrong" });
  const errors: (ErrorCode | undefined)[] = [missing, empty, stranger].map((each) => each.error?.error.code);

  const listed = await listConversations({ query: { archived: false } });
  await changeConversation({ path: { conversation_id: conversationId }, body: { archived: true } });
  const archived = await listConversations({ query: { archived: true } });

  console.log(
    JSON.stringify({
      role: answer.role satisfies "user" | "assistant",
      text: answer.text,
      errors,
      isListed: listed.data?.items.some((each) => each.id === conversationId),
      isArchived: archived.data?.items.some((each) => each.id === conversationId),
    }),
  );
}

void main();
