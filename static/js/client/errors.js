/**
 * Codes for "no reply from the server": the request may or may not have been carried out. The server itself sends
 * `draining`: this process is shutting down, the next one will reply.
 */
const UNANSWERED = new Set(["connection_lost", "network", "no_answer", "no_server", "draining"]);

/**
 * A protocol or client error.
 *
 * `code` is one of the protocol's codes, or the client's own: `connection_lost`, `network`, `no_answer` (timeout),
 * `no_server` (a proxy responded in the server's place), `bad_response`, `closed`, `discarded`. `retryAfter` is in
 * seconds. `status` is the HTTP status or, of a lost connection, the close code. `runId` is the run that somebody else's
 * answer has started, if the code is `answered`.
 */
export class ChatError extends Error {
  /**
   * @param {object} fields
   * @param {string} fields.code
   * @param {string} fields.message
   * @param {boolean} [fields.retryable]
   * @param {number | null} [fields.retryAfter]
   * @param {number | null} [fields.status]
   * @param {string | null} [fields.runId]
   */
  constructor({ code, message, retryable = false, retryAfter = null, status = null, runId = null }) {
    super(message);
    this.name = "ChatError";
    this.code = code;
    this.retryable = retryable;
    this.retryAfter = retryAfter;
    this.status = status;
    this.runId = runId;
  }

  /** True if the same request should be retried with the same id: its outcome is unknown. */
  get unanswered() {
    return UNANSWERED.has(this.code);
  }
}

/**
 * Reads the error in a WebSocket reply, an `error` event or the body of an HTTP error: all have the same fields.
 *
 * @param {unknown} source
 * @param {{ status?: number | null, retryAfter?: number | null }} [http]
 */
export function errorFrom(source, { status = null, retryAfter = null } = {}) {
  const fields = /** @type {Record<string, unknown>} */ (source && typeof source === "object" ? source : {});
  const seconds = Number(fields.retry_after ?? NaN);
  return new ChatError({
    code: typeof fields.code === "string" ? fields.code : "bad_response",
    message: typeof fields.message === "string" ? fields.message : "The server's answer could not be understood.",
    retryable: fields.retryable === true,
    retryAfter: seconds >= 0 ? seconds : retryAfter,
    status,
    runId: typeof fields.run_id === "string" ? fields.run_id : null,
  });
}

/**
 * @param {number | null} [closeCode]
 * @returns {ChatError}
 */
export function connectionLost(closeCode = null) {
  return new ChatError({
    code: "connection_lost",
    message: "The connection was lost before the server answered.",
    retryable: true,
    status: closeCode,
  });
}
