// A document as it can be found, passage by passage, with a place in it marked.

import { failed, h, marked } from "../chat/dom.js";
import { attempt, button, empty, loaded, moment, screen } from "./ui.js";

/** How many passages are asked for at a time, and the most that are looked through for a place. */
const PAGE = 100;
const MOST = 60 * PAGE;

/**
 * The passages of a document. With a place, it is shown and marked.
 * @param {object} api
 * @param {string} id the document
 * @param {{chunk?: string, span?: {start: number, end: number}, quote?: string}} [place] where to begin:
 *   bytes of the document’s content, and the words that stand there
 */
export function documentView(api, id, place = {}) {
  const text = h("div.passages", { tabindex: 0, role: "region", "aria-label": "The document’s text", "aria-busy": "true" });
  const view = h("div.document", {}, h("div.row", {}, originalButton(api, id, place)), text);
  fill(api, id, place, text).catch((error) => text.replaceChildren(failed(error))).finally(() => text.removeAttribute("aria-busy"));
  return view;
}

function originalButton(api, id, { chunk }) {
  return button("Open the original", () => attempt(async () => {
    const link = await api.post(`/v1/documents/${id}/links`, chunk ? { chunk_id: chunk } : {});
    window.open(new URL(link.url, link.url.startsWith("/") ? `${api.base}/` : undefined), "_blank", "noopener");
  }), { name: "link" });
}

async function fill(api, id, { span, quote }, text) {
  let after = "";
  let shown = 0;
  let first = null;
  let mark = null;
  const isPast = (chunk) => !span || chunk.span.start >= span.end;
  do {
    const { chunks, next } = await passagesAfter(api, id, after);
    for (const chunk of chunks) {
      const within = span && chunk.span.start < span.end && span.start < chunk.span.end;
      const element = add(text, chunk, within && !mark ? quote : "");
      if (within) first ??= element;
      mark ??= element.querySelector("mark");
    }
    shown += chunks.length;
    after = next;
    if (mark || !chunks.length || isPast(chunks.at(-1))) break;
  } while (after !== null && shown < MOST);
  if (!shown) text.append(empty("Nothing to read yet", "This document has no text that can be found, or is still being read."));
  // Without the very words, the passage is marked as a whole.
  if (!mark) first?.classList.add("found");
  (mark ?? first)?.scrollIntoView({ block: "center" });
  if (after !== null) text.append(more(api, id, text, after));
}

const passagesAfter = (api, id, after) => api.get(`/v1/documents/${id}/chunks?limit=${PAGE}${after === "" ? "" : `&after=${after}`}`);

function more(api, id, text, after) {
  const row = h("div.row.more", {}, button("Show more", () => attempt(async () => {
    const { chunks, next } = await passagesAfter(api, id, after);
    row.remove();
    for (const chunk of chunks) add(text, chunk);
    if (next !== null) text.append(more(api, id, text, next));
  })));
  return row;
}

/** Adds a passage, with its page and heading where they are not those of the one before. */
function add(text, chunk, quote) {
  const before = text.lastElementChild?.dataset ?? {};
  const page = chunk.page ? `Page ${chunk.page}` : "";
  const heading = chunk.heading.split(" › ").filter(Boolean).join(" › ");
  const made = h("section.passage", { "data-heading": heading, "data-page": page },
    page && page !== before.page && h("p.page-mark", {}, page),
    heading && heading !== before.heading && h("h3", {}, heading),
    h("p", {}, marked(chunk.text, quote)));
  text.append(made);
  return made;
}

/** @returns {Node} the screen of a document */
export function show(session, shell, id) {
  return loaded(async () => {
    const document_ = await session.api.get(`/v1/documents/${id}`);
    const about = h("span", {}, `In ${document_.knowledge_base.name}, since `, moment(document_.created_at));
    return screen(document_.title || document_.path || "Untitled", about, [h("a.button", { href: "#/documents" }, "All documents")],
      documentView(session.api, id));
  });
}
