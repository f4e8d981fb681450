// Someone with a browser, who uses the page.

import { chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Opens a browser; `visit` makes visitors with nothing in their cookies. */
export async function openBrowser() {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  return {
    close: () => browser.close(),
    visit: async (origin, how = {}) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", ...how });
      return new Visitor(origin, context, await context.newPage());
    },
  };
}

/** What goes wrong is kept: errors of scripts, what the content policy refused, dialogs of scripts. */
export class Visitor {
  constructor(origin, context, page) {
    Object.assign(this, { origin, context, page, wrong: [], asked: [] });
    page.on("pageerror", (error) => this.wrong.push(`error: ${error.message}`));
    page.on("console", (line) => /Content.Security.Policy|TrustedHTML|Refused/i.test(line.text()) && this.wrong.push(line.text()));
    page.on("dialog", (dialog) => {
      this.wrong.push(`dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on("request", (request) => this.asked.push(new URL(request.url()).origin));
  }

  async signUp(name, email, password = "a long enough one") {
    const { page } = this;
    await page.goto(this.origin);
    await page.getByRole("button", { name: "Make an account" }).click();
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("E-mail address").fill(email);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Make the account" }).click();
    await page.locator(".shell").waitFor();
  }

  async signIn(email, password = "a long enough one") {
    const { page } = this;
    await page.goto(this.origin);
    await page.getByLabel("E-mail address").fill(email);
    await page.getByLabel("Password").fill(password);
    await page.keyboard.press("Enter");
    await page.locator(".shell").waitFor();
  }

  /** Goes to a screen, and waits for what it loads. */
  async go(path) {
    await this.page.goto(`${this.origin}/#${path}`);
    await this.settled();
  }

  /** Waits until nothing on the page says that it is busy. */
  async settled() {
    const calm = () => document.querySelector("h1, lectern-thread") && !document.querySelector("[aria-busy]");
    await this.page.waitForFunction(calm);
  }

  /** Sends files into the field of this name on the page of documents, and waits until they can be found. */
  async upload(field, files, count) {
    await this.page.locator(`input[name=${field}]`).setInputFiles(files);
    await this.page.waitForFunction((wanted) => document.querySelectorAll("[data-state=ready]").length >= wanted, count, { timeout: 60_000 });
  }

  /** Asks, and waits for the whole answer. */
  async ask(question) {
    const before = await this.page.locator("article.answer").count();
    await this.page.getByRole("textbox", { name: "Ask a question" }).fill(question);
    await this.page.keyboard.press("Enter");
    const answer = this.page.locator("article.answer").nth(before);
    await answer.locator(".foot .actions").waitFor({ timeout: 60_000 });
    return answer;
  }

  /** The text of the last answer, without numbers of sources. */
  lastAnswer() {
    return this.page.locator("article.answer").last().locator(".prose").innerText();
  }
}
