// Asks a service, tells what went wrong in words, and reads server-sent events
// over fetch, which can carry a token.

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

/**
 * The events of a response as they come.
 * @param {Response} response
 * @yields {{id: string, name: string, data: any}} `data` is the parsed JSON
 */
export async function* readEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const event = eventOf(block);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function eventOf(block) {
  const fields = { id: "", event: "message", data: [] };
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (name === "data") fields.data.push(value);
    else if (name in fields) fields[name] = value;
  }
  if (!fields.data.length) return null;
  return { id: fields.id, name: fields.event, data: JSON.parse(fields.data.join("\n")) };
}

const LAST = new Set(["completed", "failed"]);
const ATTEMPTS = 6;

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/**
 * Follows an answer to its end. Where the line is cut, it goes on after the last
 * event that was seen.
 * @param {object} api a client of api-service
 * @param {() => Promise<Response>} open begins the stream
 * @param {(event: {name: string, data: any}) => void} tell
 * @param {AbortSignal} signal ends it
 */
export async function followAnswer(api, open, tell, signal) {
  let answer = null;
  let last = "";
  let failed = 0;
  let next = open;
  for (;;) {
    try {
      for await (const event of readEvents(await next())) {
        failed = 0;
        last = event.id;
        answer ??= event.data.message_id;
        tell(event);
        if (LAST.has(event.name)) return;
      }
    } catch (error) {
      const cut = !(error instanceof Problem) || error.status === 0 || error.status >= 500;
      if (signal.aborted || !answer || !cut || failed >= ATTEMPTS) throw error;
    }
    if (!answer || failed >= ATTEMPTS) {
      throw new Problem(0, "cut", "The line was cut. Reload the page to see the answer.");
    }
    await pause(250 * 2 ** failed);
    failed += 1;
    const headers = last ? { "last-event-id": last } : {};
    next = () => api.open("GET", `/v1/messages/${answer}/events`, { headers, signal });
  }
}
