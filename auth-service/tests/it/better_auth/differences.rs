//! Where we answer otherwise than the recorded Better Auth, each with the
//! reason; the README says the same to people. And what the recordings leave
//! out: whose a token is, which sessions were made older, which bodies were
//! sent as no JSON.

const NAME: &str = "Someone who signs up without a name is called by the part of their address before the `@`: everybody has a name here.";
const COMMON: &str = "The most common passwords are refused with `PASSWORD_COMPROMISED`, as they are the first that anybody guesses; `PASSWORD_BLOCKLIST=off` ends that.";
const EXPIRED: &str = "`get-session` with an expired session clears the cookies and carries no `set-auth-jwt`: an expired session buys no access token.";
const ONCE: &str = "A link in a mail works once. Its token is random and stored as a hash; Better Auth's is a JWT that works again within its hour.";
const RESET: &str = "A password reset ends all sessions of the account: whoever knew the old password may have one.";
const OLD_PATHS: &str = "`POST /forget-password`, the older name of `/request-password-reset`, is still served, for older clients.";
const BESIDE: &str =
    "Paths outside `/api/auth` belong to the other surfaces and have their errors.";
const SLASH: &str = "A slash at a path's end never matters.";
const CORS: &str = "Preflights are answered for `ALLOWED_ORIGINS`, with the methods and headers that are in use; Better Auth leaves them to the app around it.";
const LIMITS: &str = "Bodies have at most 64 KiB; longer ones are answered by 413 `PAYLOAD_TOO_LARGE` before they are read.";
const CONTROL: &str = "A control character in a name is refused with 400 `INVALID_NAME`; Better Auth lets the database fail.";
const NO_DEV: &str = "`/error` always redirects, as Better Auth does in production; there is no page for development.";
const WAITS: &str = "After five wrong passwords for one address, known or not, everybody has to wait, whatever their IP: Better Auth counts by IP alone, of which a guesser has many.";
const NO_CACHE: &str = "There is no cookie cache: `session_data` is never set, and cleared where an earlier server left it. In it a revoked session would live on for minutes.";

/// Exchanges that are answered otherwise on purpose: flow, exchange, reason.
pub const DIFFERENT: &[(&str, &str, &str)] = &[
    ("01-sign-up-email", "empty name is accepted", NAME),
    ("01-sign-up-email", "password of 8", COMMON),
    ("15-misc", "proto pollution keys", COMMON),
    (
        "03b-session-refresh-expiry",
        "expired: null, cookies cleared, row deleted",
        EXPIRED,
    ),
    (
        "08-change-email",
        "verification link again (old address no longer exists)",
        ONCE,
    ),
    (
        "11-email-verification",
        "verify again with callbackURL",
        ONCE,
    ),
    ("11-email-verification", "verify, expired token", ONCE),
    ("10-password-reset", "old path /forget-password", OLD_PATHS),
    (
        "10-password-reset",
        "old session is still valid (revokeSessionsOnPasswordReset off by default)",
        RESET,
    ),
    ("15-misc", "path outside basePath", BESIDE),
    ("15-misc", "root", BESIDE),
    ("15-misc", "trailing slash", SLASH),
    ("15-misc", "OPTIONS (no CORS layer)", CORS),
    ("22-cors-app-layer", "preflight", CORS),
    ("15-misc", "1 MiB body", LIMITS),
    ("15-misc", "lone surrogate + NUL in JSON", CONTROL),
    ("15b-error-page-dev", "error page in development", NO_DEV),
    ("17b-rate-limit-doc", "sign-in attempt 10", WAITS),
    (
        "18-cookie-cache",
        "sign-in sets two cookies (client)",
        NO_CACHE,
    ),
    (
        "18-cookie-cache",
        "get-session, disableCookieCache",
        NO_CACHE,
    ),
    (
        "18-cookie-cache",
        "get-session, tampered session_data",
        NO_CACHE,
    ),
    ("18-cookie-cache", "rememberMe false", NO_CACHE),
    ("18-cookie-cache", "sign-out", NO_CACHE),
];

/// The exchange whose token was made without a mail.
pub const NEVER_MAILED: (&str, &str) = ("11-email-verification", "verify, expired token");

/// The owners of tokens that no answer tells of, or not in time, by how the
/// token begins: address and name.
pub const OWNERS: &[(&str, &str, &str)] = &[
    ("IpQTrS", "second@example.com", "second"),
    ("h6Uv1j", "another@example.com", "another"),
    ("wY5FF1", "ce.4ad58bea@example.com", "Ada Lovelace"),
    ("bWEb7L", "ak.78073c3f@example.com", "Ada Lovelace"),
];

/// The accounts that were there and never signed in: flow, address.
pub const PRESENT: &[(&str, &str)] = &[
    ("08-change-email", "taken.f9717d49@example.com"),
    ("13-oauth-callback", "password@example.com"),
];

/// The requests that were sent more often than recorded: flow, exchange, how
/// often before.
pub const REPEATED: &[(&str, &str, usize)] = &[("17b-rate-limit-doc", "sign-in attempt 10", 8)];

/// The exchanges before which the shown session was made older: flow, exchange,
/// days.
pub const AGED: &[(&str, &str, i64)] = &[
    (
        "03b-session-refresh-expiry",
        "older than updateAge: expiresAt moved to now+7d, cookie re-issued, same token",
        2,
    ),
    ("03b-session-refresh-expiry", "disableRefresh: no update", 2),
    (
        "03b-session-refresh-expiry",
        "expired: null, cookies cleared, row deleted",
        8,
    ),
    ("03b-session-refresh-expiry", "not fresh: list-sessions", 2),
];

/// The bodies that the recordings give in other words.
pub const SENT: &[(&str, &str)] = &[("JSON null", "null"), ("JSON string", "\"x\"")];
