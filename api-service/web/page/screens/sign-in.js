// Signing up, signing in, and a forgotten password.

import { h } from "../../chat/dom.js";
import { button, field, form, input } from "../ui.js";
import { here } from "../session.js";

const PROVIDERS = { google: "Google", github: "GitHub" };

/** What a provider’s refusal means, by its code in the address. */
const REFUSALS = {
  account_not_linked: "An account with this address exists already. Sign in with its password, and link the provider there.",
  INVALID_TOKEN: "This link has been used, or is too old. Ask for another one.",
};

/** What helps where the service says too little, by its code. */
const HELP = {
  INVALID_EMAIL_OR_PASSWORD: "The address or the password is wrong. Check both, or set a new password.",
  EMAIL_NOT_VERIFIED: "Your address is not verified yet. Open the link in the mail that we have just sent.",
};

function explain(error) {
  error.message = HELP[error.code] ?? error.message;
  throw error;
}

const email = () => field("E-mail address", input("email", { type: "email", required: true, autocomplete: "username" }));

/**
 * @param {object} session
 * @param {{token: string | null, error: string | null}} linked what a link of a mail, or a provider, brought
 */
export function signInScreen(session, { token, error }) {
  const panel = h("div.panel");
  const show = (title, ...content) => {
    document.title = `${title} · Lectern`;
    panel.replaceChildren(h("h1", { tabindex: -1 }, title), ...content.filter(Boolean));
  };
  const { methods } = session;
  const hint = `At least ${methods.password_min_length} characters. A few words are easy to keep in mind.`;
  const secret = (label, autocomplete, help, name = "password") =>
    field(label, input(name, { type: "password", required: true, autocomplete }), help);
  const others = () => methods.providers.map((provider) =>
    button(`Continue with ${PROVIDERS[provider]}`, () => session.signInWith(provider).catch((problem) => signIn(problem.message)), { look: "wide-button" }));
  const divided = (made) => (methods.providers.length ? [...others(), h("p.or", {}, "or"), made] : [made]);

  function signIn(refusal) {
    show("Sign in",
      refusal && h("p.notice.failed", { role: "alert" }, refusal),
      ...divided(form("Sign in", [email(), secret("Password", "current-password")], ({ email: address, password }) => session.signIn(address, password).catch(explain))),
      methods.mail && h("p.aside", {}, button("Forgot your password?", () => forgot(), { look: "text" })),
      h("p.aside", {}, "New here? ", button("Make an account", () => signUp(), { look: "text" })));
  }

  function signUp() {
    show("Make an account",
      ...divided(form("Make the account", [
        field("Name", input("name", { required: true, autocomplete: "name", maxlength: 100 })),
        email(), secret("Password", "new-password", hint),
      ], async (values) => {
        if (!(await session.signUp(values.name, values.email, values.password))) mailed(values.email);
      })),
      h("p.aside", {}, "You have one? ", button("Sign in", () => signIn(), { look: "text" })));
  }

  function forgot() {
    show("A new password", h("p", {}, "We send a link to the address of your account. It sets a new password."),
      form("Send the link", [email()], async (values) => {
        await session.cookies.post("/request-password-reset", { email: values.email, redirectTo: `${here()}?reset=1` });
        mailed(values.email);
      }),
      h("p.aside", {}, button("Back to sign in", () => signIn(), { look: "text" })));
  }

  function mailed(address) {
    show("Look into your mail", h("p", {}, "If there is something to do for ", h("strong", {}, address), ", a mail is on its way. Open the link in it."),
      h("p.aside", {}, button("Back to sign in", () => signIn(), { look: "text" })));
    panel.querySelector("h1").focus();
  }

  function reset() {
    show("Set a new password", form("Set the password", [secret("New password", "new-password", hint)], async ({ password }) => {
      await session.cookies.post("/reset-password", { newPassword: password, token });
      signIn();
      panel.prepend(h("p.notice", { role: "status" }, "The new password is set. Sign in with it."));
    }));
  }

  if (token) reset();
  else signIn(error && (REFUSALS[error] ?? "That did not work. Try again, or sign in another way."));
  return h("main.alone", {}, h("p.brand", {}, "Lectern"), panel,
    h("p.aside", {}, "Answers about your documents, with the passage that each one rests on."));
}
