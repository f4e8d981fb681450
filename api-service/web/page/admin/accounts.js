// Accounts, and what was done with them.

import { h } from "../../chat/dom.js";
import { attempt, button, confirm, dialog, empty, field, form, input, moment, pages, say, select, table } from "../ui.js";

const ROLES = [["user", "User"], ["admin", "Administrator"]];

/** @returns {Node[]} all accounts, found by name or address */
export function users(session) {
  const { auth } = session;
  const place = h("div");
  const draw = (words = "") => place.replaceChildren(pages(async (after) => {
    const told = await auth.get(`/v1/admin/users?search=${encodeURIComponent(words)}&after=${after}`);
    return { rows: told.users.map(row), next: told.next };
  }, empty("Nobody is called that", "Look for a part of a name or an address.")));

  function row(user) {
    const label = (verb) => ({ look: "quiet", "aria-label": `${verb} ${user.email}` });
    const made = h("li", {},
      h("div.what", {}, h("span.name", {}, user.name, " ",
        user.role === "admin" && h("span.badge", {}, "administrator"), user.disabled_at && h("span.badge", {}, "disabled")),
      h("span.sub", {}, `${user.email}${user.email_verified ? "" : " (not verified)"}, since `, moment(user.created_at))),
      h("div.row", {}, user.id === session.user.id ? [] : [
        button("Change", () => change(user, made), label("Change")),
        button("Sign out", () => attempt(async () => {
          const { ended } = await auth.delete(`/v1/admin/users/${user.id}/sessions`);
          say(`${ended} sessions are ended.`);
        }), label("Sign out")),
        button("Delete", () => remove(user, made), label("Delete")),
      ]));
    return made;
  }

  function change(user, made) {
    const box = dialog(`Change ${user.name}`, form("Save", [
      field("Name", input("name", { value: user.name, required: true })),
      field("E-mail address", input("email", { type: "email", value: user.email, required: true })),
      field("Role", select("role", ROLES, user.role)),
      field("Account", select("disabled", [["", "Enabled"], ["yes", "Disabled: can’t sign in"]], user.disabled_at ? "yes" : "")),
    ], async ({ disabled, ...values }) => {
      made.replaceWith(row(await auth.patch(`/v1/admin/users/${user.id}`, { ...values, disabled: disabled === "yes" })));
      box.close();
    }));
  }

  function remove(user, made) {
    confirm("Delete the account", `${user.email}, with all documents and conversations, will be gone for good.`, "Delete", async () => {
      await auth.delete(`/v1/admin/users/${user.id}`);
      made.remove();
      say("The account is deleted.");
    });
  }

  function add() {
    const box = dialog("A new account", form("Make it", [
      field("Name", input("name", { required: true })),
      field("E-mail address", input("email", { type: "email", required: true })),
      field("Password", input("password", { type: "password", required: true, autocomplete: "new-password" }), "Tell it to them; they can change it."),
      field("Role", select("role", ROLES, "user")),
    ], async (values) => {
      await auth.post("/v1/admin/users", values);
      box.close();
      draw();
    }));
  }

  let timer;
  const find = input("search", { type: "search", placeholder: "Search by name or address", "aria-label": "Search accounts", oninput: (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => draw(event.target.value.trim()), 250);
  } });
  draw();
  return [h("div.row.tools", {}, find, button("New account", add, { name: "plus" })), place];
}

/** @returns {Node[]} the log, the newest first */
export function auditLog(session) {
  const place = h("div");
  const draw = (target = "") => place.replaceChildren(pages(async (after) => {
    const told = await session.auth.get(`/v1/admin/audit-log?target=${encodeURIComponent(target)}&after=${after}`);
    const rows = told.entries.map((one) => [moment(one.at), one.act.replace(/[._]/g, " "), one.actor ?? "–", one.target ?? "–", one.ip ?? "–"]);
    return { rows: rows.map((cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell)))), next: told.next };
  }, empty("Nothing is logged of this", "Sign-ins, changes of accounts and the like stand here."), (rows) => {
    const made = table("The audit log", ["When", "What", "By", "Whose account", "From"], []);
    made.querySelector("tbody").append(...rows);
    return made;
  }));
  const find = input("target", { type: "search", placeholder: "The ID of an account", "aria-label": "Whose account", onchange: (event) => draw(event.target.value.trim()) });
  draw();
  return [h("div.row.tools", {}, find), place];
}
