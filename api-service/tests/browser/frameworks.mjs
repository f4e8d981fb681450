// The examples of deploy/examples that need their frameworks, started as their
// people start them. EXAMPLES_CACHE keeps what they install. See `make test-examples`.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startKeyed } from "./keyed.mjs";
import { freePort } from "./services.mjs";
import { openBrowser } from "./visitor.mjs";

const EXAMPLES = new URL("../../../deploy/examples/", import.meta.url).pathname;
const CACHE = process.env.EXAMPLES_CACHE ?? join(homedir(), ".cache/lectern/examples");

let services;
let browser;
let ports;
const running = [];

before(async () => {
  ports = { streamlit: await freePort(), nextjs: await freePort(), docusaurus: await freePort() };
  services = await startKeyed({ ALLOWED_ORIGINS: originOf("nextjs") });
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  for (const child of running.filter(({ exitCode }) => exitCode === null)) process.kill(-child.pid, "SIGTERM");
  await services?.stop();
});

const originOf = (name) => `http://localhost:${ports[name]}`;

/** A copy of the example where its packages may be put beside it. */
async function copyOf(name) {
  const folder = join(CACHE, name);
  await mkdir(folder, { recursive: true });
  await cp(join(EXAMPLES, name), folder, { recursive: true });
  return folder;
}

function done(cwd, env, program, ...arguments_) {
  const told = spawnSync(program, arguments_, { cwd, env: { ...process.env, ...env }, encoding: "utf8" });
  assert.equal(told.status, 0, `${program}: ${told.stdout}${told.stderr}`);
}

/** Runs a server in a process group of its own until the tests end; it is there once its page answers. */
async function serve(cwd, env, origin, program, ...arguments_) {
  const child = spawn(program, arguments_, { cwd, env: { ...process.env, ...env }, stdio: "ignore", detached: true });
  running.push(child);
  for (let tries = 0; tries < 300; tries += 1) {
    const answer = await fetch(origin).catch(() => null);
    if (answer?.ok) return;
    assert.equal(child.exitCode, null, `${program} has ended`);
    await new Promise((later) => setTimeout(later, 200));
  }
  assert.fail(`${program} does not answer`);
}

test("Streamlit shows the widget’s page in a frame", async () => {
  const folder = await copyOf("streamlit");
  const python = join(folder, "venv/bin/python");
  done(folder, {}, "python3", "-m", "venv", "venv");
  done(folder, {}, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", "requirements.txt");
  const env = { LECTERN_URL: services.api, LECTERN_KEY: await services.keyFor(originOf("streamlit")) };
  await serve(folder, env, originOf("streamlit"), python, "-m", "streamlit", "run", "app.py", "--server.headless=true",
    "--server.address=localhost", `--server.port=${ports.streamlit}`, "--browser.gatherUsageStats=false");
  const { page } = await browser.visit(originOf("streamlit"));
  await page.goto(originOf("streamlit"));
  const inside = page.frameLocator("iframe");
  await inside.getByLabel("Ask a question").fill("What is Physical AI?");
  await inside.getByLabel("Ask a question").press("Enter");
  await inside.locator("article.answer .foot .actions").waitFor();
  assert.match(await inside.locator("article.answer .prose").innerText(), /acts through a body/);
});

test("Docusaurus is built with the plugin and the MDX page", async () => {
  const folder = await copyOf("docusaurus");
  done(folder, {}, "npm", "install", "--no-audit", "--no-fund", "--silent");
  const key = await services.keyFor(originOf("docusaurus"));
  const asks = join(folder, "docs/ask.mdx");
  await writeFile(asks, (await readFile(asks, "utf8")).replace("pk_your_key", key));
  const env = { LECTERN_URL: services.api, LECTERN_KEY: key, DOCUSAURUS_NO_TELEMETRY: "1", NO_UPDATE_NOTIFIER: "1" };
  done(folder, env, "npx", "docusaurus", "build");
  await serve(folder, env, originOf("docusaurus"), "npx", "docusaurus", "serve", "--no-open", "--host", "localhost", "--port", String(ports.docusaurus));
  const visitor = await browser.visit(originOf("docusaurus"));
  const { page } = visitor;
  await page.goto(originOf("docusaurus"));
  const answer = await visitor.ask("What is Physical AI?");
  assert.match(await visitor.lastAnswer(), /acts through a body/);
  await answer.locator(".chip").first().click();
  await page.waitForURL(`${originOf("docusaurus")}/intro*`);
  await page.getByRole("button", { name: "Ask the docs" }).click();
  await visitor.ask("And what is it made of?");
});

test("Next.js asks over its rewrites with useChat", async () => {
  const folder = await copyOf("nextjs");
  done(folder, {}, "npm", "install", "--no-audit", "--no-fund", "--silent");
  const env = { LECTERN_URL: services.api, LECTERN_AUTH_URL: services.auth, NEXT_TELEMETRY_DISABLED: "1" };
  await serve(folder, env, originOf("nextjs"), "npx", "next", "dev", "--hostname", "localhost", "--port", String(ports.nextjs));
  const { page } = await browser.visit(originOf("nextjs"));
  await page.goto(originOf("nextjs"));
  const signedUp = await page.evaluate(async () => {
    const account = { email: "ada@example.com", password: "a long enough one", name: "Ada" };
    const headers = { "content-type": "application/json" };
    const told = await fetch("/api/auth/sign-up/email", { method: "POST", headers, body: JSON.stringify(account) });
    return told.status;
  });
  assert.equal(signedUp, 200);
  await page.getByLabel("Question").fill("What is Physical AI?");
  await page.getByRole("button", { name: "Ask" }).click();
  await page.locator("[data-role=assistant]", { hasText: "acts through a body" }).waitFor();
});
