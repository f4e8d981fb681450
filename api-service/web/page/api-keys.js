// API keys, with which programs act for an account.

import { h } from "../chat/dom.js";
import { attempt, button, confirm, dialog, empty, field, form, input, loaded, moment, say, select } from "./ui.js";

const SCOPES = [
  ["chat", "Ask questions"],
  ["search", "Search"],
  ["documents:read", "Read documents"],
  ["documents:write", "Add and delete documents"],
];
const DAY = 86_400;

/** The part of the account page that is about keys. */
export function keySection(session) {
  const place = h("div");
  const draw = () => place.replaceChildren(loaded(() => list(session, draw)));
  draw();
  return h("section.section", {}, h("div", {}, h("h2", {}, "API keys"), h("p.lead", {}, "With a key, a program acts for you.")), place,
    h("div.row", {}, button("Make a key", () => make(session, draw))));
}

async function list(session, draw) {
  const { api_keys } = await session.auth.get("/v1/api-keys");
  if (!api_keys.length) return empty("No keys yet", "A program of yours needs one to ask, search or add documents.");
  return h("ul.list", {}, api_keys.map((key) => {
    const name = key.name ?? key.start;
    const until = key.expires_at ? [", until ", moment(key.expires_at)] : [];
    const change = (enabled) => attempt(async () => {
      await session.auth.patch(`/v1/api-keys/${key.id}`, { enabled });
      draw();
    });
    return h("li", {},
      h("div.what", {}, h("span.name", {}, name, " ", !key.enabled && h("span.badge", {}, "paused")), h("span.sub", {}, `${key.start}… · ${key.scopes.join(", ")}`, ...until)),
      h("div.row", {},
        button(key.enabled ? "Pause" : "Go on", () => change(!key.enabled), { look: "quiet", "aria-label": `${key.enabled ? "Pause" : "Go on with"} the key ${name}` }),
        button("Delete", () => confirm("Delete the key", `Programs that use “${name}” will be turned away at once.`, "Delete", async () => {
          await session.auth.delete(`/v1/api-keys/${key.id}`);
          draw();
        }), { look: "quiet", "aria-label": `Delete the key ${name}` })));
  }));
}

function make(session, draw) {
  const scopes = SCOPES.map(([scope, words]) => h("label.check", {}, input(`scope ${scope}`, { type: "checkbox", checked: true }), words));
  const made = dialog("A new API key", form("Make the key", [
    field("Name", input("name", { required: true, maxlength: 32 }), "What it is for."),
    h("fieldset", {}, h("legend", {}, "It may"), scopes),
    field("It holds", select("days", [["30", "30 days"], ["90", "90 days"], ["365", "A year"], ["", "For ever"]], "90")),
  ], async ({ name, days, ...rest }) => {
    const wanted = Object.keys(rest).map((key) => key.replace("scope ", ""));
    const key = await session.auth.post("/v1/api-keys", { name, scopes: wanted, ...(days ? { expires_in: days * DAY } : {}) });
    made.close();
    draw();
    dialog("Your new key", [
      h("p", {}, "It is shown this once. Keep it like a password."),
      h("p.secret", {}, key.key),
      h("div.row", {}, button("Copy the key", () => navigator.clipboard.writeText(key.key).then(() => say("The key is copied.")), { look: "primary" })),
    ]);
  }));
}
