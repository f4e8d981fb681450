// A conversation.

import "../../chat/thread.js";
import { h } from "../../chat/dom.js";
import { documentView } from "../document-view.js";
import { nameHere } from "../shell.js";
import { attempt, dialog } from "../ui.js";

/** @returns {Node[]} the screen of a conversation, or of a new one */
export function show(session, shell, id) {
  document.title = "Chat · Lectern";
  const thread = document.createElement("lectern-thread");
  const bases = h("select", { name: "knowledge_base", "aria-label": "What is asked" }, h("option", { value: "" }, "All knowledge bases"));
  const welcome = h("div.welcome", {},
    h("h1", { tabindex: -1 }, "Ask your documents"),
    h("p.lead", {}, "Each answer names the passages that it rests on; a click on a number shows them."),
    h("div.row.suggestions"),
    h("p.aside", { hidden: true }, "There are no documents yet. ", h("a", { href: "#/documents" }, "Add some"), " to ask about them."));
  thread.start(session.api, {
    openSource: (source, citation) => openSource(session, source, citation),
    within: () => (bases.value ? { knowledge_base: bases.value } : {}),
    empty: welcome,
    onConversation: (begun) => {
      nameHere(`/chat/${begun}`);
      shell.path = `/chat/${begun}`;
      shell.refresh();
    },
    onAnswered: () => shell.mark(),
  });
  thread.composer.element.prepend(h("div.scope", {}, bases));
  attempt(async () => {
    const told = await session.api.get("/v1/knowledge-bases");
    bases.append(...told.knowledge_bases.map((base) => h("option", { value: base.id }, base.name)));
    const { documents } = await session.api.get("/v1/documents?limit=3");
    const found = documents.filter((one) => one.searchable);
    const place = welcome.querySelector(".suggestions");
    if (found.length) place.append(h("span.hint", {}, "There is, for example,"));
    place.append(...found.map((one) => h("a.button", { href: `#/documents/${one.id}` }, one.title || one.path)));
    welcome.querySelector(".aside").hidden = documents.length > 0;
  });
  thread.show(id ?? null).then(() => thread.composer.area.focus({ preventScroll: true }));
  return [thread];
}

function openSource(session, source, citation) {
  const view = documentView(session.api, source.document_id, {
    chunk: source.chunk_id,
    span: citation?.span ?? source.span,
    quote: citation?.quote ?? "",
  });
  dialog(source.title || source.path || "Document", view, { wide: true });
}
