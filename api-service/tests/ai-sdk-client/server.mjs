// Starts api-service in a folder of its own, beside a language model that does
// what a test says.

import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createSocket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const SECRET = "the shared secret of the tests, which is long enough";
const BINARY = resolve(
  process.env.API_SERVICE ??
    join(process.env.CARGO_TARGET_DIR ?? "../../../target", "debug/api-service"),
);

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** The access token of a user, as auth-service signs it with JWT_SECRET. */
export function token(number) {
  const now = Math.floor(Date.now() / 1000);
  const user = `018bcfe5-6800-7000-8000-${String(number).padStart(12, "0")}`;
  const claims = {
    iss: "lectern", aud: "lectern", sub: user, jti: user, sid: user, iat: now, nbf: now,
    exp: now + 3600, roles: ["user"], email: "user@example.com", name: "User",
  };
  const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${encoded({ alg: "HS256", typ: "at+jwt" })}.${encoded(claims)}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}

async function freePort() {
  const server = createSocket().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** A model that says `pieces`; then it ends, "breaks" or, with "hangs", waits. */
async function startModel() {
  const model = { pieces: [], then: "ends", left: 0 };
  const server = createServer(async (request, response) => {
    for await (const _ of request);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.once("close", () => (model.left += 1));
    const { pieces, then } = model;
    for (const content of pieces) {
      const chunk = { object: "chat.completion.chunk", choices: [{ index: 0, delta: { content } }] };
      response.write(`data: ${JSON.stringify(chunk)}\n\n`);
      await pause(20);
    }
    if (then === "hangs") {
      while (model.then === "hangs" && !response.closed) await pause(10);
    }
    if (then === "breaks") response.destroy();
    else response.end("data: [DONE]\n\n");
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  model.url = `http://127.0.0.1:${server.address().port}/v1`;
  model.stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return model;
}

/** Starts both. */
export async function start() {
  const model = await startModel();
  const folder = await mkdtemp(join(tmpdir(), "lectern-ai-sdk-"));
  await symlink(resolve(process.env.LECTERN_MODELS_DIR), join(folder, "models"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(BINARY, [], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      DATA_DIR: folder,
      API_HTTP_ADDR: `127.0.0.1:${port}`,
      API_PUBLIC_URL: url,
      JWT_SECRET: SECRET,
      LLM_BASE_URL: model.url,
      LLM_MODEL: "a-model",
      ANSWER_GRACE: "1",
    },
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => (log += bytes));
  const over = new Promise((done) => child.once("exit", done));
  const end = Date.now() + 60_000;
  while (!(await fetch(`${url}/health`).then((answer) => answer.ok, () => false))) {
    if (child.exitCode !== null || Date.now() > end) throw new Error(`it did not start:\n${log}`);
    await pause(100);
  }
  return {
    url,
    model,
    /** Takes a document in and waits until it can be found. */
    async add(bearer, document) {
      const headers = { authorization: `Bearer ${bearer}`, "content-type": "application/json" };
      const body = JSON.stringify(document);
      const sent = await fetch(`${url}/v1/documents`, { method: "POST", headers, body });
      const { id } = await sent.json();
      for (let times = 0; times < 600; times += 1) {
        const looked = await fetch(`${url}/v1/documents/${id}`, { headers });
        if ((await looked.json()).searchable) return;
        await pause(50);
      }
      throw new Error(`${document.title} is not ready`);
    },
    async stop() {
      child.kill("SIGINT");
      await over;
      model.stop();
      await rm(folder, { recursive: true });
    },
  };
}
