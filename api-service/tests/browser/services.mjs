// Starts both services in a folder of their own, and a server for pages.

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer as createHttp, request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const PROGRAMS = resolve(process.env.PROGRAMS ?? "../../../target/debug");
const MODELS = resolve(process.env.LECTERN_MODELS_DIR ?? "../../../data/models");
const BOOK = "# Physical AI\n\nPhysical AI is artificial intelligence that acts through a body.\n";

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Runs a program to its end, or until it says that it is up. */
export function run(program, arguments_, env, isUp) {
  const child = spawn(join(PROGRAMS, program), arguments_, { env, stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  const up = new Promise((done, fail) => {
    child.stderr.on("data", (bytes) => {
      log += bytes;
      if (isUp(log)) done();
    });
    child.once("exit", (code) => (code === 0 ? done() : fail(new Error(`${program}: ${log}`))));
  });
  const stop = () =>
    new Promise((done) => {
      if (child.exitCode !== null) return done();
      child.removeAllListeners("exit").once("exit", done);
      child.kill("SIGTERM");
    });
  return { up, stop };
}

/** Starts both services with these settings beside the usual ones, or with those that follow from their addresses. */
export async function start(settings) {
  const folder = await mkdtemp(join(tmpdir(), "lectern-browser-"));
  const [http, grpc, api] = [await freePort(), await freePort(), await freePort()];
  const at = { auth: `http://localhost:${http}`, api: `http://localhost:${api}` };
  const env = {
    PATH: process.env.PATH,
    DATA_DIR: folder,
    AUTH_HTTP_ADDR: `127.0.0.1:${http}`,
    AUTH_GRPC_ADDR: `127.0.0.1:${grpc}`,
    API_HTTP_ADDR: `127.0.0.1:${api}`,
    AUTH_URL: `http://127.0.0.1:${http}`,
    AUTH_GRPC_URL: `http://127.0.0.1:${grpc}`,
    AUTH_PUBLIC_URL: at.auth,
    ...(typeof settings === "function" ? settings(at) : settings),
  };
  await symlink(MODELS, join(folder, "models"));
  await mkdir(join(folder, "book"));
  await writeFile(join(folder, "book", "intro.md"), BOOK);
  await run("api-service", ["ingest", join(folder, "book")], env, () => false).up;
  const auth = run("auth-service", [], env, (log) => log.includes("serving"));
  await auth.up;
  const service = run("api-service", [], env, (log) => log.includes("is ready"));
  await service.up;
  return {
    ...at,
    env,
    async stop() {
      await Promise.all([auth.stop(), service.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Serves an empty page on `port`, and what `targetOf` names for all other paths. */
export async function pages(port, targetOf = () => null) {
  const server = createHttp((asked, answer) => {
    const target = targetOf(asked.url);
    if (target === null) {
      answer.setHeader("content-type", "text/html");
      return answer.end("<!doctype html><title>A page</title>");
    }
    const { method, headers } = asked;
    const passed = request(target, { method, headers }, (told) => {
      answer.writeHead(told.statusCode, told.headers);
      told.pipe(answer);
    });
    passed.on("error", () => answer.destroy());
    asked.pipe(passed);
  });
  await new Promise((done) => server.listen(port, "127.0.0.1", done));
  return () =>
    new Promise((done) => {
      server.close(done);
      server.closeAllConnections();
    });
}
