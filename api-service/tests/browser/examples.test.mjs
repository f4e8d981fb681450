// The examples of deploy/examples that need no package, as they stand but for
// the address and the key. See also frameworks.mjs.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { site, startKeyed } from "./keyed.mjs";
import { openBrowser } from "./visitor.mjs";

const EXAMPLES = new URL("../../../deploy/examples/", import.meta.url);
const read = (path) => readFile(new URL(path, EXAMPLES), "utf8");

let services;
let browser;
let host;
let key;
let shown = "";

const filled = (text) => text.replaceAll("http://localhost:8000", services.api).replaceAll("pk_your_key", key);

before(async () => {
  services = await startKeyed({});
  host = await site(() => ({ text: shown }));
  key = await services.keyFor(host.origin);
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await host?.stop();
  await services?.stop();
});

async function visit() {
  const visitor = await browser.visit(host.origin);
  await visitor.page.goto(host.origin);
  return visitor;
}

test("plain HTML, inline and in the corner", async () => {
  shown = filled(await read("html/index.html"));
  const visitor = await visit();
  await visitor.ask("What is Physical AI?");
  assert.match(await visitor.lastAnswer(), /acts through a body/);
  await visitor.page.getByRole("button", { name: "Ask in the corner" }).click();
  await visitor.page.getByRole("dialog", { name: "Ask in the corner" }).waitFor();
  assert.deepEqual(visitor.wrong, []);
});

/** A tag as Docusaurus writes those that plugins inject. */
function written({ tagName, attributes }) {
  const all = Object.entries(attributes).map(([name, value]) => ` ${name}="${value}"`);
  return `<${tagName}${all.join("")}></${tagName}>`;
}

test("what the plugin for Docusaurus injects, and the element of the MDX page", async () => {
  const plugin = createRequire(import.meta.url)(new URL("docusaurus/lectern-plugin.js", EXAMPLES).pathname);
  const { headTags, postBodyTags } = plugin({ baseUrl: "/" }, { service: services.api, key }).injectHtmlTags();
  const [element] = (await read("docusaurus/docs/ask.mdx")).match(/<lectern-chat .*<\/lectern-chat>/);
  shown = `<!doctype html><title>Docs</title>${headTags.map(written)}${filled(element)}${postBodyTags.map(written)}`;
  const visitor = await visit();
  const answer = await visitor.ask("What is Physical AI?");
  assert.match(await visitor.lastAnswer(), /acts through a body/);
  await answer.locator(".chip").first().click();
  await visitor.page.waitForURL(`${host.origin}/intro*`);
  await visitor.page.getByRole("button", { name: "Ask the docs" }).waitFor();
  assert.deepEqual(visitor.wrong, []);
});
