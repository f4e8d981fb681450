// Both services behind one origin, and each on its own, from pages in Chromium.

import assert from "node:assert/strict";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { freePort, pages, start } from "./services.mjs";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** What a page does: signs up by cookie, buys a token, asks, and reads a stream. */
async function visit({ auth, api, chat }) {
  const json = { "content-type": "application/json" };
  const account = { email: "ada@example.com", password: "a long enough one", name: "Ada" };
  const signedUp = await fetch(`${auth}/api/auth/sign-up/email`, {
    method: "POST",
    credentials: "include",
    headers: json,
    body: JSON.stringify(account),
  });
  const session = await fetch(`${auth}/api/auth/get-session`, { credentials: "include" });
  const told = await fetch(`${auth}/api/auth/token`, { credentials: "include" });
  const { token } = await told.json();
  const bearer = { ...json, authorization: `Bearer ${token}`, "x-stainless-lang": "js" };
  const question = JSON.stringify({ message: "What is Physical AI?" });
  const asked = await fetch(`${api}/v1/chat`, { method: "POST", headers: bearer, body: question });
  const refused = await fetch(`${api}/v1/conversations`);
  const streamed = await fetch(`${api}/v1/chat/stream`, { method: "POST", headers: bearer, body: question });
  const events = (await streamed.text()).match(/^event: .*$/gm);
  const visited = await fetch(`${chat}/chat`, {
    method: "POST",
    headers: json,
    body: JSON.stringify({ query: "What is Physical AI?" }),
  });
  return {
    statuses: [signedUp, session, told, asked, refused, streamed, visited].map((one) => one.status),
    who: (await session.json()).user.email,
    answer: (await asked.json()).response,
    first: events[0],
    last: events.at(-1),
    exposed: [signedUp.headers.get("set-auth-token"), asked.headers.get("x-request-id"),
      refused.headers.get("www-authenticate")].map(Boolean),
  };
}

function assertVisit(seen) {
  assert.deepEqual(seen.statuses, [200, 200, 200, 200, 401, 200, 200]);
  assert.equal(seen.who, "ada@example.com");
  assert.match(seen.answer, /acts through a body/);
  assert.deepEqual([seen.first, seen.last], ["event: started", "event: completed"]);
  assert.deepEqual(seen.exposed, [true, true, true]);
}

async function inChromium(origin, work, argument) {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    await page.goto(`${origin}/page`);
    return await page.evaluate(work, argument);
  } finally {
    await browser.close();
  }
}

for (const [way, listed] of [
  ["a JSON list", (origin) => JSON.stringify(["https://docs.example.com", origin])],
  ["commas", (origin) => `https://docs.example.com, ${origin}`],
]) {
  test(`each service on its own origin, allowed by ${way}`, async () => {
    const [port, foreign] = [await freePort(), await freePort()];
    const origin = `http://localhost:${port}`;
    const services = await start({ ALLOWED_ORIGINS: listed(origin) });
    const close = [await pages(port), await pages(foreign)];
    try {
      const { auth, api } = services;
      assertVisit(await inChromium(origin, visit, { auth, api, chat: api }));
      const stranger = async (url) => {
        const asked = fetch(`${url}/v1/chat`, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
        return asked.then(() => "read", (error) => error.name);
      };
      assert.equal(await inChromium(`http://localhost:${foreign}`, stranger, api), "TypeError");
    } finally {
      await Promise.all(close.map((end) => end()));
      await services.stop();
    }
  });
}

test("both behind one origin, which allows nobody else", async () => {
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const services = await start({ AUTH_PUBLIC_URL: origin });
  const targetOf = (path) => {
    if (path === "/page") return null;
    if (/^\/(api\/auth|auth|api\/v1\/auth|api\/v1\/users)(\/|$)/.test(path)) return services.auth + path;
    const stripped = /^\/api\/(?!v1\/)/.test(path) ? path.slice("/api".length) : path;
    return services.api + stripped;
  };
  const close = await pages(port, targetOf);
  try {
    assertVisit(await inChromium(origin, visit, { auth: "", api: "", chat: "/api" }));
  } finally {
    await close();
    await services.stop();
  }
});
