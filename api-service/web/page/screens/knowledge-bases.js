// Knowledge bases: which there are, who sees them, and with whom they are shared.

import { h } from "../../chat/dom.js";
import { ask, attempt, button, confirm, dialog, empty, field, form, input, item, loaded, quiet, say, screen, select } from "../ui.js";

const SEEN = { private: "Seen by its owner, and those it is shared with", members: "Seen by everyone who has signed in", public: "Seen by everyone" };
const MAY = { reader: "you may read it", editor: "you may add documents", manager: "you manage it" };
const VISIBILITIES = [["private", "Private: you, and those you share it with"], ["members", "Members: everyone who has signed in"], ["public", "Public: everyone"]];

/** @returns {Node} the screen of all knowledge bases */
export function show(session) {
  const { api } = session;
  const isAdmin = session.user.role === "admin";
  const choices = isAdmin ? VISIBILITIES : VISIBILITIES.slice(0, 2);
  const list = loaded(async () => {
    const { knowledge_bases } = await api.get("/v1/knowledge-bases");
    if (!knowledge_bases.length) return empty("No knowledge bases yet", "A knowledge base holds documents that belong together, and can be shared.", button("Make one", make, { look: "primary" }));
    return h("ul.list", {}, knowledge_bases.map(row));
  });

  /** Asks for what a knowledge base is like, and sends it. */
  function terms(title, label, base, send) {
    const { name = "", visibility = "private", language } = base;
    ask(title, label, [
      field("Name", input("name", { value: name, required: true, maxlength: 100 })),
      field("Who sees it", select("visibility", visibility === "public" ? VISIBILITIES : choices, visibility)),
      field("Language", input("language", { value: language ?? "", maxlength: 2, placeholder: "as its documents tell" }), "A code such as en or de. Left empty, the first documents tell it."),
    ], async ({ language: code, ...rest }) => {
      await send({ ...rest, ...(code ? { language: code } : {}) });
      list.redraw();
    });
  }

  const make = () => terms("A new knowledge base", "Make it", {}, (values) => api.post("/v1/knowledge-bases", values));

  function row(base) {
    const manages = base.access === "manager";
    const path = `/v1/knowledge-bases/${base.id}`;
    return item(base.name, `${SEEN[base.visibility]}; ${MAY[base.access] ?? ""}`, manages ? [
      quiet("Change", base.name, () => terms(`Change “${base.name}”`, "Save", base, (values) => api.patch(path, values))),
      base.visibility !== "public" && quiet("Share", base.name, () => share(base)),
      quiet("Delete", base.name, () => remove(base)),
    ] : [], { href: `#/knowledge-bases/${base.id}` });
  }

  function remove(base) {
    confirm("Delete the knowledge base", `“${base.name}” and all documents in it will be gone for good.`, "Delete", async () => {
      await api.delete(`/v1/knowledge-bases/${base.id}`);
      list.redraw();
      say("The knowledge base is deleted.");
    });
  }

  function share(base) {
    const path = `/v1/knowledge-bases/${base.id}/shares`;
    const shares = loaded(async () => {
      const told = await api.get(path);
      if (!told.shares.length) return h("p.note", {}, "It is shared with nobody yet.");
      return h("ul.list", {}, told.shares.map(({ user_id, role }) =>
        item(user_id, role === "editor" ? "May add documents" : "May read",
          quiet("End", `sharing with ${user_id}`, () => attempt(() => api.delete(`${path}/${user_id}`).then(() => shares.redraw()))))));
    });
    dialog(`Share “${base.name}”`, [
      form("Share", [
        field("Their ID", input("user", { required: true, pattern: "[0-9a-f-]{36}", title: "An ID such as 01a20117-089a-74a4-84f8-aa6f01aab947" }), "They find it on their account page."),
        field("They may", select("role", [["reader", "Read"], ["editor", "Read, and add documents"]], "reader")),
      ], async ({ user, role }, made) => {
        await api.put(`${path}/${user}`, { role });
        made.reset();
        shares.redraw();
      }, { said: "It is shared." }),
      shares,
    ]);
  }

  return screen("Knowledge bases", "Documents that belong together, and who may read them.", [button("New knowledge base", make, { look: "primary", name: "plus" })], list);
}
