// Both services with an administrator, and a publishable key for some origins.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { freePort, run, start } from "./services.mjs";

const ADMIN = { email: "admin@example.com", password: "a long enough one" };

/** Starts both services; `asAdmin` asks api-service, `keyFor` makes a key for the one knowledge base. */
export async function startKeyed(settings) {
  const admin = { ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password };
  const services = await start({ RATE_LIMIT_ENABLED: "false", ANONYMOUS_CHAT: "false", ...admin, ...settings });
  await run("auth-service", ["admin", "create"], services.env, () => false).up;
  const signedIn = await fetch(`${services.auth}/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(ADMIN),
  });
  const { access_token: jwt } = await signedIn.json();
  async function asAdmin(method, path, body) {
    const headers = { authorization: `Bearer ${jwt}`, "content-type": "application/json" };
    const told = await fetch(services.api + path, { method, headers, body: body && JSON.stringify(body) });
    assert.ok(told.ok, `${path}: ${told.status} ${told.ok ? "" : await told.text()}`);
    return told.json();
  }
  async function keyFor(...origins) {
    const { knowledge_bases } = await asAdmin("GET", "/v1/knowledge-bases");
    const terms = { name: "Site", knowledge_base: knowledge_bases[0].id, origins, questions_per_minute: 1000 };
    return (await asAdmin("POST", "/v1/publishable-keys", terms)).key;
  }
  return { ...services, jwt, asAdmin, keyFor };
}

/** A site; `answerOf` gives the headers and the text of a page by its URL. */
export async function site(answerOf) {
  const port = await freePort();
  const server = createServer((asked, answer) => {
    const { headers, text } = answerOf(new URL(asked.url, "http://localhost"));
    answer.writeHead(200, { "content-type": "text/html; charset=utf-8", ...headers });
    answer.end(text);
  });
  await new Promise((done) => server.listen(port, "127.0.0.1", done));
  const stop = () => new Promise((done) => {
    server.close(done);
    server.closeAllConnections();
  });
  return { origin: `http://localhost:${port}`, stop };
}
