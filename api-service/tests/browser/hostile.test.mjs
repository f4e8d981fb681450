// Answers of a language model, also one that means harm: nothing that it, a
// document, a question or a name says runs in the page. And what a reader does
// while an answer comes.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startModel } from "./model.mjs";
import { start } from "./services.mjs";
import { openBrowser } from "./visitor.mjs";

const SLOW = 60;
const LONG = "Physical AI acts through a body [1]. " + "It is artificial intelligence that acts through a body [1]. ".repeat(12) + "That is all [1].";

/** What runs something where text is taken for markup, or leads away. */
const PAYLOADS = [
  "<script>window.harmed=1</script>",
  "<img src=x onerror=window.harmed=1>",
  "<svg/onload=window.harmed=1>",
  "<svg><animate onbegin=window.harmed=1 attributeName=x dur=1s>",
  "<iframe srcdoc='<script>parent.harmed=1</script>'></iframe>",
  "<a href=javascript:window.harmed=1>a</a>",
  "<details open ontoggle=window.harmed=1>",
  "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=window.harmed=1&gt;'>",
  "<form action=javascript:window.harmed=1><button>go</button></form>",
  "<base href=https://evil.example/><link rel=stylesheet href=//evil.example/a.css>",
  "[click](javascript:window.harmed=1)",
  "[click](data:text/html,<script>window.harmed=1</script>)",
  "[click](  jAvAsCrIpT:window.harmed=1 \"x\")",
  "![x](https://evil.example/pixel.png)",
  "![x](x\" onerror=\"window.harmed=1)",
  "<https://evil.example/\" onmouseover=\"window.harmed=1>",
  "`<img src=x onerror=window.harmed=1>`",
  "```html\n<img src=x onerror=window.harmed=1>\n```",
  "| <img src=x onerror=window.harmed=1> |\n|---|\n| <script>window.harmed=1</script> |",
  "# <img src=x onerror=window.harmed=1>",
  "&lt;img src=x onerror=window.harmed=1&gt; &amp;lt;script&amp;gt;",
  "\uE000[1\uE0020]\uE001<b onclick=window.harmed=1>[999999] [1](javascript:window.harmed=1)",
  "{{constructor.constructor('window.harmed=1')()}} ${window.harmed=1}",
];

let services;
let browser;
let model;
let says = { text: LONG, pause: SLOW };

before(async () => {
  model = await startModel(() => says);
  services = await start((at) => ({ ALLOWED_ORIGINS: at.api, RATE_LIMIT_ENABLED: "false", ...model.settings }));
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await services?.stop();
  await model?.stop();
});

test("an answer goes on after a reload in its middle", async () => {
  const visitor = await browser.visit(services.api);
  const { page } = visitor;
  await visitor.signUp("Ada", "ada@example.com");
  says = { text: LONG, pause: SLOW };
  await page.getByLabel("Ask a question").fill("What is Physical AI?");
  await page.keyboard.press("Enter");
  const running = page.locator("article.answer[data-running]");
  await running.locator(".chip").nth(1).waitFor();
  await page.reload();
  await running.locator(".chip").first().waitFor();
  const length = async () => (await visitor.lastAnswer()).length;
  const seen = await length();
  await page.waitForFunction((before) => document.querySelector("article.answer .prose").innerText.length > before, seen);
  await page.locator("article.answer .foot .actions").waitFor({ timeout: 60_000 });
  assert.match(await visitor.lastAnswer(), /That is all/);
  assert.equal(await page.locator("article.question").count(), 1);
  assert.deepEqual(visitor.wrong, []);
});

test("answers are stopped, given anew and rated, and questions changed", async () => {
  const visitor = await browser.visit(services.api);
  const { page } = visitor;
  await visitor.signUp("Ben", "ben@example.com");
  says = { text: LONG, pause: SLOW };
  await page.getByLabel("Ask a question").fill("What is Physical AI?");
  await page.keyboard.press("Enter");
  await page.locator(".chip").first().waitFor();
  await page.getByRole("button", { name: "Stop the answer" }).click();
  await page.getByText("You stopped this answer.").waitFor();
  assert.doesNotMatch(await visitor.lastAnswer(), /That is all/);

  says = { text: "Physical AI acts through a body [1]. The moon is made of cheese.", pause: 0 };
  await page.getByRole("button", { name: "Answer again" }).click();
  await page.locator(".unsupported", { hasText: "The moon is made of cheese." }).waitFor();
  assert.equal(await page.locator("article").count(), 2);
  await page.getByRole("button", { name: "A good answer" }).click();
  await page.locator("[data-rating=up][aria-pressed=true]").waitFor();

  await page.locator("article.question").hover();
  await page.getByRole("button", { name: "Edit this question" }).click();
  await page.getByLabel("Your question").fill("Does it act through a body?");
  await page.getByRole("button", { name: "Ask again" }).click();
  await page.locator("article.question", { hasText: "Does it act" }).waitFor();
  await page.locator("article.answer .foot .actions").waitFor();
  await page.reload();
  await page.locator("article.answer .foot .actions").waitFor();
  assert.deepEqual(await page.locator("article.question").allInnerTexts(), ["Does it act through a body?"]);
  assert.deepEqual(visitor.wrong, []);
});

test("nothing that is said runs", async () => {
  const visitor = await browser.visit(services.api);
  const { page } = visitor;
  const name = "<img src=x onerror=window.harmed=1>";
  await visitor.signUp(name, "eve@example.com");
  const harmed = () => page.evaluate(() => [
    "harmed" in window,
    document.querySelectorAll("#app :is(script, img, iframe, base, form[action], [onerror], [onload], [onclick])").length,
    [...document.querySelectorAll("#app a[href]")].filter((link) => !/^(https?|mailto):/.test(link.href)).length,
  ]);
  await visitor.go("/documents");
  const files = PAYLOADS.map((payload, index) => ({
    name: `${index}-${payload.replace(/[/\n]/g, "_").slice(0, 90)}.md`,
    mimeType: "text/markdown",
    buffer: Buffer.from(`---\ntitle: '${payload.replaceAll("'", "’").replaceAll("\n", " ")}'\n---\n\n# ${payload}\n\nThe harm number ${index} is ${payload} here.\n`),
  }));
  await visitor.upload("files", files, files.length);
  assert.deepEqual(await harmed(), [false, 0, 0]);
  await visitor.go("/knowledge-bases");
  await page.getByRole("button", { name: "New knowledge base" }).click();
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Make it" }).click();
  await page.locator("#main").getByRole("link", { name }).waitFor();
  assert.deepEqual(await harmed(), [false, 0, 0]);
  await page.getByRole("link", { name: "New chat" }).click();
  for (const payload of PAYLOADS) {
    says = { text: `It is ${payload} [1].\n\n${payload}\n`, pause: 0 };
    await visitor.ask(`What is the harm in ${payload}?`);
    assert.deepEqual(await harmed(), [false, 0, 0], payload);
  }
  await page.locator("article.answer .source").first().click();
  await page.locator(".passage").first().waitFor();
  assert.deepEqual(await harmed(), [false, 0, 0]);
  await page.reload();
  await page.locator("article.answer").nth(PAYLOADS.length - 1).waitFor();
  assert.deepEqual(await harmed(), [false, 0, 0]);
  assert.deepEqual(visitor.wrong, []);
  assert.deepEqual(new Set(visitor.asked), new Set([services.api, services.auth]));
});
