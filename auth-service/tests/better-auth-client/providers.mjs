// Google and GitHub as far as a client of theirs can tell: the authorization
// code flow with PKCE, signed id_tokens, and who the person is.

import { createHash, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { SignJWT, exportJWK, generateKeyPair } from "jose";

const CLIENT = { id: "client-of-ours", secret: "a-secret-of-the-tests" };

/** Starts both; `person` is who signs in next. */
export async function startProviders() {
  const keys = await generateKeyPair("RS256");
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: "one", alg: "RS256", use: "sig" };
  const state = { person: null, grants: new Map(), people: new Map() };
  const server = createServer((request, response) => {
    answer(state, keys, jwk, request).then(
      ({ status = 200, location, json }) => {
        response.writeHead(status, {
          "content-type": "application/json",
          ...(location ? { location } : {}),
        });
        response.end(json === undefined ? "" : JSON.stringify(json));
      },
      (error) => {
        response.writeHead(400, { "content-type": "application/json" });
        response.end(JSON.stringify({ error: "invalid_request", error_description: String(error) }));
      },
    );
  });
  server.listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const base = `http://127.0.0.1:${server.address().port}`;
  return {
    base,
    settings: {
      GOOGLE_CLIENT_ID: CLIENT.id,
      GOOGLE_CLIENT_SECRET: CLIENT.secret,
      OAUTH_GOOGLE_AUTHORIZE_URL: `${base}/google/authorize`,
      OAUTH_GOOGLE_TOKEN_URL: `${base}/google/token`,
      OAUTH_GOOGLE_JWKS_URL: `${base}/google/jwks`,
      OAUTH_GOOGLE_USERINFO_URL: `${base}/google/userinfo`,
      GITHUB_CLIENT_ID: CLIENT.id,
      GITHUB_CLIENT_SECRET: CLIENT.secret,
      OAUTH_GITHUB_AUTHORIZE_URL: `${base}/github/authorize`,
      OAUTH_GITHUB_TOKEN_URL: `${base}/github/token`,
      OAUTH_GITHUB_USERINFO_URL: `${base}/github/user`,
    },
    signInAs(person) {
      state.person = person;
    },
    stop: () => new Promise((done) => server.close(done)),
  };
}

async function answer(state, keys, jwk, request) {
  const url = new URL(request.url, "http://localhost");
  const [, provider, ...rest] = url.pathname.split("/");
  switch (rest.join("/")) {
    case "authorize":
      return authorize(state, url.searchParams);
    case "token":
      return token(state, keys, provider, new URLSearchParams(await text(request)), request);
    case "jwks":
      return { json: { keys: [jwk] } };
    case "userinfo":
      return { json: googleClaims(owner(state, request)) };
    case "user":
      return { json: githubUser(owner(state, request)) };
    case "user/emails":
      return { json: githubEmails(owner(state, request)) };
    default:
      return { status: 404, json: {} };
  }
}

function authorize(state, asked) {
  must(asked.get("response_type") === "code", "response_type");
  must(asked.get("client_id") === CLIENT.id, "client_id");
  must(asked.get("code_challenge_method") === "S256", "PKCE");
  const code = randomUUID();
  state.grants.set(code, {
    person: state.person,
    challenge: asked.get("code_challenge"),
    redirect: asked.get("redirect_uri"),
  });
  const back = new URL(asked.get("redirect_uri"));
  back.searchParams.set("code", code);
  back.searchParams.set("state", asked.get("state"));
  return { status: 302, location: back.href };
}

async function token(state, keys, provider, form, request) {
  const basic = `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString("base64")}`;
  const known = form.get("client_secret") === CLIENT.secret || request.headers.authorization === basic;
  must(known, "client authentication");
  const refresh = form.get("grant_type") === "refresh_token";
  const person = refresh ? state.people.get(form.get("refresh_token")) : redeem(state, form);
  must(person, "grant");
  const access = `access-${randomUUID()}`;
  state.people.set(access, person);
  if (provider === "github") {
    return { json: { access_token: access, token_type: "bearer", scope: "read:user,user:email" } };
  }
  const next = `refresh-${randomUUID()}`;
  state.people.set(next, person);
  const idToken = await new SignJWT(googleClaims(person))
    .setProtectedHeader({ alg: "RS256", kid: "one" })
    .setIssuer("https://accounts.google.com")
    .setAudience(CLIENT.id)
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(keys.privateKey);
  return {
    json: {
      access_token: access,
      refresh_token: next,
      id_token: idToken,
      expires_in: 3600,
      token_type: "Bearer",
      scope: "openid email profile",
    },
  };
}

function redeem(state, form) {
  const grant = state.grants.get(form.get("code"));
  state.grants.delete(form.get("code"));
  must(grant, "code");
  const challenge = createHash("sha256").update(form.get("code_verifier")).digest("base64url");
  must(challenge === grant.challenge, "code_verifier");
  must(form.get("redirect_uri") === grant.redirect, "redirect_uri");
  return grant.person;
}

const googleClaims = (person) => ({
  sub: person.id,
  email: person.email,
  email_verified: true,
  name: person.name,
  picture: person.picture,
});

const githubUser = (person) => ({
  id: Number(person.id),
  login: person.login,
  name: null,
  email: null,
  avatar_url: person.picture,
});

const githubEmails = (person) => [{ email: person.email, primary: true, verified: true }];

function owner(state, request) {
  const person = state.people.get((request.headers.authorization ?? "").split(" ")[1]);
  must(person, "access token");
  return person;
}

async function text(request) {
  let body = "";
  for await (const part of request) body += part;
  return body;
}

function must(holds, what) {
  if (!holds) throw new Error(what);
}
