//! Where we answer otherwise than the recorded Better Auth, each with the
//! reason; the README says the same to people. And what the recordings leave
//! out: whose a token is, which sessions were made older, which bodies were
//! sent as no JSON.

/// Flows that are not replayed, and why.
pub const ELSEWHERE: &[(&str, &str)] = &[
    ("12-social-sign-in", "its providers are asked"),
    ("13-oauth-callback", "its providers are asked"),
    ("15b-error-page-dev", "there is no mode for development"),
    (
        "17-rate-limit-default",
        "the limits are our own, and tested with them",
    ),
    (
        "17b-rate-limit-doc",
        "the limits are our own, and tested with them",
    ),
    (
        "18-cookie-cache",
        "a revoked session must not live on in a cookie",
    ),
    ("21-api-key", "not yet"),
    ("23-curl", "holds no exchanges"),
];

/// Paths that are not served yet.
pub const WAITING: &[&str] = &["/api/auth/unlink-account", "/api/auth/sign-in/social"];

/// Exchanges that are answered otherwise on purpose: flow, exchange, reason.
pub const DIFFERENT: &[(&str, &str, &str)] = &[
    (
        "08-change-email",
        "verification link again (old address no longer exists)",
        "a link works once",
    ),
    (
        "10-password-reset",
        "old path /forget-password",
        "older clients still call it",
    ),
    (
        "10-password-reset",
        "old session is still valid (revokeSessionsOnPasswordReset off by default)",
        "whoever knew the old password may have it",
    ),
    (
        "11-email-verification",
        "verify, expired token",
        "the recorded token was never mailed; ours are not JWTs",
    ),
    (
        "11-email-verification",
        "verify again with callbackURL",
        "a link works once",
    ),
    (
        "01-sign-up-email",
        "empty name is accepted",
        "a person without a name is called by the first part of their address",
    ),
    (
        "01-sign-up-email",
        "password of 8",
        "12345678 is among the first passwords that anybody guesses",
    ),
    (
        "03b-session-refresh-expiry",
        "expired: null, cookies cleared, row deleted",
        "an expired session buys no access token",
    ),
    (
        "15-misc",
        "path outside basePath",
        "it is another surface's to answer",
    ),
    ("15-misc", "root", "it tells what this is"),
    (
        "15-misc",
        "OPTIONS (no CORS layer)",
        "allowed origins are answered",
    ),
    (
        "15-misc",
        "trailing slash",
        "a trailing slash never matters",
    ),
    ("15-misc", "1 MiB body", "bodies are at most 64 KiB long"),
    (
        "15-misc",
        "lone surrogate + NUL in JSON",
        "says which field is wrong",
    ),
    (
        "22-cors-app-layer",
        "preflight",
        "names the headers that are allowed",
    ),
];

/// The exchange whose token was made without a mail.
pub const NEVER_MAILED: (&str, &str) = ("11-email-verification", "verify, expired token");

/// The owners of tokens that no answer tells of, by how the token begins.
pub const OWNERS: &[(&str, &str)] = &[("IpQTrS", "second"), ("h6Uv1j", "another")];

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
