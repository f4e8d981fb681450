// A stand-in for a language model’s server: OpenAI’s streamed chat completions,
// word by word, with a pause after each.

import { createServer } from "node:http";
import { freePort } from "./services.mjs";

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/**
 * Starts it.
 * @param {() => {text: string, pause: number}} says what it answers next
 */
export async function startModel(says) {
  const port = await freePort();
  const server = createServer(async (asked, answer) => {
    let sent = "";
    for await (const piece of asked) sent += piece;
    const { stream, messages } = JSON.parse(sent || "{}");
    const frame = { id: "one", created: 1, model: "stand-in" };
    if (!stream) {
      const message = { role: "assistant", content: messages.at(-1).content };
      answer.setHeader("content-type", "application/json");
      return answer.end(JSON.stringify({ ...frame, object: "chat.completion", choices: [{ index: 0, finish_reason: "stop", message }] }));
    }
    answer.writeHead(200, { "content-type": "text/event-stream" });
    const tell = (delta, finish_reason) =>
      answer.write(`data: ${JSON.stringify({ ...frame, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }] })}\n\n`);
    const { text, pause: between } = says();
    for (const word of text.split(/(?<= )/)) {
      if (answer.destroyed) return undefined;
      tell({ content: word }, null);
      await pause(between);
    }
    tell({}, "stop");
    return answer.end("data: [DONE]\n\n");
  });
  await new Promise((done) => server.listen(port, "127.0.0.1", done));
  return {
    settings: { LLM_PROVIDER: "openai-compatible", LLM_BASE_URL: `http://127.0.0.1:${port}/v1`, LLM_MODEL: "stand-in" },
    async stop() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
