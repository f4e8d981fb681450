// The account of whoever is signed in.

import { h } from "../../chat/dom.js";
import { keySection } from "../api-keys.js";
import { button, confirm, dialog, download, field, form, input, loaded, moment, say, screen } from "../ui.js";

const section = (title, lead, ...content) => h("section.section", {}, h("div", {}, h("h2", {}, title), lead && h("p.lead", {}, lead)), ...content);

/** @returns {Node} the screen of the account */
export function show(session, shell) {
  const { user } = session;
  return screen("Account", user.email, [button("Sign out", () => session.signOut().catch((error) => say(error.message)))],
    profile(session, shell), sessions(session), password(session), keySection(session), data(session));
}

/** `softwareBackground` as people write it. */
const words = (name) => name.replace(/([a-z])([A-Z])/g, "$1 $2").replace(/^./, (first) => first.toUpperCase()).replace(/ [A-Z]/g, (one) => one.toLowerCase());

function profile(session, shell) {
  const { user, methods } = session;
  const fields = methods.profile_fields.map((name) =>
    field(words(name), h("textarea", { name, rows: 2, maxlength: 2000 }, user.profile[name] ?? "")));
  return section("Profile", "What you say of yourself helps answers to meet you where you are.",
    form("Save", [
      field("Name", input("name", { value: user.name, required: true, autocomplete: "name", maxlength: 100 })),
      ...fields,
    ], async ({ name, ...rest }) => {
      const said = Object.fromEntries(Object.entries(rest).map(([key, text]) => [key, text.trim() || null]));
      session.user = await session.auth.patch("/v1/me", { name, profile: said });
      shell.side.querySelector(".who-name").textContent = session.user.name;
    }, { said: "Saved." }),
    h("p.hint", {}, "Your ID, for people who share a knowledge base with you: ", h("code", {}, user.id)));
}

function sessions(session) {
  const draw = () => loaded(async (again) => {
    const told = await session.auth.get("/v1/sessions");
    const end = (path, text) => async () => {
      await session.auth.delete(path);
      say(text);
      again();
    };
    const rows = told.sessions.map((one) => h("li", {},
      h("div.what", {}, h("span.name", {}, browserOf(one.user_agent), one.current && " ", one.current && h("span.badge", {}, "this one")),
        h("span.sub", {}, `${one.ip ?? "unknown address"}, since `, moment(one.created_at))),
      one.current ? null : button("End", end(`/v1/sessions/${one.id}`, "The session is ended."), { look: "quiet", "aria-label": `End the session of ${browserOf(one.user_agent)}` })));
    const all = rows.length > 1 && h("div.row", {}, button("End all others", end("/v1/sessions?keep=current", "All other sessions are ended.")));
    return [h("ul.list", {}, rows), all].filter(Boolean);
  });
  return section("Sessions", "Where you are signed in.", draw());
}

function browserOf(agent) {
  if (!agent) return "An unknown program";
  const browser = /(Firefox|Edg|OPR|Chrome|Safari)\//.exec(agent)?.[1];
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(agent)?.[1];
  const names = { Edg: "Edge", OPR: "Opera" };
  return browser ? `${names[browser] ?? browser}${system ? ` on ${system}` : ""}` : agent.slice(0, 60);
}

function password(session) {
  return section("Password", null, form("Change the password", [
    input("username", { type: "hidden", value: session.user.email, autocomplete: "username" }),
    field("Current password", input("currentPassword", { type: "password", required: true, autocomplete: "current-password" })),
    field("New password", input("newPassword", { type: "password", required: true, autocomplete: "new-password" }), `At least ${session.methods.password_min_length} characters. You stay signed in here, and nowhere else.`),
  ], async ({ currentPassword, newPassword }, made) => {
    await session.cookies.post("/change-password", { currentPassword, newPassword, revokeOtherSessions: true });
    session.held = null;
    made.reset();
  }, { said: "The password is changed." }));
}

function data(session) {
  const take = button("Export my conversations", async () => {
    try {
      const response = await session.api.open("GET", "/v1/conversations/export");
      download("conversations.jsonl", await response.blob());
    } catch (error) {
      say(error.message);
    }
  });
  const clear = button("Delete all conversations", () =>
    confirm("Delete all conversations", "All your questions and their answers will be gone for good.", "Delete all", async () => {
      const { deleted } = await session.api.delete("/v1/conversations");
      say(`${deleted} conversations are deleted.`);
    }));
  const end = button("Delete my account", () => {
    const made = dialog("Delete the account", form("Delete my account", [
      h("p", {}, "Your documents, conversations and keys will be gone for good."),
      field("Your password", input("password", { type: "password", required: true, autocomplete: "current-password" })),
    ], async (values) => {
      const response = await session.auth.open("DELETE", "/v1/me", { body: values });
      made.close();
      if (response.status === 202) return say("A mail is on its way; the link in it deletes the account.");
      return session.left();
    }));
    made.querySelector(".primary").classList.add("danger");
  });
  return section("Your data", "Take it with you, or delete it.", h("div.row", {}, take, clear, end));
}
