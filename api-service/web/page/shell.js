// What stands around the screens: the sidebar with conversations, and the way
// to all else. What stands behind the # of the address tells the screen.

import { h, icon, iconButton } from "../chat/dom.js";
import { ask, attempt, confirm, field, input, say, search } from "./ui.js";

const PLACES = [
  ["/documents", "Documents"],
  ["/knowledge-bases", "Knowledge bases"],
];

/** The frame around the screens of someone who has signed in. */
export class Shell {
  constructor(session) {
    this.session = session;
    this.search = "";
    const admin = session.user.role === "admin";
    const places = [...PLACES, ...(admin ? [["/admin/analytics", "Administration"]] : [])];
    this.links = places.map(([path, label]) => h("a.place-link", { href: `#${path}` }, label));
    this.list = h("ul.conversations");
    this.side = h("nav.side", { id: "side", "aria-label": "Lectern" },
      h("a.brand", { href: "#/chat" }, "Lectern"),
      h("a.button.primary", { href: "#/chat", onclick: () => location.hash === "#/chat" && window.dispatchEvent(new Event("hashchange")) }, icon("plus"), "New chat"),
      h("div.places", {}, this.links),
      h("div.find", {}, search("Search conversations", (words) => this.refresh(words))),
      this.list,
      h("a.who", { href: "#/account" }, h("span.initial", { "aria-hidden": "true" }, [...session.user.name][0] ?? "?"), h("span.who-name", {}, session.user.name)));
    this.menu = iconButton("menu", "Menu", () => this.toggle(), { "aria-expanded": "false", "aria-controls": "side" });
    this.main = h("main", { id: "main" });
    this.element = h("div.shell", { onkeydown: (event) => event.key === "Escape" && this.toggle(false) },
      h("a.skip", { href: "#main", onclick: (event) => {
        event.preventDefault();
        (this.main.querySelector("textarea") ?? this.main.querySelector("h1"))?.focus();
      } }, "Skip to the content"),
      h("header.top", {}, this.menu, h("a.brand", { href: "#/chat" }, "Lectern")),
      this.side, h("div.veil", { onclick: () => this.toggle(false) }), this.main);
    this.refresh("");
  }

  toggle(open = !this.element.hasAttribute("data-open")) {
    const was = this.element.hasAttribute("data-open");
    this.element.toggleAttribute("data-open", open);
    this.menu.setAttribute("aria-expanded", String(open));
    if (open) this.side.querySelector("a").focus();
    else if (was) this.menu.focus();
  }

  /** Shows a screen, and moves the focus to its heading where someone went there. */
  show(path, content) {
    const first = !this.path;
    this.path = path;
    this.element.removeAttribute("data-open");
    this.menu.setAttribute("aria-expanded", "false");
    this.main.replaceChildren(...[content].flat());
    this.main.scrollTop = 0;
    this.mark();
    if (first) return;
    Promise.resolve(content.ready).then(() => {
      if (path === this.path) (this.main.querySelector("h1") ?? this.main.querySelector("textarea"))?.focus({ preventScroll: true });
    });
  }

  mark() {
    if (!this.path) return;
    for (const link of this.side.querySelectorAll("a[href]")) {
      const target = link.getAttribute("href").slice(1);
      const here = target === this.path || (target !== "/chat" && this.path.startsWith(`${target.replace(/\/analytics$/, "")}/`));
      if (here && !link.matches(".brand, .button")) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  /** Lists conversations anew; with words, those that hold them. */
  async refresh(words = this.search) {
    this.search = words;
    const asked = words ? `?q=${encodeURIComponent(words)}` : "";
    const told = await attempt(() => this.session.api.get(`/v1/conversations${asked}`));
    if (!told || words !== this.search) return;
    const rows = told.conversations.map((conversation) => this.row(conversation));
    const none = h("li.none", {}, words ? "No conversation has these words." : "Your conversations will stand here.");
    this.list.replaceChildren(...(rows.length ? rows : [none]));
    this.mark();
  }

  row({ id, title }) {
    const link = h("a", { href: `#/chat/${id}`, title }, title);
    return h("li", {}, link,
      iconButton("edit", `Rename “${title}”`, () => this.rename(id, title)),
      iconButton("trash", `Delete “${title}”`, () => this.remove(id, title)));
  }

  rename(id, title) {
    ask("Rename the conversation", "Rename", [
      field("Title", input("title", { value: title, required: true, maxlength: 200 })),
    ], async (values) => {
      await this.session.api.patch(`/v1/conversations/${id}`, values);
      await this.refresh();
    });
  }

  remove(id, title) {
    confirm("Delete the conversation", `“${title}” and its answers will be gone for good.`, "Delete", async () => {
      await this.session.api.delete(`/v1/conversations/${id}`);
      await this.refresh();
      say("The conversation is deleted.");
      if (this.path === `/chat/${id}`) goTo("/chat");
    });
  }
}

/**
 * Calls the screen that fits the address.
 * @param {[RegExp, (...found: string[]) => void][]} routes the first that fits is called
 */
export function startRouter(routes) {
  const go = () => {
    const path = location.hash.slice(1) || "/chat";
    const [pattern, show] = routes.find(([one]) => one.test(path)) ?? routes.at(-1);
    show(...(pattern.exec(path) ?? []).slice(1).map((part) => part && decodeURIComponent(part)));
  };
  window.addEventListener("hashchange", go);
  go();
  return () => window.removeEventListener("hashchange", go);
}

/** Goes to a screen. */
export const goTo = (path) => {
  location.hash = path;
};

/** Changes the address without going anywhere. */
export const nameHere = (path) => history.replaceState(null, "", `#${path}`);
