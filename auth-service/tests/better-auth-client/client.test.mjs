// The client that frontends use, unmodified, through every flow.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createAuthClient } from "better-auth/client";
import { jwtClient } from "better-auth/client/plugins";
import { getSessionCookie } from "better-auth/cookies";
import { createLocalJWKSet, createRemoteJWKSet, jwtVerify } from "jose";
import { Browser } from "./browser.mjs";
import { startProviders } from "./providers.mjs";
import { PAGE, start } from "./server.mjs";

const PASSWORD = "correct-horse-battery";
const isPage = (url) => url.startsWith(PAGE) || new URL(url).pathname === "/settings";

let providers;
let service;
let number = 0;

before(async () => {
  providers = await startProviders();
  service = await start(providers);
});

after(async () => {
  await service?.stop();
  await providers?.stop();
});

/** A browser with a client in its page. */
function visitor(fetchOptions = {}) {
  const browser = new Browser(PAGE);
  const client = createAuthClient({
    baseURL: service.url,
    plugins: [jwtClient()],
    fetchOptions: { customFetchImpl: browser.fetch, ...fetchOptions },
  });
  return { browser, client };
}

const freshEmail = (name) => `${name}.${(number += 1)}@example.com`;

/** A visitor who has just signed up. */
async function member(name, fields = {}) {
  const { browser, client } = visitor();
  const email = freshEmail(name);
  const { data, error } = await client.signUp.email({ email, password: PASSWORD, name, ...fields });
  assert.equal(error, null);
  return { browser, client, email, user: data.user, token: data.token };
}

const ok = ({ data, error }) => {
  assert.equal(error, null);
  return data;
};

const refused = ({ data, error }, status, code) => {
  assert.equal(data, null);
  assert.deepEqual([error.status, error.code], [status, code]);
};

test("sign-up keeps the profile, begins a session and gives dates", async () => {
  const { browser, client, email } = await member("ada", {
    softwareBackground: "Rust",
    hardwareBackground: "none",
  });
  assert.deepEqual(browser.cookieNames(), ["better-auth.session_token"]);
  const { user, session } = ok(await client.getSession());
  assert.equal(user.email, email);
  assert.deepEqual(
    [user.softwareBackground, user.hardwareBackground, user.interestArea],
    ["Rust", "none", null],
  );
  assert.equal(session.userId, user.id);
  assert.ok(session.expiresAt instanceof Date && user.createdAt instanceof Date);
  const days = (session.expiresAt - Date.now()) / 86_400_000;
  assert.ok(days > 6.9 && days <= 7);
  const request = new Request(PAGE, { headers: { cookie: browser.cookieHeader() } });
  assert.equal(getSessionCookie(request).split(".")[0], session.token);
});

test("sign-up refuses what the form must show", async () => {
  const { client } = visitor();
  const { email } = await member("ada");
  const wanted = { email, password: PASSWORD, name: "Ada" };
  refused(await client.signUp.email(wanted), 422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
  refused(await client.signUp.email({ ...wanted, email: "nope" }), 400, "VALIDATION_ERROR");
  const weak = { ...wanted, email: freshEmail("weak"), password: "short" };
  refused(await client.signUp.email(weak), 400, "PASSWORD_TOO_SHORT");
});

test("sign-in, the session store, and sign-out", async () => {
  const { email } = await member("bob");
  const { browser, client } = visitor();
  refused(
    await client.signIn.email({ email, password: "wrong-password" }),
    401,
    "INVALID_EMAIL_OR_PASSWORD",
  );
  refused(
    await client.signIn.email({ email: freshEmail("nobody"), password: PASSWORD }),
    401,
    "INVALID_EMAIL_OR_PASSWORD",
  );
  const seen = [];
  const forget = client.useSession.subscribe((state) => seen.push(state));
  const signedIn = ok(await client.signIn.email({ email, password: PASSWORD }));
  assert.equal(signedIn.redirect, false);
  await until(() => seen.at(-1)?.data?.user?.email === email);
  assert.deepEqual(ok(await client.signOut()), { success: true });
  await until(() => seen.at(-1)?.data === null && !seen.at(-1)?.isPending);
  forget();
  assert.deepEqual(browser.cookieNames(), []);
  assert.equal(ok(await client.getSession()), null);
  assert.deepEqual(ok(await client.signOut()), { success: true });
});

test("sign-in tells where to go, and never to another site", async () => {
  const { email } = await member("bob");
  const { client } = visitor();
  const back = ok(await client.signIn.email({ email, password: PASSWORD, callbackURL: "/dashboard" }));
  assert.deepEqual([back.redirect, back.url], [true, "/dashboard"]);
  for (const callbackURL of ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)"]) {
    refused(
      await client.signIn.email({ email, password: PASSWORD, callbackURL }),
      403,
      "INVALID_CALLBACK_URL",
    );
  }
});

test("a session that is not remembered lives a day", async () => {
  const { email } = await member("bob");
  const { browser, client } = visitor();
  ok(await client.signIn.email({ email, password: PASSWORD, rememberMe: false }));
  assert.deepEqual(browser.cookieNames(), [
    "better-auth.dont_remember",
    "better-auth.session_token",
  ]);
  const { session } = ok(await client.getSession());
  const hours = (session.expiresAt - Date.now()) / 3_600_000;
  assert.ok(hours > 23 && hours <= 24);
});

test("sessions are listed and ended from elsewhere", async () => {
  const first = await member("carol");
  const [second, third] = [visitor(), visitor()];
  for (const { client } of [second, third]) {
    ok(await client.signIn.email({ email: first.email, password: PASSWORD }));
  }
  const listed = ok(await first.client.listSessions());
  assert.equal(listed.length, 3);
  const theirs = ok(await second.client.getSession()).session;
  const other = listed.find((session) => session.id === theirs.id);
  assert.deepEqual(ok(await first.client.revokeSession({ token: other.token })), { status: true });
  assert.equal(ok(await second.client.getSession()), null);
  assert.deepEqual(ok(await first.client.revokeOtherSessions()), { status: true });
  assert.equal(ok(await third.client.getSession()), null);
  assert.equal(ok(await first.client.listSessions()).length, 1);
  assert.deepEqual(ok(await first.client.revokeSessions()), { status: true });
  assert.equal(ok(await first.client.getSession()), null);
  refused(await first.client.listSessions(), 401, "UNAUTHORIZED");
});

test("a listed token signs nobody in", async () => {
  const { browser, client, email } = await member("carol");
  const second = visitor();
  ok(await second.client.signIn.email({ email, password: PASSWORD }));
  const own = ok(await client.getSession()).session;
  const other = ok(await client.listSessions()).find((session) => session.id !== own.id);
  const thief = visitor({ auth: { type: "Bearer", token: other.token } });
  assert.equal(ok(await thief.client.getSession()), null);
  assert.ok(browser.cookieNames().length > 0);
});

test("a profile is changed", async () => {
  const { client } = await member("dave");
  assert.deepEqual(
    ok(await client.updateUser({ name: "David", image: "https://example.com/d.png", interestArea: "robots" })),
    { status: true },
  );
  const { user } = ok(await client.getSession());
  assert.deepEqual(
    [user.name, user.image, user.interestArea],
    ["David", "https://example.com/d.png", "robots"],
  );
  refused(await client.updateUser({ email: "else@example.com" }), 400, "EMAIL_CAN_NOT_BE_UPDATED");
});

test("a password is changed, and other sessions end with it", async () => {
  const { client, email } = await member("erin");
  const other = visitor();
  ok(await other.client.signIn.email({ email, password: PASSWORD }));
  refused(
    await client.changePassword({ currentPassword: "wrong-password", newPassword: "another-pass-1" }),
    400,
    "INVALID_PASSWORD",
  );
  const changed = ok(
    await client.changePassword({
      currentPassword: PASSWORD,
      newPassword: "another-pass-1",
      revokeOtherSessions: true,
    }),
  );
  assert.equal(typeof changed.token, "string");
  assert.equal(ok(await other.client.getSession()), null);
  assert.equal(ok(await client.getSession()).user.email, email);
  refused(await other.client.signIn.email({ email, password: PASSWORD }), 401, "INVALID_EMAIL_OR_PASSWORD");
  ok(await other.client.signIn.email({ email, password: "another-pass-1" }));
  assert.deepEqual(ok(await other.client.verifyPassword({ password: "another-pass-1" })), { status: true });
});

test("a forgotten password is set anew by mail", async () => {
  const { client, email } = await member("frank");
  const { browser, client: lost } = visitor();
  const asked = await lost.requestPasswordReset({ email, redirectTo: `${PAGE}/reset` });
  const nobody = await lost.requestPasswordReset({ email: freshEmail("nobody"), redirectTo: "/reset" });
  assert.deepEqual(ok(asked), ok(nobody));
  const mail = await service.mailTo(email, "reset-password");
  assert.ok(mail.text.includes(mail.url) && mail.url.includes(mail.token));
  const landed = new URL(await browser.open(mail.url, isPage));
  const token = landed.searchParams.get("token");
  refused(await lost.resetPassword({ newPassword: "short", token }), 400, "PASSWORD_TOO_SHORT");
  assert.deepEqual(ok(await lost.resetPassword({ newPassword: "brand-new-pass", token })), { status: true });
  refused(await lost.resetPassword({ newPassword: "brand-new-pass", token }), 400, "INVALID_TOKEN");
  ok(await lost.signIn.email({ email, password: "brand-new-pass" }));
  assert.equal(ok(await client.getSession()), null);
});

test("an address is verified by mail, once", async () => {
  const { browser, client, email } = await member("grace");
  assert.deepEqual(ok(await client.sendVerificationEmail({ email, callbackURL: "/settings" })), { status: true });
  const mail = await service.mailTo(email, "verify-email");
  const landed = new URL(await browser.open(mail.url, isPage));
  assert.equal(landed.searchParams.get("error"), null);
  assert.equal(ok(await client.getSession()).user.emailVerified, true);
  const again = new URL(await browser.open(mail.url, isPage));
  assert.notEqual(again.searchParams.get("error"), null);
  refused(await client.verifyEmail({ query: { token: "garbage" } }), 401, "INVALID_TOKEN");
  refused(await client.sendVerificationEmail({ email }), 400, "EMAIL_ALREADY_VERIFIED");
});

test("an address is changed: the old one confirms, the new one verifies", async () => {
  const { browser, client, email } = await member("heidi");
  ok(await client.sendVerificationEmail({ email, callbackURL: "/settings" }));
  await browser.open((await service.mailTo(email, "verify-email")).url, isPage);
  const newEmail = freshEmail("heidi.new");
  assert.deepEqual(ok(await client.changeEmail({ newEmail, callbackURL: "/settings" })), { status: true });
  await browser.open((await service.mailTo(email, "change-email-confirmation")).url, isPage);
  assert.equal(ok(await client.getSession()).user.email, email);
  await browser.open((await service.mailTo(newEmail, "verify-email")).url, isPage);
  const { user } = ok(await client.getSession());
  assert.deepEqual([user.email, user.emailVerified], [newEmail, true]);
});

test("an account is deleted", async () => {
  const { client, email } = await member("ivan");
  refused(await client.deleteUser({ password: "wrong-password" }), 400, "INVALID_PASSWORD");
  const gone = ok(await client.deleteUser({ password: PASSWORD }));
  assert.deepEqual(gone, { success: true, message: "User deleted" });
  assert.equal(ok(await client.getSession()), null);
  refused(await client.signIn.email({ email, password: PASSWORD }), 401, "INVALID_EMAIL_OR_PASSWORD");
});

test("JWTs verify with the published keys", async () => {
  const { client, user } = await member("judy");
  const { token } = ok(await client.token());
  const documented = ok(await client.$fetch("/jwt"));
  assert.equal(documented.user.id, user.id);
  const local = createLocalJWKSet(ok(await client.$fetch("/jwks")));
  const remote = createRemoteJWKSet(new URL(`${service.url}/api/auth/jwks`));
  for (const [jwt, keys] of [[token, local], [documented.token, remote]]) {
    const { payload, protectedHeader } = await jwtVerify(jwt, keys, { algorithms: ["EdDSA"] });
    assert.equal(protectedHeader.alg, "EdDSA");
    assert.deepEqual(
      [payload.sub, payload.id, payload.email, payload.name],
      [user.id, user.id, user.email, user.name],
    );
  }
  const stranger = visitor();
  assert.equal((await stranger.client.token()).error.status, 401);
});

test("a bearer token does what the cookie does", async () => {
  const { email } = await member("kim");
  let bearer = null;
  const { client } = visitor();
  await client.signIn.email(
    { email, password: PASSWORD },
    { onSuccess: ({ response }) => (bearer = response.headers.get("set-auth-token")) },
  );
  const app = visitor({ auth: { type: "Bearer", token: () => bearer } });
  assert.equal(ok(await app.client.getSession()).user.email, email);
  assert.ok(ok(await app.client.token()).token);
  ok(await app.client.signOut());
  assert.equal(ok(await client.getSession()), null);
});

test("Google signs in, GitHub is linked and unlinked", async () => {
  const { browser, client } = visitor();
  const email = freshEmail("gina");
  providers.signInAs({ id: "g-1", email, name: "Gina Google", picture: "https://example.com/g.png" });
  const begun = ok(
    await client.signIn.social({
      provider: "google",
      callbackURL: `${PAGE}/dashboard`,
      newUserCallbackURL: `${PAGE}/welcome`,
      errorCallbackURL: `${PAGE}/error`,
    }),
  );
  assert.equal(begun.redirect, true);
  assert.equal(await browser.open(begun.url, (url) => url.startsWith(PAGE)), `${PAGE}/welcome`);
  const { user } = ok(await client.getSession());
  assert.deepEqual(
    [user.email, user.emailVerified, user.name, user.image],
    [email, true, "Gina Google", "https://example.com/g.png"],
  );
  const [google] = ok(await client.listAccounts());
  assert.deepEqual([google.providerId, google.accountId], ["google", "g-1"]);
  const access = ok(await client.getAccessToken({ accountId: google.id }));
  assert.ok(access.accessToken && access.accessTokenExpiresAt instanceof Date);
  assert.notEqual(ok(await client.refreshToken({ accountId: google.id })).accessToken, access.accessToken);
  const info = ok(await client.accountInfo({ query: { accountId: google.id } }));
  assert.equal(info.user.email, email);

  providers.signInAs({ id: "4290978", email, login: "gina", picture: "https://example.com/h.png" });
  const linking = ok(await client.linkSocial({ provider: "github", callbackURL: `${PAGE}/settings` }));
  assert.equal(await browser.open(linking.url, (url) => url.startsWith(PAGE)), `${PAGE}/settings`);
  const accounts = ok(await client.listAccounts());
  assert.deepEqual(accounts.map((account) => account.providerId).sort(), ["github", "google"]);
  const github = accounts.find((account) => account.providerId === "github");
  assert.deepEqual(ok(await client.unlinkAccount({ accountId: github.id })), { status: true });
  refused(await client.unlinkAccount({ accountId: google.id }), 400, "FAILED_TO_UNLINK_LAST_ACCOUNT");
  refused(await client.signIn.social({ provider: "nobody" }), 404, "PROVIDER_NOT_FOUND");
});

test("another browser can't finish a sign-in", async () => {
  const [mine, theirs] = [visitor(), visitor()];
  providers.signInAs({ id: "g-2", email: freshEmail("gus"), name: "Gus", picture: null });
  const begun = ok(
    await mine.client.signIn.social({ provider: "google", callbackURL: "/", errorCallbackURL: `${PAGE}/error` }),
  );
  const landed = await theirs.browser.open(begun.url, (url) => url.startsWith(PAGE));
  assert.equal(landed, `${PAGE}/error?error=state_mismatch`);
  assert.equal(ok(await theirs.client.getSession()), null);
});

test("API keys are made, used, changed and deleted", async () => {
  const { client, user } = await member("mallory");
  const made = ok(await client.apiKey.create({ name: "ci", prefix: "phx_", expiresIn: 86_400 * 30 }));
  assert.ok(made.key.startsWith("phx_") && made.key.length === 68);
  const { apiKeys, total } = ok(await client.apiKey.list());
  assert.equal(total, 1);
  assert.deepEqual([apiKeys[0].id, apiKeys[0].start, apiKeys[0].key], [made.id, "phx_" + made.key.slice(4, 6), undefined]);
  const program = visitor({ headers: { "x-api-key": made.key } });
  assert.equal(ok(await program.client.getSession()).user.id, user.id);
  assert.ok(ok(await program.client.token()).token);
  assert.equal(ok(await client.apiKey.get({ query: { id: made.id } })).name, "ci");
  assert.equal(ok(await client.apiKey.update({ keyId: made.id, enabled: false })).enabled, false);
  refused(await program.client.getSession(), 401, "KEY_DISABLED");
  assert.deepEqual(ok(await client.apiKey.delete({ keyId: made.id })), { success: true });
  refused(await program.client.getSession(), 401, "INVALID_API_KEY");
});

test("a page of another site can't act with our cookies", async () => {
  const { browser, client } = await member("niaj");
  const evil = await fetch(`${service.url}/api/auth/change-email`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      cookie: browser.cookieHeader(),
      origin: "https://evil.test",
    },
    body: JSON.stringify({ newEmail: "evil@example.com" }),
  });
  assert.equal(evil.status, 403);
  assert.equal((await evil.json()).code, "INVALID_ORIGIN");
  assert.deepEqual(ok(await client.$fetch("/ok")), { ok: true });
});

test("the log holds no secret and no address", () => {
  assert.doesNotMatch(service.log(), /@example\.com|correct-horse|phx_|Bearer|a-secret-of-the-tests/);
});

/** Waits for something that comes by itself, ten seconds at most. */
async function until(holds) {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    assert.ok(Date.now() < deadline, "it never came");
    await new Promise((done) => setTimeout(done, 5));
  }
}
