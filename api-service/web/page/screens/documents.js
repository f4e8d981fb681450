// The documents, how they are brought in, and new ones.

import { h } from "../../chat/dom.js";
import { isOver, JobWatch, progressOf, wordsOf } from "../jobs.js";
import { sendFiles, dropPlace } from "../uploads.js";
import { attempt, button, confirm, copied, dialog, empty, item, loaded, pages, quiet, say, screen } from "../ui.js";

/** @returns {Node} the screen of all documents, or of those in a knowledge base */
export function show(session, shell, baseId) {
  return loaded(async () => {
    const base = baseId && (await session.api.get(`/v1/knowledge-bases/${baseId}`));
    const mayAdd = !base || base.access !== "reader";
    const watch = new JobWatch(session.api);
    const told = await session.api.get("/v1/knowledge-bases");
    const changeable = new Set(told.knowledge_bases.filter((one) => one.access !== "reader").map((one) => one.id));
    const rows = new Rows(session, watch, changeable);
    const fresh = h("ul.list", { "aria-label": "New documents" });
    const take = (files) => rows.send(files, base?.id ?? "", fresh);
    const query = base ? `&knowledge_base=${base.id}` : "";
    const all = pages(async (after) => {
      const told = await session.api.get(`/v1/documents?limit=100&after=${after}${query}`);
      return { rows: told.documents.map((one) => rows.of(one)), next: told.next };
    }, empty("No documents here yet", mayAdd ? "Add files above. As soon as one is read, you can ask about it." : "Whoever may put documents in has not done so yet."));
    window.addEventListener("hashchange", () => watch.end(), { once: true });
    const title = base ? base.name : "Documents";
    const lead = base ? `A ${base.visibility} knowledge base` : "All that answers can come from. What you add goes to your own knowledge base.";
    return screen(title, lead, base ? [
      h("a.button", { href: "#/knowledge-bases" }, "All knowledge bases"),
      base.access === "manager" && h("a.button", { href: `#/knowledge-bases/${baseId}/widget` }, "On other sites"),
    ] : [],
      ...(mayAdd ? [dropPlace(take)] : []), h("div", {}, fresh, all));
  });
}

class Rows {
  constructor(session, watch, changeable) {
    Object.assign(this, { session, watch, changeable, api: session.api });
  }

  /** Sends files; each has a row at once. */
  send(files, base, list) {
    const rows = files.map(({ path }) => item(path, "Being sent"));
    list.prepend(...rows);
    say(files.length === 1 ? "One file is being sent." : `${files.length} files are being sent.`);
    sendFiles(this.session, files, {
      base,
      sent: (index, document_) => {
        this.changeable.add(document_.knowledge_base.id);
        rows[index].replaceWith(this.of(document_));
      },
      refused: (index, { message }) => {
        const { path } = files[index];
        const row = item(path, h("span", { role: "alert" }, message), quiet("Remove", path, () => row.remove()), { bad: true });
        rows[index].replaceWith(row);
      },
    });
  }

  /** The row of a document, which follows its job. */
  of(document_) {
    const row = h("li", { "data-document": document_.id });
    this.draw(row, document_);
    this.watch.follow(document_.job, async (job) => {
      document_ = { ...document_, job };
      // What it is called, its text has told by now.
      if (job.state === "ready") document_ = (await attempt(() => this.api.get(`/v1/documents/${document_.id}`))) ?? document_;
      this.draw(row, document_);
      if (isOver(job)) say(`${nameOf(document_)}: ${wordsOf(job)}`, true);
    });
    return row;
  }

  draw(row, document_) {
    const { id, job, knowledge_base } = document_;
    const name = nameOf(document_);
    const state = job.state === "ready" ? [knowledge_base.name, document_.path !== name && document_.path].filter(Boolean).join(" · ") : wordsOf(job);
    const made = item(name, state, this.actions(row, document_, name), { href: document_.searchable && `#/documents/${id}`, bad: job.state === "failed" });
    if (!isOver(job)) made.firstChild.append(progressOf(job));
    row.setAttribute("data-state", job.state);
    row.replaceChildren(...made.childNodes);
  }

  actions(row, document_, name) {
    const { id, job } = document_;
    const change = (path) => attempt(async () => {
      const job_ = await this.api.post(`/v1/jobs/${job.id}/${path}`);
      row.replaceWith(this.of({ ...document_, job: job_ }));
    });
    const share = document_.searchable && quiet("Share", name, () => this.share(id));
    if (!this.changeable.has(document_.knowledge_base.id)) return [share];
    if (!isOver(job)) return [quiet("Cancel", name, () => change("cancel"))];
    const remove = () => confirm("Delete the document", `“${name}” will be gone for good, and no answer comes from it any more.`, "Delete", async () => {
      await this.api.delete(`/v1/documents/${id}`);
      row.remove();
      say("The document is deleted.");
    });
    const again = job.state !== "ready" && quiet("Try again", name, () => change("retry"));
    return [again, share, quiet("Delete", name, remove)];
  }

  async share(id) {
    const link = await attempt(() => this.api.post(`/v1/documents/${id}/links`));
    if (!link) return;
    const url = new URL(link.url, `${this.api.base}/`).href;
    dialog("Share the document", [
      h("p", {}, "Whoever has this link can open the document for 15 minutes, without an account."),
      ...copied("link", url),
      h("p.hint", {}, "To share for longer, put it into a knowledge base and share that."),
    ]);
  }
}

const nameOf = (document_) => document_.title || document_.path || "Untitled";
