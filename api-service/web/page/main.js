// The page begins here: who is signed in tells which screens there are.

import { createClient } from "../chat/client.js";
import { failed, h } from "../chat/dom.js";
import { Session, here } from "./session.js";
import { Shell, startRouter } from "./shell.js";
import { say } from "./ui.js";

const app = document.querySelector("#app");
const asked = new URLSearchParams(location.search);
let stopRouter = () => {};

async function begin() {
  try {
    const settings = await createClient({ base: here().replace(/\/$/, "") }).get("/v1/settings");
    const auth = new URL(settings.auth_url, location.href);
    if (auth.hostname === "localhost" && ["127.0.0.1", "[::1]"].includes(location.hostname)) {
      // The session’s cookie is of localhost, which this is by another name.
      location.hostname = "localhost";
      return;
    }
    const session = new Session(settings.auth_url.replace(/\/$/, ""));
    session.settings = settings;
    session.methods = await createClient({ base: session.auth.base }).get("/v1/sessions/methods");
    session.addEventListener("change", () => draw(session));
    await session.restore();
    await draw(session);
  } catch (error) {
    app.replaceChildren(h("main.alone", {}, h("h1", {}, "Lectern"), failed(error, begin)));
  }
}

async function draw(session) {
  stopRouter();
  if (!session.user || asked.has("reset")) return signIn(session);
  const shell = new Shell(session);
  const screen = (path, file, ...values) => open(shell, session, path, file, values);
  app.replaceChildren(shell.element);
  stopRouter = startRouter([
    [/^\/chat(?:\/([\w-]+))?$/, (id) => screen(id ? `/chat/${id}` : "/chat", "chat", id)],
    [/^\/documents$/, () => screen("/documents", "documents")],
    [/^\/documents\/([\w-]+)$/, (id) => screen(`/documents/${id}`, "../document-view", id)],
    [/^\/knowledge-bases$/, () => screen("/knowledge-bases", "knowledge-bases")],
    [/^\/knowledge-bases\/([\w-]+)$/, (id) => screen(`/knowledge-bases/${id}`, "documents", id)],
    [/^\/knowledge-bases\/([\w-]+)\/widget$/, (id) => screen(`/knowledge-bases/${id}/widget`, "widget-keys", id)],
    [/^\/account$/, () => screen("/account", "account")],
    [/^\/admin\/([\w-]+)$/, (part) => screen(`/admin/${part}`, "admin", part)],
    [/^/, () => screen("/chat", "chat")],
  ]);
}

async function signIn(session) {
  const { signInScreen } = await import("./screens/sign-in.js");
  const token = asked.get("reset") !== null ? asked.get("token") : null;
  const error = asked.get("error");
  for (const name of ["reset", "token", "error"]) asked.delete(name);
  history.replaceState(null, "", here() + location.hash);
  app.replaceChildren(signInScreen(session, { token, error }));
}

/** Shows a screen; what another one shows meanwhile goes before it. */
async function open(shell, session, path, file, values) {
  open.last = path;
  try {
    const { show } = await import(`./screens/${file}.js`);
    if (open.last === path) shell.show(path, show(session, shell, ...values));
  } catch (error) {
    say(error.message);
  }
}

begin();
