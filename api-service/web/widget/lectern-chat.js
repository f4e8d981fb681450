// <lectern-chat>: a chat about one’s documents in the page of somebody else.

import "../chat/thread.js";
import { createClient } from "../chat/client.js";
import { h, icon, iconButton, marked } from "../chat/dom.js";
import { placeOf } from "../chat/message.js";

const PARTS = new URL("../", import.meta.url);
const SERVICE = new URL("../../../", import.meta.url).href;
const TITLE = "Ask the documents";

/**
 * The page’s styles for a shadow root: each colour and font gives way to the host’s
 * `--lectern-…`, light or dark is the host’s, and sizes don’t follow its root element.
 */
function adopted(css) {
  return css
    .replaceAll(":root", ":host")
    .replace("color-scheme:light dark;", "")
    .replace(/^--([\w-]+):(.+);$/gm, "--$1: var(--lectern-$1, $2);")
    .replace(/(\d*\.?\d+)rem/g, (_, number) => `${number * 16}px`);
}

let sheets = null;

/** @returns {Promise<CSSStyleSheet[]>} the styles, which are fetched once and need no style in the host’s policy */
function styles() {
  const files = ["style/base.css", "widget/widget.css"];
  sheets ??= Promise.all(files.map(async (file) => {
    const response = await fetch(new URL(file, PARTS), { credentials: "omit" });
    if (!response.ok) throw new Error(`${file}: ${response.status}`);
    return new CSSStyleSheet().replace(adopted(await response.text()));
  }));
  sheets.catch(() => (sheets = null));
  return sheets;
}

/**
 * Attributes: `src` the service, where it is not the one this script came from; `key` (or `publishable-key`,
 * since React keeps `key` for itself); `knowledge-base` for those who bring a token and no key; `mode` inline
 * or floating; `base-url` before the paths of sources; `label` what it is called; `token`, better set as a property.
 * A cancelable event `lectern-source` tells `{source, citation, url}` before a source is opened.
 */
export class LecternChat extends HTMLElement {
  static observedAttributes = ["src", "key", "publishable-key", "knowledge-base", "mode", "label"];

  /** The host’s access token: a text, or a function that promises one and is asked for a fresh one by `true`. */
  token = this.token;

  connectedCallback() {
    if (!this.shadowRoot) this.attachShadow({ mode: "open" });
    this.draw();
  }

  attributeChangedCallback(name, before, now) {
    if (this.shadowRoot && before !== now) this.draw();
  }

  get key() {
    return this.getAttribute("publishable-key") ?? this.getAttribute("key");
  }

  get label() {
    return this.getAttribute("label") || TITLE;
  }

  get isFloating() {
    return this.getAttribute("mode") === "floating";
  }

  client() {
    const base = new URL(this.getAttribute("src") || SERVICE, document.baseURI).href.replace(/\/$/, "");
    const token = async (fresh) => {
      const given = this.token ?? this.getAttribute("token");
      return (typeof given === "function" ? await given(fresh) : given) || null;
    };
    return createClient({ base, token, headers: this.key ? { "x-publishable-key": this.key } : {} });
  }

  async draw() {
    const drawn = (this.drawn = {});
    try {
      this.shadowRoot.adoptedStyleSheets = await styles();
    } catch {
      this.shadowRoot.replaceChildren(h("p", {}, "The chat can’t be loaded just now."));
      return;
    }
    if (drawn !== this.drawn || !this.isConnected) return;
    this.api = this.client();
    this.thread = document.createElement("lectern-thread");
    this.panel = h("section.panel", { hidden: true, "aria-label": "Source" });
    this.shadowRoot.replaceChildren(...(this.isFloating ? this.floating() : [this.chat()]));
    this.thread.start(this.api, {
      openSource: (source, citation) => this.openSource(source, citation),
      within: () => this.within(),
      onConversation: (id) => this.remember(id),
      empty: h("div.welcome", {}, h("h2", {}, "What would you like to know?"),
        h("p.note", {}, "Each answer names the passages that it rests on; a click on a number shows them.")),
    });
    await this.thread.show(this.remembered() || null);
    this.dispatchEvent(new CustomEvent("lectern-ready"));
  }

  within() {
    const base = this.getAttribute("knowledge-base");
    return base && !this.key ? { knowledge_base: base } : {};
  }

  chat(...buttons) {
    const again = iconButton("plus", "Begin a new conversation", () => this.forget());
    return h("div.chat", { onkeydown: (event) => this.heard(event) },
      h("header.top", {}, h("p.name", {}, this.label), again, ...buttons),
      h("div.body", {}, this.thread, this.panel));
  }

  floating() {
    const close = iconButton("close", "Close the chat", () => this.close());
    this.dialog = h("dialog.window", { "aria-label": this.label }, this.chat(close));
    this.launcher = h("button.primary.launcher", {
      type: "button",
      "aria-label": this.label,
      title: this.label,
      "aria-haspopup": "dialog",
      "aria-expanded": "false",
      onclick: () => (this.dialog.open ? this.close() : this.open()),
    }, icon("chat"));
    return [this.dialog, this.launcher];
  }

  /** Opens the floating chat. */
  open() {
    if (!this.dialog || this.dialog.open) return;
    this.dialog.show();
    this.launcher.setAttribute("aria-expanded", "true");
    this.thread.composer.area.focus();
  }

  /** Closes the floating chat; what is being answered goes on. */
  close() {
    if (!this.dialog?.open) return;
    this.dialog.close();
    this.launcher.setAttribute("aria-expanded", "false");
    this.launcher.focus();
  }

  heard(event) {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    if (!this.panel.hidden) this.closePanel();
    else if (this.isFloating) this.close();
    else return;
    event.stopPropagation();
  }

  openSource(source, citation) {
    const url = this.pageOf(source, citation);
    const event = new CustomEvent("lectern-source", {
      detail: { source, citation, url }, bubbles: true, composed: true, cancelable: true,
    });
    if (!this.dispatchEvent(event)) return;
    if (url) open(url, new URL(url).origin === location.origin && top === window ? "_self" : "_blank", "noopener");
    else this.showPassage(source, citation);
  }

  /** @returns {string | null} the page that a source is, where it is one, at the words that are cited */
  pageOf({ path, page }, citation) {
    const base = this.getAttribute("base-url");
    const start = base ? new URL(base, document.baseURI) : undefined;
    const tidy = path.replace(/^\/+/, "").replace(/((^|\/)(index|readme))?\.mdx?$/i, "$2");
    const from = /^https?:/i.test(path) ? path : tidy;
    if (!path || !URL.canParse(from, start)) return null;
    const url = new URL(from, start);
    if (!/^https?:$/.test(url.protocol)) return null;
    const quote = citation?.quote?.trim();
    if (page) url.hash = `page=${page}`;
    else if (quote) url.hash = `:~:text=${encodeURIComponent(quote).replaceAll("-", "%2D")}`;
    return url.href;
  }

  showPassage(source, citation) {
    this.opener = this.shadowRoot.activeElement;
    const back = iconButton("close", "Back to the chat", () => this.closePanel());
    const title = source.title || source.path || "Source";
    this.panel.setAttribute("aria-label", title);
    this.panel.replaceChildren(h("header.top", {}, h("p.name", {}, title), back),
      h("div.passage", { tabindex: 0, role: "region", "aria-label": "The passage" },
        h("p.note", {}, placeOf(source)), h("p.quoted", {}, marked(source.text, citation?.quote))));
    this.panel.hidden = false;
    this.thread.inert = true;
    back.focus();
  }

  closePanel() {
    this.panel.hidden = true;
    this.thread.inert = false;
    this.opener?.focus();
  }

  forget() {
    this.remember("");
    this.closePanel();
    this.thread.show(null);
    this.thread.composer.area.focus();
  }

  /** The conversation goes on after the host has gone to another of its pages; in a sandbox nothing is kept. */
  remember(id) {
    try {
      sessionStorage.setItem(`lectern-chat ${this.key}`, id);
    } catch {}
  }

  remembered() {
    try {
      return sessionStorage.getItem(`lectern-chat ${this.key}`);
    } catch {}
  }
}

if (!customElements.get("lectern-chat")) customElements.define("lectern-chat", LecternChat);
