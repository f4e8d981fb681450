//! The payload of an access token (RFC 7519), as auth-service signs it and
//! api-service reads it.

use serde::{Deserialize, Serialize};

/// The issuer that is named where none is configured.
pub const DEFAULT_ISSUER: &str = "lectern";

/// The audience that is named where none is configured.
pub const DEFAULT_AUDIENCE: &str = "lectern";

/// The payload of an access token. Times are seconds since the Unix epoch, as
/// RFC 7519 section 2 defines `NumericDate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who signed the token: auth-service's `JWT_ISSUER`.
    pub iss: String,
    /// For whom it was signed: `JWT_AUDIENCE`.
    pub aud: String,
    /// The user's id (UUIDv7).
    pub sub: String,
    /// When the token was signed.
    pub iat: i64,
    /// The first second at which it holds.
    pub nbf: i64,
    /// The first second at which it no longer holds.
    pub exp: i64,
    /// This token's own id (UUIDv7).
    pub jti: String,
    /// The user's e-mail address, lower-case.
    pub email: String,
    /// The user's display name.
    pub name: String,
    /// What the user may do beyond their own things.
    pub role: Role,
    /// The session that the token was issued for (UUIDv7): when the session
    /// ends, so does the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
}

/// What a user may do beyond their own things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Manages users and public knowledge.
    Admin,
    /// Asks, and manages knowledge of their own.
    User,
}

impl Role {
    /// The word that stands for the role in tokens, databases and gRPC.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
        }
    }

    /// The role that a stored word stands for, if it is one.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "admin" => Some(Self::Admin),
            "user" => Some(Self::User),
            _ => None,
        }
    }
}
