// What screens are made of.

import { failed, h, icon, iconButton } from "../chat/dom.js";

/** The frame of a screen: a heading, what can be done, and its content. */
export function screen(title, lead, actions, ...content) {
  document.title = `${title} · Lectern`;
  return h("div.screen", {},
    h("header.screen-head", {}, h("div", {}, h("h1", { tabindex: -1 }, title), lead && h("p.lead", {}, lead)), h("div.row", {}, actions ?? [])),
    ...content);
}

/** A part of a screen. */
export const section = (title, lead, ...content) =>
  h("section.section", {}, h("div", {}, h("h2", {}, title), lead && h("p.lead", {}, lead)), ...content);

/**
 * A row of a list: what it is, what is told of it, and what can be done.
 * @param {{href?: string, badges?: (string | false)[], bad?: boolean}} [how] where its name leads, what
 *   stands behind the name, and whether something is wrong with it
 */
export const item = (name, told, actions = [], { href, badges = [], bad } = {}) =>
  h("li", {},
    h("div.what", {},
      h(`${href ? "a" : "span"}.name`, { href }, name, ...badges.filter(Boolean).flatMap((badge) => [" ", h("span.badge", {}, badge)])),
      h(`span.sub${bad ? ".failed" : ""}`, {}, told)),
    h("div.row", {}, actions));

/** A field with its label. `hint` says what is expected. */
export function field(label, input, hint) {
  const id = `field-${crypto.randomUUID().slice(0, 8)}`;
  input.id = id;
  const help = hint && h("span.hint", { id: `${id}-hint` }, hint);
  if (help) input.setAttribute("aria-describedby", help.id);
  return h("div.field", {}, h("label", { for: id }, label), input, help);
}

/** An input of a form. */
export const input = (name, attributes = {}) => h("input", { name, ...attributes });

/** A field that is searched by, soon after the last key. */
export function search(label, tell) {
  let timer;
  return input("q", { type: "search", placeholder: label, "aria-label": label, oninput: (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => tell(event.target.value.trim()), 250);
  } });
}

/** The lines of a field, without empty ones. */
export const lines = (text) => text.split(/\s*\n\s*/).filter(Boolean);

/** A choice: `options` are `[value, words]`. */
export const select = (name, options, chosen, attributes = {}) =>
  h("select", { name, ...attributes }, options.map(([value, words]) => h("option", { value, selected: value === chosen }, words)));

/**
 * A form that works while its button waits, and says what went wrong.
 * @param {string} label what its button says
 * @param {Node[]} fields
 * @param {(values: object, form: HTMLFormElement) => Promise<any>} work
 */
export function form(label, fields, work, { said = "", extra = [] } = {}) {
  const button = h("button.primary", {}, label);
  const told = h("p.told", { role: "status" });
  const made = h("form.stack", {
    onsubmit: async (event) => {
      event.preventDefault();
      button.disabled = true;
      told.className = "told";
      told.textContent = "";
      try {
        await work(Object.fromEntries(new FormData(made)), made);
        told.textContent = said;
      } catch (error) {
        told.classList.add("failed");
        told.textContent = error.message;
      } finally {
        button.disabled = false;
      }
    },
  }, ...fields, h("div.row", {}, button, ...extra), told);
  return made;
}

/** What stands where there is nothing yet: what to do next. */
export const empty = (title, text, ...actions) =>
  h("div.empty", {}, h("p.empty-title", {}, title), h("p", {}, text), actions.length ? h("div.row", {}, actions) : null);

/**
 * A place that shows what `load` makes; room is kept while it works.
 * @returns {HTMLElement} `ready` is when it shows something; its `redraw` loads anew, with
 *   what it is given, and what is asked for last is shown
 */
export function loaded(load) {
  const place = h("div.loaded", { "aria-busy": "true" });
  let last;
  place.redraw = async (...given) => {
    const turn = (last = {});
    const made = await Promise.resolve().then(() => load(...given)).catch((error) => failed(error, () => place.redraw(...given)));
    if (turn !== last) return;
    place.replaceChildren(...[made].flat());
    place.removeAttribute("aria-busy");
  };
  place.ready = place.redraw();
  return place;
}

/** A button of a list or a header. */
export function button(label, onclick, { look = "", name, ...attributes } = {}) {
  return h(`button${look && `.${look}`}`, { type: "button", onclick, ...attributes }, name && icon(name), label);
}

/** A button of a row, for those who listen with the name of what it is about. */
export const quiet = (verb, name, onclick) => button(verb, onclick, { look: "quiet", "aria-label": `${verb} ${name}` });

/** A dialog; it ends with Escape, and the focus goes back. */
export function dialog(title, content, { wide = false } = {}) {
  const heading = h("h2", { id: "dialog-title" }, title);
  const made = h(`dialog${wide ? ".sheet" : ""}`, {
    "aria-labelledby": "dialog-title",
    onclose: () => made.remove(),
    onclick: (event) => event.target === made && made.close(),
  }, h("div.dialog-head", {}, heading, iconButton("close", "Close", () => made.close())), h("div.dialog-body", {}, content));
  document.body.append(made);
  made.showModal();
  return made;
}

/** A dialog with a form, which ends when its work is done; what that promises to do then is done. */
export function ask(title, label, fields, work, extra = []) {
  const made = dialog(title, form(label, fields, async (values) => {
    const then = await work(values);
    made.close();
    then?.();
  }, { extra }));
  return made;
}

/** Asks before something is done that can’t be undone, and does it. */
export function confirm(title, text, label, work) {
  const made = ask(title, label, [h("p", {}, text)], work, [button("Cancel", () => made.close())]);
  made.querySelector("form button").classList.add("danger");
}

/** A text, and a button that copies it. */
export const copied = (what, text) =>
  [h("p.secret", {}, text), h("div.row", {}, button(`Copy the ${what}`, () => navigator.clipboard.writeText(text).then(() => say(`The ${what} is copied.`)), { look: "primary" }))];

/** Says something for a moment, also to those who listen; to them alone where it is `quiet`. */
export function say(text, quiet = false) {
  const box = document.querySelector("#said") ?? document.body.appendChild(h("div", { id: "said", role: "status" }));
  box.textContent = text;
  box.classList.toggle("shown", !quiet);
  clearTimeout(box.timer);
  box.timer = setTimeout(() => box.classList.remove("shown"), 4000);
}

/** Does `work`, and says what went wrong. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    say(error.message);
    return undefined;
  }
}

/** A table; cells are texts or nodes. `caption` is for those who listen. */
export const table = (caption, heads, rows) =>
  h("div.wide", { tabindex: 0, role: "region", "aria-label": caption },
    h("table", {}, h("caption.unseen", {}, caption), h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell)))))));

/**
 * A list that goes on: shows a page, and a button for the next.
 * @param {(after: string, words?: string) => Promise<{rows: Node[], next: string | null}>} load
 * @param {Node} none what stands where there is nothing
 * @param {(rows: Node[]) => Node} [frame] what rows stand in
 */
export function pages(load, none, frame = (rows) => h("ul.list", {}, rows)) {
  return loaded(async (words = "") => {
    const first = await load("", words);
    if (!first.rows.length) return none;
    const list = frame(first.rows);
    const more = h("div.row.more");
    const offer = (next) => {
      more.replaceChildren(...(next ? [button("Show more", async () => {
        const page = await attempt(() => load(next, words));
        if (!page) return;
        (list.querySelector("tbody") ?? list).append(...page.rows);
        offer(page.next);
      })] : []));
    };
    offer(first.next);
    return [list, more];
  });
}

/** A moment, for people. */
export const moment = (text) => h("time", { datetime: text }, new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }));

/** Bytes, for people. */
export const size = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** Offers text as a file. */
export function download(name, blob) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
