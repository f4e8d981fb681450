// The account of whoever is signed in.

import { h } from "../../chat/dom.js";
import {
  ask, attempt, button, confirm, copied, dialog, download, empty, field, form, input, item, loaded, moment, quiet, say, screen, section, select,
} from "../ui.js";

const SCOPES = [
  ["chat", "Ask questions"],
  ["search", "Search"],
  ["documents:read", "Read documents"],
  ["documents:write", "Add and delete documents"],
];
const DAY = 86_400;

/** @returns {Node} the screen of the account */
export function show(session, shell) {
  const { user } = session;
  return screen("Account", user.email, [button("Sign out", () => attempt(() => session.signOut()))],
    profile(session, shell), sessions(session), password(session), keys(session), data(session));
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
  const list = loaded(async () => {
    const told = await session.auth.get("/v1/sessions");
    const end = (path, text) => () => attempt(async () => {
      await session.auth.delete(path);
      say(text);
      list.redraw();
    });
    const rows = told.sessions.map((one) => {
      const name = browserOf(one.user_agent);
      const over = end(`/v1/sessions/${one.id}`, "The session is ended.");
      return item(name, [`${one.ip ?? "unknown address"}, since `, moment(one.created_at)], [!one.current && quiet("End", `the session of ${name}`, over)],
        { badges: [one.current && "this one"] });
    });
    const all = rows.length > 1 && h("div.row", {}, button("End all others", end("/v1/sessions?keep=current", "All other sessions are ended.")));
    return [h("ul.list", {}, rows), all].filter(Boolean);
  });
  return section("Sessions", "Where you are signed in.", list);
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

/** API keys, with which programs act for the account. */
function keys(session) {
  const place = loaded(() => keyList(session, place.redraw));
  return section("API keys", "With a key, a program acts for you.", place, h("div.row", {}, button("Make a key", () => makeKey(session, place.redraw))));
}

async function keyList({ auth }, draw) {
  const { api_keys } = await auth.get("/v1/api-keys");
  if (!api_keys.length) return empty("No keys yet", "A program of yours needs one to ask, search or add documents.");
  return h("ul.list", {}, api_keys.map((key) => {
    const name = key.name ?? key.start;
    const path = `/v1/api-keys/${key.id}`;
    const until = key.expires_at ? [", until ", moment(key.expires_at)] : [];
    return item(name, [`${key.start}… · ${key.scopes.join(", ")}`, ...until], [
      quiet(key.enabled ? "Pause" : "Resume", name, () => attempt(() => auth.patch(path, { enabled: !key.enabled }).then(() => draw()))),
      quiet("Delete", name, () => confirm("Delete the key", `Programs that use “${name}” will be turned away at once.`, "Delete", () => auth.delete(path).then(() => draw()))),
    ], { badges: [!key.enabled && "paused"] });
  }));
}

function makeKey(session, draw) {
  const scopes = SCOPES.map(([scope, words]) => h("label.check", {}, input(`scope ${scope}`, { type: "checkbox", checked: true }), words));
  ask("A new API key", "Make the key", [
    field("Name", input("name", { required: true, maxlength: 32 }), "What it is for."),
    h("fieldset", {}, h("legend", {}, "It may"), scopes),
    field("It holds", select("days", [["30", "30 days"], ["90", "90 days"], ["365", "A year"], ["", "For ever"]], "90")),
  ], async ({ name, days, ...rest }) => {
    const wanted = Object.keys(rest).map((key) => key.replace("scope ", ""));
    const { key } = await session.auth.post("/v1/api-keys", { name, scopes: wanted, ...(days ? { expires_in: days * DAY } : {}) });
    draw();
    return () => dialog("Your new key", [h("p", {}, "It is shown this once. Keep it like a password."), ...copied("key", key)]);
  });
}

function data(session) {
  const take = button("Export my conversations", () => attempt(async () => {
    const response = await session.api.open("GET", "/v1/conversations/export");
    download("conversations.jsonl", await response.blob());
  }));
  const clear = button("Delete all conversations", () =>
    confirm("Delete all conversations", "All your questions and their answers will be gone for good.", "Delete all", async () => {
      const { deleted } = await session.api.delete("/v1/conversations");
      say(`${deleted} conversations are deleted.`);
    }));
  const end = button("Delete my account", () => {
    const made = ask("Delete the account", "Delete my account", [
      h("p", {}, "Your documents, conversations and keys will be gone for good."),
      field("Your password", input("password", { type: "password", required: true, autocomplete: "current-password" })),
    ], async (values) => {
      const response = await session.auth.open("DELETE", "/v1/me", { body: values });
      if (response.status === 202) say("A mail is on its way; the link in it deletes the account.");
      else session.left();
    });
    made.querySelector(".primary").classList.add("danger");
  });
  return section("Your data", "Take it with you, or delete it.", h("div.row", {}, take, clear, end));
}
