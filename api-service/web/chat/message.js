// One message of a conversation, as elements.

import { confirmOn, h, iconButton } from "./dom.js";
import { renderMarkdown } from "./markdown.js";

const KINDS = {
  extractive: "In the documents’ own words",
  nothing_found: "Nothing was found",
};

/** A question. `edit` is called with the new text. */
export function questionElement(message, edit) {
  const text = h("p.said", {}, message.content);
  const block = h("article.message.question", { "aria-label": "You asked" }, text);
  if (message.id) {
    const button = iconButton("edit", "Edit this question", () => beginEdit(block, message, edit));
    block.append(h("div.actions", {}, button));
  }
  return block;
}

function beginEdit(block, message, edit) {
  const before = [...block.childNodes];
  const area = h("textarea", { rows: 3, "aria-label": "Your question", name: "question" }, message.content);
  const cancel = () => {
    block.replaceChildren(...before);
    block.querySelector("button")?.focus();
  };
  const form = h("form.edit", {
    onsubmit: (event) => {
      event.preventDefault();
      if (area.value.trim()) edit(message, area.value.trim());
    },
    onkeydown: (event) => event.key === "Escape" && cancel(),
  }, area, h("div.row", {}, h("button.primary", {}, "Ask again"), h("button", { type: "button", onclick: cancel }, "Cancel")));
  block.replaceChildren(form);
  area.focus();
}

/**
 * An answer, which is drawn anew as more of it comes.
 * @param {object} actions `openSource(source, citation)`, `again(answer)`, `rate(answer, rating)`
 */
export class AnswerElement {
  constructor(answer, actions) {
    this.answer = answer;
    this.actions = actions;
    this.notices = h("div.notices");
    this.body = h("div.prose");
    this.foot = h("div.foot");
    this.element = h("article.message.answer", { "aria-label": "Answer" }, this.notices, this.body, this.foot);
    this.draw();
  }

  /** Draws what is known now; at most once a frame. */
  update() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const { answer } = this;
    const { content, citations, unsupported, running } = answer;
    const chip = (number, citation) => this.chip(number, citation);
    const waiting = running && !content;
    this.element.toggleAttribute("data-running", running);
    this.notices.replaceChildren(...answer.notices.map((notice) => h("p.notice", {}, notice.detail)));
    this.body.replaceChildren(
      waiting
        ? h("p.waiting", {}, answer.sources.length ? "Reading the passages…" : "Looking through the documents…")
        : renderMarkdown(content, { citations, unsupported: running ? [] : unsupported, chip }),
    );
    this.foot.replaceChildren(...(running ? [] : this.footer()));
  }

  chip(number, citation) {
    const source = this.answer.sources.find((one) => one.number === number);
    if (!source) return null;
    const weak = citation && !citation.supported;
    const place = placeOf(source);
    const label = `Source ${number}: ${source.title}${place ? `, ${place}` : ""}${weak ? ", which may not say this" : ""}`;
    return h(`button.chip${weak ? ".weak" : ""}`, {
      type: "button",
      "aria-label": label,
      title: label,
      onclick: () => this.actions.openSource(source, citation),
    }, String(number));
  }

  footer() {
    const { answer } = this;
    const parts = [];
    if (answer.unsupported.length && answer.kind === "generated") {
      parts.push(h("p.note", {}, h("span.unsupported", {}, "Underlined"), " words are not backed by any of the sources."));
    }
    if (answer.failure) parts.push(h("p.notice.failed", {}, answer.failure));
    if (answer.stopped) parts.push(h("p.note", {}, "You stopped this answer."));
    const cited = new Set(answer.citations.map((citation) => citation.number));
    const shown = answer.sources.filter((source) => cited.has(source.number));
    if (shown.length) parts.push(this.sourceList(shown));
    parts.push(this.buttons());
    return parts;
  }

  sourceList(sources) {
    const rows = sources.map((source) => {
      const citation = this.answer.citations.find((one) => one.number === source.number);
      return h("li", {}, h("button.source", { type: "button", onclick: () => this.actions.openSource(source, citation) },
        h("span.number", {}, String(source.number)),
        h("span.where", {}, h("span.title", {}, source.title || source.path || "Untitled"), h("span.place", {}, placeOf(source)))));
    });
    return h("ul.sources", { "aria-label": "Sources" }, rows);
  }

  buttons() {
    const { answer, actions } = this;
    const row = h("div.actions");
    const copy = iconButton("copy", "Copy the answer", async () => {
      await navigator.clipboard.writeText(answer.content);
      confirmOn(copy, "Copied");
    });
    if (answer.content) row.append(copy);
    if (answer.id) row.append(iconButton("again", "Answer again", () => actions.again(answer)));
    if (answer.id && answer.content) row.append(...this.ratings());
    if (KINDS[answer.kind]) row.append(h("span.kind", {}, KINDS[answer.kind]));
    return row;
  }

  ratings() {
    const rated = this.answer.feedback?.rating;
    const button = (rating, label) => iconButton(rating, label, async () => {
      await this.actions.rate(this.answer, rated === rating ? null : rating);
      this.draw();
      this.foot.querySelector(`[data-rating=${rating}]`)?.focus();
    }, { "aria-pressed": String(rated === rating), "data-rating": rating });
    return [button("up", "A good answer"), button("down", "A bad answer")];
  }
}

/** Where in its document a source stands, for people: its page or its heading. */
export function placeOf(source) {
  const headings = (source.heading ?? "").split(" › ").filter((heading) => heading && heading !== source.title);
  const page = source.page ? `page ${source.page}` : "";
  return [page, headings.join(" › ")].filter(Boolean).join(" · ");
}
