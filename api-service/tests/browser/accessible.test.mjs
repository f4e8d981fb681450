// axe-core looks at every screen; see looks.mjs.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { look, PHONE } from "./looks.mjs";
import { pdf } from "./paper.mjs";
import { run, start } from "./services.mjs";
import { openBrowser } from "./visitor.mjs";

const ADMIN = { ADMIN_EMAIL: "admin@example.com", ADMIN_PASSWORD: "a long enough one" };
const PROVIDERS = { GOOGLE_CLIENT_ID: "one", GOOGLE_CLIENT_SECRET: "two", GITHUB_CLIENT_ID: "three", GITHUB_CLIENT_SECRET: "four" };
const PAPER = pdf([["Physical AI in the field", "Robots that act through a body learn from what they touch."], ["Batteries", "The robot charges its battery in forty minutes."]]);

let services;
let browser;

before(async () => {
  services = await start((at) => ({ ALLOWED_ORIGINS: at.api, RATE_LIMIT_ENABLED: "false", MAIL_TRANSPORT: "file", ...ADMIN, ...PROVIDERS }));
  await run("auth-service", ["admin", "create"], services.env, () => false).up;
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await services?.stop();
});

test("before the sign-in", async () => {
  const { page } = await browser.visit(services.api);
  await page.goto(services.api);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await look(page, "sign-in");
  await page.getByLabel("E-mail address").fill("nobody@example.com");
  await page.getByLabel("Password").fill("not the password");
  await page.keyboard.press("Enter");
  await page.locator(".told.failed").waitFor();
  await look(page, "sign-in-refused");
  await page.getByRole("button", { name: "Forgot your password?" }).click();
  await look(page, "forgotten-password");
  await page.getByRole("button", { name: "Back to sign in" }).click();
  await page.getByRole("button", { name: "Make an account" }).click();
  await look(page, "sign-up");
  await page.goto(`${services.api}/?reset=1&token=one`);
  await page.getByRole("heading", { name: "Set a new password" }).waitFor();
  assert.equal(page.url(), `${services.api}/`, "the token does not stay in the address");
  await look(page, "new-password");
});

test("the buttons of providers lead there", async () => {
  const { page } = await browser.visit(services.api);
  await page.route("https://github.com/**", (route) => route.fulfill({ body: "GitHub" }));
  await page.goto(services.api);
  await page.getByRole("button", { name: "Continue with GitHub" }).click();
  await page.waitForURL("https://github.com/login/oauth/authorize?**");
  const asked = new URL(page.url()).searchParams;
  assert.equal(asked.get("client_id"), "three");
  assert.equal(asked.get("redirect_uri"), `${services.auth}/api/auth/callback/github`);
  await page.route("https://accounts.google.com/**", (route) => route.fulfill({ body: "Google" }));
  await page.goto(services.api);
  await page.getByRole("button", { name: "Continue with Google" }).click();
  await page.waitForURL("https://accounts.google.com/**");
  assert.equal(new URL(page.url()).searchParams.get("client_id"), "one");
  await page.goto(`${services.api}/?error=account_not_linked`);
  await page.getByRole("alert").getByText("An account with this address exists already.").waitFor();
  assert.equal(page.url(), `${services.api}/`);
});

test("a reader’s screens", async () => {
  const visitor = await browser.visit(services.api);
  const { page } = visitor;
  await visitor.signUp("Ada King", "ada@example.com");
  await visitor.settled();
  await look(page, "new-chat");
  await visitor.go("/documents");
  await visitor.upload("files", [
    { name: "field.pdf", mimeType: "application/pdf", buffer: PAPER },
    { name: "broken.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4\nnothing") },
  ], 2);
  await page.locator("[data-state=failed]").waitFor();
  await look(page, "documents");
  await page.getByRole("button", { name: "Share field" }).click();
  await page.locator("dialog .secret").waitFor();
  await look(page, "document-shared");
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "field" }).click();
  await page.locator(".passage").first().waitFor();
  await look(page, "document");
  await visitor.go("/chat");
  const answer = await visitor.ask("How does the robot charge its battery?");
  await look(page, "answer");
  await answer.locator(".chip").first().click();
  await page.locator("dialog mark").waitFor();
  await look(page, "passage");
  await page.keyboard.press("Escape");
  await page.setViewportSize(PHONE);
  await page.getByRole("button", { name: "Menu" }).click();
  await look(page, "menu");
  await visitor.go("/knowledge-bases");
  await page.getByRole("button", { name: "Share personal" }).click();
  await page.getByText("It is shared with nobody yet.").waitFor();
  await look(page, "knowledge-base-shared");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "New knowledge base" }).click();
  await look(page, "new-knowledge-base");
  await page.keyboard.press("Escape");
  await look(page, "knowledge-bases");
  await page.getByRole("link", { name: "personal" }).click();
  await page.getByRole("link", { name: "On other sites" }).click();
  await page.getByText("No keys yet").waitFor();
  await look(page, "no-widget-keys");
  await page.getByRole("button", { name: "New key" }).click();
  await look(page, "new-widget-key");
  await page.getByLabel("Name", { exact: true }).fill("Handbook");
  await page.getByLabel("Sites that may ask").fill("https://docs.example.com\nhttps://*.example.org");
  await page.getByRole("button", { name: "Make the key" }).click();
  await page.locator(".secret").waitFor();
  await look(page, "widget-code");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Pause Handbook" }).click();
  await page.getByText("paused").waitFor();
  await look(page, "widget-keys");
  await visitor.go("/account");
  await look(page, "account");
  await page.getByRole("button", { name: "Make a key" }).click();
  await look(page, "new-key");
  assert.deepEqual(visitor.wrong, []);
});

test("an administrator’s screens", async () => {
  const visitor = await browser.visit(services.api);
  const { page } = visitor;
  await visitor.signIn(ADMIN.ADMIN_EMAIL);
  for (const part of ["analytics", "users", "sources", "health", "audit-log"]) {
    await visitor.go(`/admin/${part}`);
    await page.locator(".tabs [aria-current]").waitFor();
    await visitor.settled();
    await page.waitForTimeout(200);
    await visitor.settled();
    await look(page, part);
  }
  await visitor.go("/admin/analytics");
  await page.getByRole("cell", { name: "How does the robot charge its battery?" }).first().waitFor();
  assert.equal(await page.locator(".figures div", { hasText: "Answers" }).locator("dd").innerText(), "1");
  assert.match(await page.locator(".chart").getAttribute("aria-label"), /: 1 in all/);
  await page.getByLabel("Which time").selectOption("7");
  await page.getByText("at most 1 a day").waitFor();
  await visitor.go("/admin/health");
  for (const name of ["api-service", "auth-service"]) {
    const service = page.locator(".section", { has: page.getByRole("heading", { name }) });
    await service.getByText("Works").first().waitFor();
    assert.equal(await service.locator(".sub.failed").count(), 0);
  }
  await visitor.go("/admin/audit-log");
  await page.getByRole("cell", { name: "sign in" }).first().waitFor();
  await page.getByLabel("The ID of an account").fill("nobody");
  await page.getByText("Nothing is logged of this").waitFor();
  await visitor.go("/admin/sources");
  await page.getByRole("button", { name: "New source" }).click();
  await page.getByRole("dialog").waitFor();
  await look(page, "new-source");
  await page.getByLabel("Addresses").fill("http://127.0.0.1:9/sitemap.xml");
  await page.getByRole("button", { name: "Make it" }).click();
  await page.getByRole("button", { name: "Sync now http://127.0.0.1:9/sitemap.xml" }).click();
  await page.getByText("The sync has begun.").waitFor();
  for (let tries = 0; !(await page.locator(".sub.failed").count()) && tries < 50; tries++) {
    await page.reload();
    await page.locator(".list .name", { hasText: "sitemap.xml" }).waitFor();
  }
  assert.match(await page.locator(".sub.failed").innerText(), /The host's address is private/);
  await look(page, "source-failed");
  await visitor.go("/admin/users");
  await page.getByRole("button", { name: "New account" }).click();
  await page.getByLabel("Name").fill("Dan");
  await page.getByLabel("E-mail address").fill("dan@example.com");
  await page.getByLabel("Password").fill("a long enough one");
  await page.getByRole("button", { name: "Make it" }).click();
  await page.getByRole("button", { name: "Change dan@example.com" }).click();
  await page.getByLabel("Account", { exact: true }).selectOption("yes");
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator(".badge", { hasText: "disabled" }).waitFor();
  await page.getByRole("button", { name: "Delete dan@example.com" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("The account is deleted.").waitFor();
  assert.deepEqual(visitor.wrong, []);
});
