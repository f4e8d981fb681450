// Starts auth-service in a folder of its own, with mails in a file and the
// providers' stand-in in place of Google and GitHub.

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const BINARY = resolve(
  process.env.AUTH_SERVICE ??
    join(process.env.CARGO_TARGET_DIR ?? "../../../target", "debug/auth-service"),
);

export const PAGE = "http://localhost:3000";

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Starts the service and gives its URL, its mails and a way to stop it. */
export async function start(providers) {
  const folder = await mkdtemp(join(tmpdir(), "lectern-client-"));
  const [http, grpc] = [await freePort(), await freePort()];
  const url = `http://localhost:${http}`;
  const mailFile = join(folder, "mail.jsonl");
  const child = spawn(BINARY, [], {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      DATA_DIR: folder,
      AUTH_HTTP_ADDR: `127.0.0.1:${http}`,
      AUTH_GRPC_ADDR: `127.0.0.1:${grpc}`,
      AUTH_PUBLIC_URL: url,
      ALLOWED_ORIGINS: PAGE,
      RATE_LIMIT_ENABLED: "false",
      MAIL_TRANSPORT: "file",
      MAIL_FILE: mailFile,
      ...providers.settings,
    },
  });
  let log = "";
  const up = new Promise((done, fail) => {
    child.stderr.on("data", (bytes) => {
      log += bytes;
      if (log.includes("serving")) done();
    });
    child.once("exit", (code) => fail(new Error(`auth-service ended with ${code}:\n${log}`)));
  });
  await up;
  return {
    url,
    log: () => log,
    mailTo: (to, kind) => mailTo(mailFile, to, kind),
    async stop() {
      child.removeAllListeners("exit");
      const over = new Promise((done) => child.once("exit", done));
      child.kill("SIGINT");
      await over;
      await rm(folder, { recursive: true });
    },
  };
}

/** The newest mail of a kind to an address. It is sent beside the answer, so it may still come. */
async function mailTo(file, to, kind) {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    const text = await readFile(file, "utf8").catch(() => "");
    const lines = text.split("\n").filter((line) => line !== "");
    const mails = lines.map((line) => JSON.parse(line));
    const found = mails.findLast((mail) => mail.to === to && mail.kind === kind);
    if (found) return found;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`no ${kind} mail to ${to}`);
}
