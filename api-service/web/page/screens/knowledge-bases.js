// Knowledge bases: which there are, who sees them, and with whom they are shared.

import { h } from "../../chat/dom.js";
import { button, confirm, dialog, empty, field, form, input, loaded, say, screen, select } from "../ui.js";

const SEEN = { private: "Seen by its owner, and those it is shared with", members: "Seen by everyone who has signed in", public: "Seen by everyone" };
const MAY = { reader: "you may read it", editor: "you may add documents", manager: "you manage it" };
const VISIBILITIES = [["private", "Private: you, and those you share it with"], ["members", "Members: everyone who has signed in"], ["public", "Public: everyone"]];

/** @returns {Node} the screen of all knowledge bases */
export function show(session) {
  const { api } = session;
  const isAdmin = session.user.role === "admin";
  const choices = isAdmin ? VISIBILITIES : VISIBILITIES.slice(0, 2);
  const list = () => loaded(async (again) => {
    const { knowledge_bases } = await api.get("/v1/knowledge-bases");
    if (!knowledge_bases.length) return empty("No knowledge bases yet", "A knowledge base holds documents that belong together, and can be shared.", button("Make one", make, { look: "primary" }));
    return h("ul.list", {}, knowledge_bases.map((base) => row(base, again)));
  });
  const place = h("div", {}, list());
  const redraw = () => place.replaceChildren(list());

  function make() {
    const made = dialog("A new knowledge base", form("Make it", [
      field("Name", input("name", { required: true, maxlength: 100 })),
      field("Who sees it", select("visibility", choices, "private")),
      field("Language", input("language", { maxlength: 2, placeholder: "as its documents tell" }), "A code such as en or de. Left empty, the first documents tell it."),
    ], async ({ name, visibility, language }) => {
      await api.post("/v1/knowledge-bases", { name, visibility, ...(language ? { language } : {}) });
      made.close();
      redraw();
    }));
  }

  function row(base) {
    const manages = base.access === "manager";
    const label = (verb) => ({ look: "quiet", "aria-label": `${verb} ${base.name}` });
    const buttons = manages ? [
      button("Change", () => change(base), label("Change")),
      base.visibility === "public" ? null : button("Share", () => share(base), label("Share")),
      button("Delete", () => remove(base), label("Delete")),
    ].filter(Boolean) : [];
    return h("li", {}, h("div.what", {},
      h("a.name", { href: `#/knowledge-bases/${base.id}` }, base.name),
      h("span.sub", {}, `${SEEN[base.visibility]}; ${MAY[base.access] ?? ""}`)), h("div.row", {}, buttons));
  }

  function change(base) {
    const made = dialog(`Change “${base.name}”`, form("Save", [
      field("Name", input("name", { value: base.name, required: true, maxlength: 100 })),
      field("Who sees it", select("visibility", base.visibility === "public" ? VISIBILITIES : choices, base.visibility)),
      field("Language", input("language", { value: base.language ?? "", maxlength: 2 }), "A code such as en or de."),
    ], async ({ name, visibility, language }) => {
      await api.patch(`/v1/knowledge-bases/${base.id}`, { name, visibility, ...(language ? { language } : {}) });
      made.close();
      redraw();
    }));
  }

  function remove(base) {
    confirm("Delete the knowledge base", `“${base.name}” and all documents in it will be gone for good.`, "Delete", async () => {
      await api.delete(`/v1/knowledge-bases/${base.id}`);
      redraw();
      say("The knowledge base is deleted.");
    });
  }

  function share(base) {
    const path = `/v1/knowledge-bases/${base.id}/shares`;
    const shares = h("div");
    const draw = () => shares.replaceChildren(loaded(async () => {
      const told = await api.get(path);
      if (!told.shares.length) return h("p.note", {}, "It is shared with nobody yet.");
      return h("ul.list", {}, told.shares.map(({ user_id, role }) => h("li", {},
        h("div.what", {}, h("span.name", {}, user_id), h("span.sub", {}, role === "editor" ? "May add documents" : "May read")),
        button("End", async () => {
          await api.delete(`${path}/${user_id}`);
          draw();
        }, { look: "quiet", "aria-label": `End sharing with ${user_id}` }))));
    }));
    dialog(`Share “${base.name}”`, [
      form("Share", [
        field("Their ID", input("user", { required: true, pattern: "[0-9a-f-]{36}", title: "An ID such as 01a20117-089a-74a4-84f8-aa6f01aab947" }), "They find it on their account page."),
        field("They may", select("role", [["reader", "Read"], ["editor", "Read, and add documents"]], "reader")),
      ], async ({ user, role }, made) => {
        await api.put(`${path}/${user}`, { role });
        made.reset();
        draw();
      }, { said: "It is shared." }),
      shares,
    ]);
    draw();
  }

  return screen("Knowledge bases", "Documents that belong together, and who may read them.", [button("New knowledge base", make, { look: "primary", name: "plus" })], place);
}
