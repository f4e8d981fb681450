// Server-sent events over fetch, which can carry a token.

import { Problem } from "./client.js";

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
