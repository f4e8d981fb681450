// Elements without markup in strings.

/**
 * Makes an element. `tag` may have classes (`"p.note"`); functions among the
 * attributes listen, true sets a bare attribute, null and false set nothing.
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.replace(/^on/, ""), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const ICONS = {
  plus: "M12 5v14M5 12h14",
  menu: "M4 7h16M4 12h16M4 17h16",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  copy: "M9 9h10v11H9zM15 9V4H5v11h4",
  up: "M7 11v9H4v-9zM7 11l4-7c2 0 2 2 1.5 5H19l-1.5 9.5c-.2.9-1 1.5-2 1.5H7",
  down: "M17 13V4h3v9zM17 13l-4 7c-2 0-2-2-1.5-5H5l1.5-9.5C6.7 4.6 7.5 4 8.5 4H17",
  again: "M20 11a8 8 0 1 0-2 6M20 5v6h-6",
  edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  link: "M10 14l4-4M8 12l-2 2a3 3 0 0 0 4 4l2-2M12 8l2-2a3 3 0 0 1 4 4l-2 2",
  close: "M6 6l12 12M18 6L6 18",
  chat: "M4 5h16v11H10l-4 4v-4H4z",
  check: "M5 13l4 4L19 7",
};

/** Makes an element of a drawing. @returns {SVGElement} */
export function shape(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** An icon, which says nothing to assistive technology. @returns {SVGElement} */
export const icon = (name) => shape("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" }, shape("path", { d: ICONS[name] }));

/** What is shown where something failed; `retry` tries it again. */
export const failed = (error, retry) =>
  h("div.notice.failed", { role: "alert" }, h("p", {}, error.message), retry && h("button", { type: "button", onclick: retry }, icon("again"), "Try again"));

/** The text with the quote in a <mark>; spaces in the two may differ. */
export function marked(text, quote) {
  if (!quote) return text;
  const words = quote.trim().split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const found = new RegExp(words.join("\\s+")).exec(text);
  if (!found) return text;
  const end = found.index + found[0].length;
  return [text.slice(0, found.index), h("mark", {}, found[0]), text.slice(end)];
}

/** A button that shows an icon alone. @returns {HTMLButtonElement} */
export function iconButton(name, label, onclick, attributes = {}) {
  return h("button.quiet.square", { type: "button", "aria-label": label, title: label, onclick, ...attributes }, icon(name));
}

/** Shows that something was done on an icon button, for a moment. */
export function confirmOn(button, label) {
  const [before, shown] = [button.getAttribute("aria-label"), button.firstChild];
  button.replaceChildren(icon("check"));
  button.setAttribute("aria-label", label);
  setTimeout(() => {
    button.replaceChildren(shown);
    button.setAttribute("aria-label", before);
  }, 1500);
}
