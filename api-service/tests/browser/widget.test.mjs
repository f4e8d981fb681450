// The widget in pages of other origins: inline, floating and in a frame.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { site, startKeyed } from "./keyed.mjs";
import { DESK, look, PHONE } from "./looks.mjs";
import { startModel } from "./model.mjs";
import { openBrowser } from "./visitor.mjs";

const PLAIN = { text: "Physical AI acts through a body [1].", pause: 0 };
const HARM = [
  "<script>window.harmed=1</script>",
  "<img src=x onerror=window.harmed=1>",
  "<svg/onload=window.harmed=1>",
  "[click](javascript:window.harmed=1)",
  "![x](https://evil.example/pixel.png)",
  "<iframe srcdoc='<script>parent.harmed=1</script>'></iframe>",
].join("\n\n");

let services;
let browser;
let model;
let says = PLAIN;
let host;
let stranger;
let member;
let key;

/** A page that holds what its address says, under a strict policy. */
function held(url) {
  const { api } = services;
  return {
    headers: { "content-security-policy": `default-src 'none'; script-src ${api}; connect-src ${api}; frame-src ${api}` },
    text: `<!doctype html><html lang="en"><meta name="color-scheme" content="light dark"><meta name="viewport" content="width=device-width"><title>A page</title>
      <main><h1>A page</h1>${url.searchParams.get("holds") ?? ""}</main><script type="module" src="${api}/widget.js"></script></html>`,
  };
}

before(async () => {
  model = await startModel(() => says);
  [host, stranger, member] = [await site(held), await site(held), await site(held)];
  services = await startKeyed({ ...model.settings, ALLOWED_ORIGINS: member.origin });
  key = await services.keyFor(host.origin);
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await Promise.all([host?.stop(), stranger?.stop(), member?.stop()]);
  await services?.stop();
  await model?.stop();
});

beforeEach(() => {
  says = PLAIN;
});

/** Opens a page of the site that holds the widget with these attributes. */
async function visit({ origin }, attributes = "", how = {}) {
  const visitor = await browser.visit(origin, how);
  const holds = `<lectern-chat key="${key}" ${attributes}></lectern-chat>`;
  await visitor.page.goto(`${origin}/?holds=${encodeURIComponent(holds)}`);
  return visitor;
}

test("inline: asks, shows the passage, goes on, and is there after a reload", async () => {
  const visitor = await visit(host);
  const { page } = visitor;
  const answer = await visitor.ask("What is Physical AI?");
  assert.match(await visitor.lastAnswer(), /acts through a body/);
  const chip = answer.locator(".chip").first();
  await chip.click();
  const passage = page.getByRole("region", { name: "The passage" });
  await passage.locator("mark").waitFor();
  assert.match(await passage.innerText(), /artificial intelligence that acts through a body/);
  await page.keyboard.press("Escape");
  await passage.waitFor({ state: "hidden" });
  assert.ok(await chip.evaluate((element) => element.getRootNode().activeElement === element));
  await visitor.ask("And what else?");
  await page.reload();
  await page.locator("article.answer").nth(1).waitFor();
  await page.getByRole("button", { name: "Begin a new conversation" }).click();
  assert.equal(await page.locator("article").count(), 0);
  const rated = await visitor.ask("What is Physical AI?");
  await rated.getByRole("button", { name: "A good answer" }).click();
  await rated.locator("[data-rating=up][aria-pressed=true]").waitFor();
  assert.deepEqual(visitor.wrong, []);
  assert.ok(visitor.asked.every((origin) => [host.origin, services.api].includes(origin)), `${visitor.asked}`);
});

for (const viewport of [DESK, PHONE]) {
  test(`floating, ${viewport.width} px wide: opens, asks and closes by keyboard`, async () => {
    const visitor = await visit(host, 'mode="floating" label="Ask us"', { viewport });
    const { page } = visitor;
    const button = page.getByRole("button", { name: "Ask us" });
    await button.focus();
    await page.keyboard.press("Enter");
    const field = page.getByLabel("Ask a question");
    assert.ok(await field.evaluate((element) => element.getRootNode().activeElement === element));
    await visitor.ask("What is Physical AI?");
    await field.focus();
    await page.keyboard.press("Escape");
    await field.waitFor({ state: "hidden" });
    assert.ok(await button.evaluate((element) => element.getRootNode().activeElement === element));
    assert.deepEqual(visitor.wrong, []);
  });
}

const ASKED = "What is Physical AI, and where does it act?";
const SAID = "**Physical AI** is artificial intelligence that acts through a body [1]. It learns from what it touches:\n\n" +
  "- by `reaching` for things,\n- by walking.\n\n| Part | Task |\n|---|---|\n| Arm | Reaches |\n| Leg | Walks |\n\nThe moon is made of cheese.";

/** Looks at a widget that nobody has asked, at its answer, at the passage, and at an error. */
async function lookAtAll(visitor, name) {
  const { page } = visitor;
  says = { text: SAID, pause: 0 };
  await page.locator(".welcome").waitFor();
  await look(page, `${name}-new`);
  const answer = await visitor.ask(ASKED);
  await look(page, `${name}-answer`);
  await answer.locator(".chip").first().click();
  await page.getByRole("region", { name: "The passage" }).locator("mark").waitFor();
  await look(page, `${name}-passage`);
  await page.keyboard.press("Escape");
  await page.route("**/v1/chat/stream", (route) => route.abort());
  await page.getByLabel("Ask a question").fill("And now?");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  await look(page, `${name}-error`);
  await page.unroute("**/v1/chat/stream");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator("article.answer .foot .actions").nth(1).waitFor();
  assert.deepEqual(await page.locator("article.question .said").allInnerTexts(), [ASKED, "And now?"]);
}

test("axe finds nothing inline", async () => lookAtAll(await visit(host, 'label="Ask the handbook"'), "inline"));

test("axe finds nothing floating", async () => {
  const visitor = await visit(host, 'mode="floating" label="Ask the handbook"');
  const button = visitor.page.getByRole("button", { name: "Ask the handbook" });
  await button.waitFor();
  await look(visitor.page, "floating-closed");
  await button.click();
  await lookAtAll(visitor, "floating");
});

test("axe finds nothing in the page for frames", async () => {
  const visitor = await browser.visit(services.api);
  await visitor.page.goto(`${services.api}/embed?key=${key}&label=Ask+the+handbook`);
  await lookAtAll(visitor, "embed");
});

test("colours and letters are the host’s to choose", async () => {
  const { page } = await visit(host);
  const element = page.locator("lectern-chat");
  await element.evaluate((chat) => chat.style.setProperty("--lectern-accent", "rgb(1, 2, 3)"));
  const button = page.locator(".composer .primary");
  assert.equal(await button.evaluate((one) => getComputedStyle(one).backgroundColor), "rgb(1, 2, 3)");
});

test("a page that the key does not list is told nothing", async () => {
  const { page } = await visit(stranger);
  await page.getByLabel("Ask a question").fill("What is Physical AI?");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  assert.equal(await page.locator("article.answer").count(), 0);
});

test("in a frame, for the key’s pages alone", async () => {
  const frame = `<iframe title="Chat" width="600" height="600" src="${services.api}/embed?key=${key}"></iframe>`;
  for (const [{ origin }, answers] of [[host, true], [stranger, false]]) {
    const { page } = await browser.visit(origin);
    const refused = answers || page.waitForEvent("console", (line) => /frame-ancestors/.test(line.text()));
    await page.goto(`${origin}/?holds=${encodeURIComponent(frame)}`);
    const inside = page.frameLocator("iframe");
    if (!answers) {
      await refused;
      assert.equal(await inside.locator("lectern-chat").count(), 0);
      continue;
    }
    await inside.getByLabel("Ask a question").fill("What is Physical AI?");
    await inside.getByLabel("Ask a question").press("Enter");
    await inside.locator("article.answer .foot .actions").waitFor();
    assert.match(await inside.locator("article.answer .prose").innerText(), /acts through a body/);
  }
});

test("with the host’s token the conversation is the user’s", async () => {
  const visitor = await visit(host);
  await visitor.page.locator("lectern-chat").evaluate((chat, token) => {
    chat.token = async () => token;
  }, services.jwt);
  await visitor.ask("What is the host’s question?");
  const { conversations } = await services.asAdmin("GET", "/v1/conversations");
  assert.deepEqual(conversations.map(({ title }) => title), ["What is the host’s question?"]);
});

test("without a key, a user asks the knowledge base that is named, from an allowed origin", async () => {
  const visitor = await browser.visit(member.origin);
  await visitor.page.goto(`${member.origin}/?holds=${encodeURIComponent('<lectern-chat knowledge-base="book"></lectern-chat>')}`);
  await visitor.page.locator("lectern-chat").evaluate((chat, token) => {
    chat.token = token;
  }, services.jwt);
  await visitor.ask("What is Physical AI?");
  assert.match(await visitor.lastAnswer(), /acts through a body/);
  assert.deepEqual(visitor.wrong, []);
});

test("a source opens the host’s own page", async () => {
  const visitor = await visit(host, 'base-url="/guide/"');
  const { page } = visitor;
  const answer = await visitor.ask("What is Physical AI?");
  const told = page.evaluate(() => new Promise((done) => {
    document.addEventListener("lectern-source", (event) => {
      event.preventDefault();
      done(event.detail.url);
    }, { once: true });
  }));
  await answer.locator(".chip").first().click();
  const url = new URL(await told);
  assert.equal(url.origin + url.pathname, `${host.origin}/guide/intro`);
  assert.match(decodeURIComponent(url.hash), /^#:~:text=Physical AI is/);
  await answer.locator(".chip").first().click();
  await page.waitForURL(`${host.origin}/guide/intro*`);
});

test("nothing that an answer or a question says runs in the host’s page", async () => {
  says = { text: `${HARM} [1]`, pause: 0 };
  const visitor = await visit(host);
  await visitor.ask(HARM);
  const { page } = visitor;
  assert.equal(await page.evaluate(() => globalThis.harmed), undefined);
  assert.deepEqual(visitor.wrong, []);
  assert.equal(await page.locator("article :is(script, img, iframe, svg[onload], [href^=javascript])").count(), 0);
  assert.ok(!visitor.asked.some((origin) => origin.includes("evil")));
});
