// What is for administrators alone: a tab a part.

import { h } from "../../chat/dom.js";
import { empty, loaded, screen } from "../ui.js";

/** The address of each part, what it is called, and what shows it in which file. */
const PARTS = [
  ["analytics", "Analytics", "knowledge", "analytics"],
  ["users", "Users", "accounts", "users"],
  ["sources", "Sources", "knowledge", "sources"],
  ["health", "Health", "knowledge", "health"],
  ["audit-log", "Audit log", "accounts", "auditLog"],
];

/** @returns {Node} the screen of one part */
export function show(session, shell, part) {
  if (session.user.role !== "admin") return screen("Administration", null, [], empty("This is for administrators", "Ask one of them."));
  const [, title, file, shows] = PARTS.find(([name]) => name === part) ?? PARTS[0];
  const tabs = h("nav.tabs", { "aria-label": "Administration" }, PARTS.map(([name, label]) =>
    h("a", { href: `#/admin/${name}`, "aria-current": name === part ? "page" : null }, label)));
  const content = loaded(async () => {
    const made = await import(`../admin/${file}.js`);
    return made[shows](session);
  });
  return screen(title, null, [], tabs, content);
}
