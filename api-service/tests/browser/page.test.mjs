// The page, walked through in Chromium with both services as they are shipped:
// answers are extractive, and nothing is configured but where things are.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { site } from "./keyed.mjs";
import { pdf } from "./paper.mjs";
import { freePort, pages, start } from "./services.mjs";
import { openBrowser } from "./visitor.mjs";

const WEB = new URL("../../web/", import.meta.url);
const OWN = (at) => ({ ALLOWED_ORIGINS: at.api, RATE_LIMIT_ENABLED: "false", MAIL_TRANSPORT: "file" });

const CARE = Array.from({ length: 26 }, (_, week) => `In week ${week + 1} clean wheel ${week + 3} with a soft cloth and look for cracks in joint ${week + 5}.`);
const MANUAL = pdf([
  ["The robot manual", ...CARE],
  ["Charging", "The robot charges its battery in forty minutes.", "After that it drives for three hours."],
]);
const FOLDER = {
  "hours.md": "# Opening hours\n\nThe library is open from nine to six, and closed on Mondays.\n",
  "loans/books.md": "# Loans\n\nA book may be kept for four weeks.\n\n## Renewal\n\nA loan can be renewed twice by post.\n",
};

let services;
let browser;
let folder;

before(async () => {
  services = await start(OWN);
  browser = await openBrowser();
  folder = await mkdtemp(join(tmpdir(), "lectern-page-"));
  for (const [path, text] of Object.entries(FOLDER)) {
    await mkdir(join(folder, "notes", path, ".."), { recursive: true });
    await writeFile(join(folder, "notes", path), text);
  }
});

after(async () => {
  await browser?.close();
  await services?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The last of so many links that look so, once mails have them. */
async function linkOf({ env }, pattern, count = 1) {
  for (;;) {
    const mails = await readFile(join(env.DATA_DIR, "mail.jsonl"), "utf8").catch(() => "");
    const links = [...new Set(mails.match(pattern))];
    if (links.length >= count) return links.at(-1);
    await new Promise((later) => setTimeout(later, 50));
  }
}

test("from the sign-up to a passage, and out again", async () => {
  const visitor = await browser.visit(services.api);
  const { page } = visitor;
  await visitor.signUp("Ada King", "ada@example.com");

  await visitor.go("/documents");
  await page.locator("input[name=files]").setInputFiles({ name: "robot.pdf", mimeType: "application/pdf", buffer: MANUAL });
  await page.locator("[data-document]").filter({ hasText: /robot/i }).waitFor();
  await visitor.upload("folder", join(folder, "notes"), 4);
  const names = await page.locator("[data-state=ready] .name").allInnerTexts();
  assert.deepEqual(names.sort(), ["Loans", "Opening hours", "Physical AI", "robot"]);

  await page.getByRole("link", { name: "New chat" }).click();
  const answer = await visitor.ask("How long does the robot charge its battery?");
  assert.match(await visitor.lastAnswer(), /charges its battery in forty minutes/);
  await answer.locator(".chip").first().click();
  const sheet = page.getByRole("dialog");
  assert.match(await sheet.locator("mark").innerText(), /The robot charges its battery in forty minutes\./);
  assert.equal(await sheet.locator(".passage:has(mark)").getAttribute("data-page"), "Page 1");
  assert.ok(await sheet.locator("mark").isVisible());
  await page.keyboard.press("Escape");
  assert.ok(await answer.locator(".chip").first().evaluate((chip) => chip === document.activeElement), "the focus goes back");

  await visitor.ask("And how long does it drive after that?");
  assert.match(await visitor.lastAnswer(), /three hours/);
  await page.reload();
  await page.locator("article.answer").nth(1).waitFor();
  assert.equal(await page.locator("article.question").count(), 2);

  const token = await page.evaluate(async (auth) => (await (await fetch(`${auth}/api/auth/token`, { credentials: "include" })).json()).token, services.auth);
  const asked = () => fetch(`${services.api}/v1/conversations`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal((await asked()).status, 200);
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  assert.equal(kept, '[{},{},""]', "nothing is kept where scripts read");
  await visitor.go("/account");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  for (let tries = 0; (await asked()).status === 200 && tries < 50; tries++) await new Promise((done) => setTimeout(done, 50));
  assert.equal((await asked()).status, 401);
  assert.deepEqual(visitor.wrong, []);
  assert.deepEqual(new Set(visitor.asked), new Set([services.api, services.auth]), "nobody else is asked");
});

test("conversations, documents, keys and the account are looked after", async () => {
  const visitor = await browser.visit(services.api);
  const { page } = visitor;
  await visitor.signUp("Ben", "ben@example.com");
  await visitor.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await visitor.ask("What is Physical AI?");
  await page.getByRole("button", { name: "Copy the answer" }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /acts through a body/);
  const row = page.locator(".conversations li").first();
  await row.hover();
  await row.getByRole("button", { name: /^Rename/ }).click();
  await page.getByLabel("Title").fill("About bodies");
  await page.getByRole("button", { name: "Rename", exact: true }).click();
  await row.getByText("About bodies").waitFor();
  await page.getByLabel("Search conversations").fill("nobody said this");
  await page.getByText("No conversation has these words.").waitFor();
  await page.getByLabel("Search conversations").fill("");
  await row.getByText("About bodies").waitFor();
  await row.hover();
  await row.getByRole("button", { name: /^Delete/ }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("Your conversations will stand here.").waitFor();

  await visitor.go("/documents");
  await page.locator("input[name=files]").setInputFiles([
    { name: "broken.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4\nnothing") },
    { name: "picture.png", mimeType: "image/png", buffer: Buffer.from("89504e470d0a1a0a0000", "hex") },
  ]);
  await page.locator("[data-state=failed] .sub", { hasText: "damaged" }).waitFor({ timeout: 30_000 });
  await page.locator(".sub.failed [role=alert]").waitFor();
  await page.getByRole("button", { name: "Try again broken.pdf" }).click();
  await page.locator("[data-state=failed]").waitFor({ timeout: 30_000 });
  await page.getByRole("button", { name: "Delete broken.pdf" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.locator("[data-state=failed]").waitFor({ state: "detached" });

  const dropped = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["# Boats\n\nThe boat leaves at noon."], "boats.md"));
    transfer.items.add(new File(["# Planes\n\nThe plane leaves at one."], "planes.md"));
    return transfer;
  });
  await page.locator(".drop").dispatchEvent("drop", { dataTransfer: dropped });
  for (const name of ["Boats", "Planes"]) await page.getByRole("link", { name, exact: true }).waitFor();

  await visitor.go("/knowledge-bases");
  await page.getByRole("button", { name: "New knowledge base" }).click();
  await page.getByLabel("Name").fill("Travel");
  await page.getByRole("button", { name: "Make it" }).click();
  await page.getByRole("link", { name: "Travel" }).click();
  await visitor.upload("files", { name: "trains.md", mimeType: "text/markdown", buffer: Buffer.from("# Trains\n\nThe night train leaves at eleven.") }, 1);

  await visitor.go("/account");
  await page.getByLabel("Software background").fill("I write Rust.");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  await page.getByRole("button", { name: "Make a key" }).click();
  await page.getByLabel("Name", { exact: true }).last().fill("nightly");
  await page.getByRole("button", { name: "Make the key" }).click();
  const key = await page.locator(".secret").innerText();
  const searched = await fetch(`${services.api}/v1/search`, { method: "POST", headers: { "x-api-key": key, "content-type": "application/json" }, body: '{"query":"train"}' });
  assert.equal(searched.status, 200);
  await page.keyboard.press("Escape");

  const elsewhere = await browser.visit(services.api, { userAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0" });
  await elsewhere.signIn("ben@example.com");
  await visitor.go("/account");
  await page.reload();
  await page.getByRole("button", { name: "End the session of Firefox on Linux" }).click();
  await page.getByText("The session is ended.").waitFor();
  await elsewhere.page.reload();
  await elsewhere.page.getByRole("heading", { name: "Sign in" }).waitFor();

  await page.getByLabel("Current password").fill("a long enough one");
  await page.getByLabel("New password").fill("another long enough one");
  await page.getByRole("button", { name: "Change the password" }).click();
  await page.getByText("The password is changed.").waitFor();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export my conversations" }).click()]);
  assert.equal(file.suggestedFilename(), "conversations.jsonl");
  await page.getByRole("button", { name: "Delete my account" }).click();
  await page.getByLabel("Your password").fill("another long enough one");
  await page.getByRole("dialog").getByRole("button", { name: "Delete my account" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.deepEqual(visitor.wrong, []);
});

test("a folder is dropped with all that is in it", async () => {
  const visitor = await browser.visit(services.api);
  const { page } = visitor;
  await visitor.signUp("Hal", "hal@example.com");
  await visitor.go("/documents");
  await mkdir(join(folder, "notes/loans/fees"));
  await writeFile(join(folder, "notes/loans/fees/late.md"), "# Late fees\n\nA late book costs ten cents a day.\n");
  await writeFile(join(folder, "notes/.hidden.md"), "# Hidden\n\nNobody sees this.\n");
  const line = await visitor.context.newCDPSession(page);
  const { x, y } = await page.locator(".drop").boundingBox();
  const data = { items: [], files: [join(folder, "notes")], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) await line.send("Input.dispatchDragEvent", { type, x: x + 20, y: y + 20, data });
  for (const name of ["Opening hours", "Loans", "Late fees"]) await page.getByRole("link", { name, exact: true }).waitFor();
  const rows = await page.locator("[data-document] .sub").allInnerTexts();
  for (const path of ["notes/hours.md", "notes/loans/books.md", "notes/loans/fees/late.md"]) {
    assert.ok(rows.some((row) => row.endsWith(path)), `${path} in ${rows}`);
  }
  assert.ok(!rows.some((row) => row.includes("hidden")));
  await visitor.go("/chat");
  await visitor.ask("What does a late book cost?");
  assert.match(await visitor.lastAnswer(), /ten cents a day/);
  assert.deepEqual(visitor.wrong, []);
});

test("a knowledge base is shared by an ID, and taken back", async () => {
  const [owner, reader] = [await browser.visit(services.api), await browser.visit(services.api)];
  await reader.signUp("Jo", "jo@example.com");
  await reader.go("/account");
  const id = await reader.page.locator("code").innerText();
  await owner.signUp("Ian", "ian@example.com");
  const { page } = owner;
  await owner.go("/knowledge-bases");
  await page.getByRole("button", { name: "New knowledge base" }).click();
  await page.getByLabel("Name").fill("Recipes");
  await page.getByRole("button", { name: "Make it" }).click();
  await page.getByRole("link", { name: "Recipes" }).click();
  await owner.upload("files", { name: "soup.md", mimeType: "text/markdown", buffer: Buffer.from("# Soup\n\nThe soup boils for nine minutes.") }, 1);
  await owner.go("/knowledge-bases");
  await page.getByRole("button", { name: "Share Recipes" }).click();
  await page.getByLabel("Their ID").fill(id);
  await page.getByRole("dialog").getByRole("button", { name: "Share" }).click();
  await page.getByText("It is shared.").waitFor();
  await page.getByRole("button", { name: `End sharing with ${id}` }).waitFor();

  await reader.go("/knowledge-bases");
  await reader.page.getByText("those it is shared with; you may read it").waitFor();
  await reader.page.getByRole("link", { name: "Recipes" }).click();
  await reader.page.getByRole("link", { name: "Soup" }).waitFor();
  assert.equal(await reader.page.locator(".drop").count(), 0, "a reader adds nothing");
  assert.equal(await reader.page.getByRole("link", { name: "On other sites" }).count(), 0);
  await reader.go("/chat");
  await reader.ask("How long does the soup boil?");
  assert.match(await reader.lastAnswer(), /nine minutes/);

  await page.getByRole("button", { name: `End sharing with ${id}` }).click();
  await page.getByText("It is shared with nobody yet.").waitFor();
  await reader.go("/knowledge-bases");
  await reader.settled();
  assert.equal(await reader.page.getByRole("link", { name: "Recipes" }).count(), 0);
  assert.deepEqual([...owner.wrong, ...reader.wrong], []);
});

test("an address is verified by a mail before the first sign-in", { timeout: 60_000 }, async () => {
  const strict = await start((at) => ({ ...OWN(at), REQUIRE_EMAIL_VERIFICATION: "true" }));
  const visitor = await browser.visit(strict.api);
  const { page } = visitor;
  await page.goto(strict.api);
  await page.getByRole("button", { name: "Make an account" }).click();
  await page.getByLabel("Name").fill("Kay");
  await page.getByLabel("E-mail address").fill("kay@example.com");
  await page.getByLabel("Password").fill("a long enough one");
  await page.getByRole("button", { name: "Make the account" }).click();
  await page.getByRole("heading", { name: "Look into your mail" }).waitFor();
  await page.getByRole("button", { name: "Back to sign in" }).click();
  await page.getByLabel("E-mail address").fill("kay@example.com");
  await page.getByLabel("Password").fill("a long enough one");
  await page.keyboard.press("Enter");
  await page.getByText("Your address is not verified yet.").waitFor();
  await page.goto(await linkOf(strict, /http:\/\/[^\s"\\]*verify-email[^\s"\\]*/g, 2));
  await page.waitForURL(`${strict.api}/`);
  await page.getByLabel("Ask a question").waitFor();
  assert.deepEqual(visitor.wrong, []);
  await strict.stop();
});

test("a knowledge base is put into another site", async () => {
  let code = "";
  const other = await site(() => ({ text: `<!doctype html><title>Another site</title>${code}` }));
  const visitor = await browser.visit(services.api);
  const { page } = visitor;
  await visitor.signUp("Gil", "gil@example.com");
  await visitor.go("/knowledge-bases");
  await page.getByRole("button", { name: "New knowledge base" }).click();
  await page.getByLabel("Name").fill("Trains");
  await page.getByRole("button", { name: "Make it" }).click();
  await page.getByRole("link", { name: "Trains" }).click();
  await visitor.upload("files", { name: "trains.md", mimeType: "text/markdown", buffer: Buffer.from("# Trains\n\nThe night train leaves at eleven.") }, 1);
  await page.getByRole("link", { name: "On other sites" }).click();
  await page.getByText("No keys yet").waitFor();
  await page.getByRole("button", { name: "New key" }).click();
  await page.getByLabel("Name").fill("The timetable");
  await page.getByLabel("Sites that may ask").fill(`${other.origin}/timetable`);
  await page.getByRole("button", { name: "Make the key" }).click();
  await page.locator(".told.failed", { hasText: "An origin looks like" }).waitFor();
  await page.getByLabel("Sites that may ask").fill(other.origin);
  await page.getByLabel("Questions a minute").fill("7");
  await page.getByRole("button", { name: "Make the key" }).click();
  code = await page.locator(".secret").innerText();
  assert.match(code, /^<script type="module" src="[^"]+\/widget\.js"><\/script>\n<lectern-chat key="pk_[0-9a-f]{32}"><\/lectern-chat>$/);
  await page.keyboard.press("Escape");
  await page.getByText("7 questions a minute").waitFor();

  const guest = await browser.visit(other.origin);
  await guest.page.goto(other.origin);
  await guest.ask("When does the night train leave?");
  assert.match(await guest.lastAnswer(), /leaves at eleven/);

  await page.getByRole("button", { name: "Pause The timetable" }).click();
  await page.locator(".badge").waitFor();
  await guest.page.getByLabel("Ask a question").fill("And the day train?");
  await guest.page.keyboard.press("Enter");
  await guest.page.getByRole("alert").waitFor();
  await page.getByRole("button", { name: "Resume The timetable" }).click();
  await page.locator(".badge").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Change The timetable" }).click();
  assert.equal(await page.getByLabel("Sites that may ask").inputValue(), other.origin);
  await page.getByLabel("Questions a day").fill("20");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("20 a day").waitFor();
  await page.getByRole("button", { name: "Delete The timetable" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("No keys yet").waitFor();
  assert.deepEqual(visitor.wrong, []);
  await other.stop();
});

test("a forgotten password is replaced through a mail", { timeout: 60_000 }, async () => {
  const visitor = await browser.visit(services.api);
  const { page } = visitor;
  await visitor.signUp("Dee", "dee@example.com");
  await visitor.go("/account");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Forgot your password?" }).click();
  await page.getByLabel("E-mail address").fill("dee@example.com");
  await page.getByRole("button", { name: "Send the link" }).click();
  await page.getByRole("heading", { name: "Look into your mail" }).waitFor();
  const link = await linkOf(services, /http:\/\/[^\s"\\]*reset-password\/[^\s"\\]*/g);
  await page.goto(link);
  await page.getByLabel("New password").fill("quite another one");
  await page.getByRole("button", { name: "Set the password" }).click();
  await page.getByText("The new password is set.").waitFor();
  assert.equal(page.url(), `${services.api}/`);
  await page.goto(link);
  await page.getByText("This link has been used, or is too old.").waitFor();
  await visitor.signIn("dee@example.com", "quite another one");
  assert.deepEqual(visitor.wrong, []);
});

test("by keyboard alone", async () => {
  const visitor = await browser.visit(services.api);
  const { page } = visitor;
  await visitor.signUp("Cy", "cy@example.com");
  await page.getByLabel("Ask a question").waitFor();
  const skips = () => page.evaluate(() => document.activeElement.matches(".skip"));
  for (let steps = 0; steps < 20 && !(await skips()); steps++) await page.keyboard.press("Tab");
  assert.ok(await skips() && await page.locator(".skip").isVisible());
  await page.keyboard.press("Enter");
  await page.keyboard.type("What acts through a body?");
  await page.keyboard.press("Enter");
  await page.locator(".chip").first().waitFor();
  await page.locator("article.answer .foot .actions").waitFor();
  for (let steps = 0; steps < 40 && !(await page.evaluate(() => document.activeElement.matches(".chip"))); steps++) await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await page.locator("dialog :is(mark, .found)").waitFor();
  await page.keyboard.press("Escape");
  assert.ok(await page.evaluate(() => document.activeElement.matches(".chip")));
  for (const name of ["Documents", "Knowledge bases"]) {
    await page.getByRole("link", { name, exact: true }).press("Enter");
    await page.waitForFunction((title) => document.activeElement.matches("h1") && document.activeElement.innerText === title, name);
  }
});

test("behind one origin", async () => {
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const both = await start({ AUTH_PUBLIC_URL: origin, RATE_LIMIT_ENABLED: "false" });
  const ofAuth = /^\/(api\/auth|v1\/(accounts|sessions|tokens|me|password-resets|email-verifications|api-keys|admin|jwks))([/?]|$)/;
  const close = await pages(port, (path) => (ofAuth.test(path) ? both.auth : both.api) + path);
  try {
    const visitor = await browser.visit(origin);
    await visitor.signUp("Flo", "flo@example.com");
    await visitor.ask("What acts through a body?");
    await visitor.go("/account");
    await visitor.page.getByText("this one").waitFor();
    await visitor.page.reload();
    await visitor.settled();
    await visitor.page.getByRole("button", { name: "Sign out" }).click();
    await visitor.page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.deepEqual(visitor.wrong, []);
    assert.deepEqual(new Set(visitor.asked), new Set([origin]));
  } finally {
    await close();
    await both.stop();
  }
});

test("what others made is what they published", async () => {
  const published = { "dompurify-3.4.18.js": "dompurify/dist/purify.min.js", "streaming-markdown-0.2.15.js": "streaming-markdown/smd.min.js" };
  for (const [file, name] of Object.entries(published)) {
    const [pack, ...rest] = name.split("/");
    const found = join(new URL(`node_modules/${pack}/`, import.meta.url).pathname, ...rest);
    const plain = (text) => text.split("\n").filter((line) => !line.startsWith("//# sourceMappingURL")).join("\n").trim();
    assert.equal(plain(await readFile(new URL(`vendor/${file}`, WEB), "utf8")), plain(await readFile(found, "utf8")), file);
  }
});

test("the first sight is quick and small", async (t) => {
  const visitor = await browser.visit(services.api);
  const { page } = visitor;
  const line = await visitor.context.newCDPSession(page);
  await line.send("Network.enable");
  let bytes = 0;
  line.on("Network.loadingFinished", (event) => (bytes += event.encodedDataLength));
  await page.goto(services.api);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.equal(await page.getByRole("button", { name: /^Continue with/ }).count(), 0, "no provider is set up");
  const painted = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  const first = bytes;
  bytes = 0;
  await page.reload();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  t.diagnostic(`first paint after ${Math.round(painted)} ms; ${first} bytes transferred, ${bytes} when it is loaded again`);
  assert.ok(first < 60_000, `${first} bytes`);
  assert.ok(bytes < 8_000, `${bytes} bytes when loaded again`);
});
