// Asks a service, and tells what went wrong in words.

/** What a service refused, or that it could not be reached. */
export class Problem extends Error {
  /**
   * @param {number} status the HTTP status; 0 where there was no answer
   * @param {string} code the stable code of the problem
   * @param {string} detail what happened and what helps, for people
   * @param {number} retryAfter seconds to wait, 0 where nothing was said
   */
  constructor(status, code, detail, retryAfter = 0) {
    super(detail);
    Object.assign(this, { status, code, retryAfter });
  }
}

const OFFLINE = "The service can’t be reached. Check your connection, and try again.";

/** @returns {Promise<Problem>} what a refusal says, as problem+json or as Better Auth tells it */
async function problemOf(response) {
  const told = await response.json().catch(() => ({}));
  const seconds = Number(response.headers.get("retry-after")) || 0;
  const detail = told.detail || told.message || told.error?.message || `The service answered ${response.status}.`;
  const wait = seconds ? ` Try again in ${seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`}.` : "";
  return new Problem(response.status, told.code ?? "", detail + wait, seconds);
}

/**
 * A client of one service.
 * @param {object} how
 * @param {string} how.base the service’s address, without a slash at the end
 * @param {(fresh: boolean) => Promise<string | null>} [how.token] the access token; a new one where `fresh`
 * @param {boolean} [how.cookies] whether cookies go with requests
 * @param {object} [how.headers] what goes with every request
 */
export function createClient({ base, token = async () => null, cookies = false, headers: always = {} }) {
  async function send(method, path, { body, headers = {}, signal }, bearer) {
    const plain = body === undefined || body instanceof FormData;
    const init = {
      method,
      signal,
      credentials: cookies ? "include" : "same-origin",
      headers: {
        ...(plain ? {} : { "content-type": "application/json" }),
        ...(bearer ? { authorization: `Bearer ${bearer}` } : {}),
        ...always,
        ...headers,
      },
      body: plain ? body : JSON.stringify(body),
    };
    return fetch(base + path, init).catch((error) => {
      throw error.name === "AbortError" ? error : new Problem(0, "offline", OFFLINE);
    });
  }

  /**
   * Sends a request; a token that no longer holds is replaced once.
   * @returns {Promise<Response>} the answer, whose status is 2xx
   */
  async function open(method, path, options = {}) {
    const bearer = await token(false);
    let response = await send(method, path, options, bearer);
    if (response.status === 401 && bearer) response = await send(method, path, options, await token(true));
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  /** Sends a request with a JSON body, if any. @returns {Promise<any>} the JSON that is answered, or null */
  async function json(method, path, body, options = {}) {
    const response = await open(method, path, { ...options, body });
    const text = await response.text();
    return text && response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : null;
  }

  return {
    base,
    open,
    json,
    get: (path, options) => json("GET", path, undefined, options),
    post: (path, body) => json("POST", path, body ?? {}),
    put: (path, body) => json("PUT", path, body),
    patch: (path, body) => json("PATCH", path, body),
    delete: (path, body) => json("DELETE", path, body),
  };
}
