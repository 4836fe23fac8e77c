import { errorFrom } from "./errors.js";

/**
 * @typedef {import("./api.js").Api} Api
 * @typedef {import("./outbox.js").Sent} Sent
 */

const OK = 200;

/**
 * Starts a run over HTTP. Repeating the same `client_message_id` returns the same run.
 *
 * @param {Api} api
 * @param {import("./transport.js").Body} body
 * @returns {Promise<Sent>}
 */
export async function sendByPost(api, { type, message_id: id, ...body }) {
  const path = type === "send" ? "/runs" : `/messages/${encodeURIComponent(id)}/${type === "approve" ? "approvals" : "answers"}`;
  const { status, body: answer } = await api.exchange("POST", path, body);
  if (typeof answer?.run_id !== "string") throw errorFrom(null, { status });
  return {
    runId: answer.run_id,
    conversationId: answer.conversation_id,
    clientMessageId: body.client_message_id,
    duplicate: status === OK,
  };
}

/**
 * @param {Api} api
 * @param {string} runId
 * @returns {Promise<void>}
 */
export async function stopByPost(api, runId) {
  await api.request("POST", `/runs/${encodeURIComponent(runId)}/stop`);
}
