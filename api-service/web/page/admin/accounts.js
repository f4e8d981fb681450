// Accounts, and what was done with them.

import { h } from "../../chat/dom.js";
import { ask, attempt, button, confirm, empty, field, input, item, moment, pages, quiet, say, search, select, table } from "../ui.js";

const ROLES = [["user", "User"], ["admin", "Administrator"]];

/** @returns {Node[]} all accounts, found by name or address */
export function users(session) {
  const { auth } = session;
  const list = pages(async (after, words) => {
    const told = await auth.get(`/v1/admin/users?search=${encodeURIComponent(words)}&after=${after}`);
    return { rows: told.users.map(row), next: told.next };
  }, empty("Nobody is called that", "Look for a part of a name or an address."));

  function row(user) {
    const { email } = user;
    const made = item(user.name, [`${email}${user.email_verified ? "" : " (not verified)"}, since `, moment(user.created_at)], user.id === session.user.id ? [] : [
      quiet("Change", email, () => change(user, made)),
      quiet("Sign out", email, () => attempt(async () => {
        const { ended } = await auth.delete(`/v1/admin/users/${user.id}/sessions`);
        say(`${ended} sessions are ended.`);
      })),
      quiet("Delete", email, () => remove(user, made)),
    ], { badges: [user.role === "admin" && "administrator", user.disabled_at && "disabled"] });
    return made;
  }

  function change(user, made) {
    ask(`Change ${user.name}`, "Save", [
      field("Name", input("name", { value: user.name, required: true })),
      field("E-mail address", input("email", { type: "email", value: user.email, required: true })),
      field("Role", select("role", ROLES, user.role)),
      field("Account", select("disabled", [["", "Enabled"], ["yes", "Disabled: can’t sign in"]], user.disabled_at ? "yes" : "")),
    ], async ({ disabled, ...values }) => {
      made.replaceWith(row(await auth.patch(`/v1/admin/users/${user.id}`, { ...values, disabled: disabled === "yes" })));
    });
  }

  function remove(user, made) {
    confirm("Delete the account", `${user.email}, with all documents and conversations, will be gone for good.`, "Delete", async () => {
      await auth.delete(`/v1/admin/users/${user.id}`);
      made.remove();
      say("The account is deleted.");
    });
  }

  function add() {
    ask("A new account", "Make it", [
      field("Name", input("name", { required: true })),
      field("E-mail address", input("email", { type: "email", required: true })),
      field("Password", input("password", { type: "password", required: true, autocomplete: "new-password" }), "Tell it to them; they can change it."),
      field("Role", select("role", ROLES, "user")),
    ], async (values) => {
      await auth.post("/v1/admin/users", values);
      list.redraw();
    });
  }

  return [h("div.row.tools", {}, search("Search accounts", list.redraw), button("New account", add, { name: "plus" })), list];
}

/** @returns {Node[]} the log, the newest first */
export function auditLog(session) {
  const list = pages(async (after, target) => {
    const told = await session.auth.get(`/v1/admin/audit-log?target=${encodeURIComponent(target)}&after=${after}`);
    const rows = told.entries.map((one) => [moment(one.at), one.act.replace(/[._]/g, " "), one.actor ?? "–", one.target ?? "–", one.ip ?? "–"]);
    return { rows: rows.map((cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell)))), next: told.next };
  }, empty("Nothing is logged of this", "Sign-ins, changes of accounts and the like stand here."), (rows) => {
    const made = table("The audit log", ["When", "What", "By", "Whose account", "From"], []);
    made.querySelector("tbody").append(...rows);
    return made;
  });
  return [h("div.row.tools", {}, search("The ID of an account", list.redraw)), list];
}
