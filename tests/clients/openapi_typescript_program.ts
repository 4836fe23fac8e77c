// A turn, errors by their type, and lists, with fetch and the types that openapi-typescript generates.
import type { components, operations } from "./generated";

type Schemas = components["schemas"];
type Answer<T> = { data: T; error?: undefined } | { data?: undefined; error: Schemas["Error"] };
type Sent = operations["startRun"]["requestBody"]["content"]["application/json"];
type Filter = NonNullable<operations["listConversations"]["parameters"]["query"]>;

async function call<T>(method: string, path: string, body?: object, token = process.env.CHATSITE_TOKEN!): Promise<Answer<T>> {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const response = await fetch(`${process.env.CHATSITE_URL}/api${path}`, { method, headers, body: body && JSON.stringify(body) });
  const data = await response.json();
  return response.ok ? { data: data as T } : { error: data as Schemas["Error"] };
}

function list(filter: Filter): Promise<Answer<Schemas["ConversationPage"]>> {
  const query = new URLSearchParams(Object.entries(filter).map(([name, value]) => [name, String(value)]));
  return call("GET", `/conversations?${query}`);
}

async function main(): Promise<void> {
  const sent: Sent = { text: "hello", client_message_id: crypto.randomUUID() };
  const { data: answer, error } = await call<Schemas["Message"]>("POST", "/runs/wait", sent);
  if (!answer) throw new Error(error.error.message);

  const missing = await call<Schemas["Conversation"]>("GET", `/conversations/${crypto.randomUUID()}`);
  const empty = await call<Schemas["StartedRun"]>("POST", "/runs", { text: " " } satisfies Sent);
  const stranger = await call<Schemas["RunList"]>("GET", "/runs", undefined, "chat_wrong");
  const errors: (Schemas["ErrorCode"] | undefined)[] = [missing, empty, stranger].map((each) => each.error?.error.code);

  const listed = await list({ archived: false });
  const changes: Schemas["ConversationChanges"] = { archived: true };
  await call<Schemas["Conversation"]>("PATCH", `/conversations/${answer.conversation_id}`, changes);
  const archived = await list({ archived: true });

  console.log(
    JSON.stringify({
      role: answer.role satisfies "user" | "assistant",
      text: answer.text,
      errors,
      isListed: listed.data?.items.some((each) => each.id === answer.conversation_id),
      isArchived: archived.data?.items.some((each) => each.id === answer.conversation_id),
    }),
  );
}

void main();
