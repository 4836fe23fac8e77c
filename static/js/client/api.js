import { ChatError, errorFrom } from "./errors.js";
import { isObject } from "./untrusted_input.js";

/**
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {(url: string, options?: RequestInit) => Promise<Response>} Fetch
 */

const REQUEST_TIMEOUT_MS = 30_000;
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);
/** Sent by a proxy that finds no server. Without one of our errors in the body, the server never saw the request. */
const PROXY_STATUSES = new Set([502, 503, 504]);

/** The server's REST API, in the page's session. */
export class Api {
  #url;
  #userId;
  #csrfToken;
  #fetch;
  #clock;
  #onSignedOut;
  #onStranger;
  #answers;

  /**
   * @param {object} options
   * @param {string} options.url without a slash at the end
   * @param {string | number | null} [options.userId] who must be signed in
   * @param {() => string} options.csrfToken
   * @param {Fetch} options.fetch
   * @param {Clock} options.clock
   * @param {() => void} options.onSignedOut called on every 401
   * @param {() => void} [options.onStranger] called when another user is signed in; the request was not carried out
   * @param {Record<string, unknown>} [options.answers] preloaded responses by path, each used for the first GET of its
   *   path
   */
  constructor({ url, userId = null, csrfToken, fetch, clock, onSignedOut, onStranger = () => {}, answers = {} }) {
    this.#url = url;
    this.#userId = userId;
    this.#csrfToken = csrfToken;
    this.#fetch = fetch;
    this.#clock = clock;
    this.#onSignedOut = onSignedOut;
    this.#onStranger = onStranger;
    this.#answers = new Map(Object.entries(answers));
  }

  /** @param {string} path with its leading slash */
  url(path) {
    return this.#url + path;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body] sent as JSON
   * @returns {Promise<any>} the decoded body, null for 204
   * @throws {ChatError}
   */
  async request(method, path, body) {
    const preloaded = method === "GET" ? this.#answers.get(path) : undefined;
    if (preloaded !== undefined && this.#answers.delete(path)) return preloaded;
    return (await this.exchange(method, path, body)).body;
  }

  /**
   * Like `request`, for callers that need the status.
   *
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<{ status: number, body: any }>}
   */
  async exchange(method, path, body) {
    const abort = new AbortController();
    const timer = this.#clock.setTimeout(() => abort.abort(), REQUEST_TIMEOUT_MS);
    try {
      const headers = this.#headers(method, body);
      const response = await this.open(path, { method, headers, body: toJson(body), signal: abort.signal });
      return { status: response.status, body: await readBody(response, abort.signal) };
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }

  /**
   * @param {string} path
   * @param {RequestInit} options
   * @returns {Promise<Response>} a response with a 2xx status, its body unread
   * @throws {ChatError} for any other status, and if there is no response
   */
  async open(path, options) {
    /** @type {Response} */
    let response;
    try {
      response = await this.#fetch(this.url(path), { credentials: "same-origin", cache: "no-store", ...options });
    } catch {
      throw silence(options.signal);
    }
    if (response.ok) return response;
    if (response.status === 401) this.#onSignedOut();
    const error = await errorOf(response);
    if (error.code === "another_user") this.#onStranger();
    throw error;
  }

  /**
   * @param {string} method
   * @param {unknown} body
   * @returns {Record<string, string>}
   */
  #headers(method, body) {
    return {
      Accept: "application/json",
      ...(this.#userId !== null && { "X-User-Id": String(this.#userId) }),
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...(!SAFE_METHODS.has(method) && { "X-CSRFToken": this.#csrfToken() }),
    };
  }
}

/** @param {unknown} body */
function toJson(body) {
  return body === undefined ? undefined : JSON.stringify(body);
}

/**
 * @param {Response} response
 * @param {AbortSignal} signal
 */
async function readBody(response, signal) {
  let text;
  try {
    text = await response.text();
  } catch {
    throw silence(signal);
  }
  if (response.status === 204 || text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    throw errorFrom(null, { status: response.status });
  }
}

/** @param {AbortSignal | null | undefined} signal */
function silence(signal) {
  return signal?.aborted
    ? new ChatError({ code: "no_answer", message: "The server did not respond in time.", retryable: true })
    : new ChatError({ code: "network", message: "The server cannot be reached.", retryable: true });
}

/**
 * @param {Response} response
 * @returns {Promise<ChatError>}
 */
async function errorOf(response) {
  const { status } = response;
  const seconds = Number(response.headers.get("Retry-After") ?? NaN);
  const retryAfter = seconds >= 0 ? seconds : null;
  const body = await response.json().catch(() => null);
  if (isObject(body) && isObject(body.error)) return errorFrom(body.error, { status, retryAfter });
  const code = PROXY_STATUSES.has(status) ? "no_server" : status === 401 ? "not_signed_in" : "bad_response";
  const message = `The server responded with status ${status}.`;
  return new ChatError({ code, message, retryable: status >= 500 || status === 429, retryAfter, status });
}
