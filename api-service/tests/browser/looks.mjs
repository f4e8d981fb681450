// axe-core looks at what is shown, in light and dark, on a desk and a phone.
// With SCREENSHOTS=<folder> it also keeps what it saw.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";

const AXE = await readFile(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** The sizes of windows. */
export const DESK = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

const LOOKS = [["desk", "light", DESK], ["desk", "dark", DESK], ["phone", "light", PHONE], ["phone", "dark", PHONE]];

/** Fails where axe finds something, or something is wider than the window, which is left as a desk’s. */
export async function look(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (folder) await mkdir(folder, { recursive: true });
  const found = [];
  for (const [device, colorScheme, size] of LOOKS) {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    if (folder) await page.screenshot({ path: `${folder}/${name}-${device}-${colorScheme}.png` });
    await page.evaluate(`${AXE};void 0`);
    const told = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: { type: "tag", values: tags } }), TAGS);
    for (const { id, nodes } of told.violations) found.push(`${name}, ${device}, ${colorScheme}: ${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wider > 0) found.push(`${name}, ${device}: ${wider} px too wide`);
  }
  await page.setViewportSize(DESK);
  assert.deepEqual(found, []);
}
