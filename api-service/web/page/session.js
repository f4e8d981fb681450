// Who is signed in. The session is an HttpOnly cookie of auth-service; the
// access token for api-service is kept in memory alone.

import { createClient, Problem } from "../chat/client.js";

/** How long before its end a token is replaced, in milliseconds. */
const EARLY = 60_000;

const expiryOf = (token) => JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).exp * 1000;

/** A session at auth-service, and clients of both services that carry its token. */
export class Session extends EventTarget {
  /** @param {string} authUrl auth-service, as browsers reach it */
  constructor(authUrl) {
    super();
    const token = (fresh) => this.token(fresh);
    this.user = null;
    this.cookies = createClient({ base: `${authUrl}/api/auth`, cookies: true });
    this.auth = createClient({ base: authUrl, token });
    this.api = createClient({ base: document.baseURI.replace(/[?#].*$/, "").replace(/\/$/, ""), token });
  }

  /** The access token, or null where nobody is signed in. */
  async token(fresh = false) {
    if (fresh) this.held = null;
    if (this.held && expiryOf(this.held) - Date.now() > EARLY) return this.held;
    this.asking ??= this.cookies.get("/token").finally(() => (this.asking = null));
    try {
      this.held = (await this.asking).token;
    } catch (error) {
      if (error.status !== 401) throw error;
      this.held = null;
      if (this.user) this.left();
    }
    return this.held;
  }

  /** Takes up the session that the browser has a cookie of, if it has one. */
  async restore() {
    if (!(await this.cookies.get("/get-session"))) return null;
    if (await this.token()) this.user = await this.auth.get("/v1/me");
    return this.user;
  }

  /** Signs in. The mail that goes to an address not yet verified leads back here. */
  async signIn(email, password) {
    await this.cookies.post("/sign-in/email", { email, password, rememberMe: true, callbackURL: here() });
    await this.entered();
  }

  /** Signs up. @returns {Promise<boolean>} false where a mail must be opened first */
  async signUp(name, email, password) {
    const told = await this.cookies.post("/sign-up/email", { name, email, password, callbackURL: here() });
    if (!told.token) return false;
    await this.entered();
    return true;
  }

  /** Leaves for Google or GitHub. */
  async signInWith(provider) {
    const told = await this.cookies.post("/sign-in/social", { provider, callbackURL: here(), errorCallbackURL: here() });
    location.assign(told.url);
  }

  /** Ends the session. */
  async signOut() {
    await this.cookies.post("/sign-out");
    this.left();
  }

  async entered() {
    this.held = null;
    if (!(await this.restore())) throw new Problem(401, "no_cookie", "Your browser kept no cookie of the sign-in. Allow cookies for this site, and try again.");
    this.dispatchEvent(new Event("change"));
  }

  /** The session is over. */
  left() {
    this.user = null;
    this.held = null;
    this.dispatchEvent(new Event("change"));
  }
}

/** This page’s address, without what follows it. */
export const here = () => location.origin + location.pathname;
