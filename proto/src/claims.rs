//! The payload of an access token (RFC 7519), as auth-service signs it and
//! api-service reads it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The `typ` of an access token's header (RFC 9068, section 2.1): a token of
/// another kind is never taken for one.
pub const TOKEN_TYPE: &str = "at+jwt";

/// The issuer that is named where none is configured.
pub const DEFAULT_ISSUER: &str = "lectern";

/// The audience that is named where none is configured.
pub const DEFAULT_AUDIENCE: &str = "lectern";

/// The most seconds for which a token is issued: a year.
pub const LONGEST_LIFETIME: i64 = 365 * 24 * 60 * 60;

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
    /// The session that the token was issued for (UUIDv7): when the session
    /// ends, so does the token.
    pub sid: String,
    /// What the user may do.
    pub roles: Vec<Role>,
    /// The user's e-mail address, lower-case.
    pub email: String,
    /// The user's display name.
    pub name: String,
    /// What else a surface's clients look for in a token. Nobody on our side
    /// reads it.
    #[serde(flatten, skip_deserializing)]
    pub more: BTreeMap<String, Value>,
}

impl Claims {
    /// The names that [`Claims::more`] must not use.
    pub const NAMES: [&str; 11] = [
        "iss", "aud", "sub", "iat", "nbf", "exp", "jti", "sid", "roles", "email", "name",
    ];

    /// The role with the most rights among the roles.
    pub fn role(&self) -> Role {
        if self.roles.contains(&Role::Admin) {
            Role::Admin
        } else {
            Role::User
        }
    }
}

/// Whether a token's header says that it is an access token: with or without
/// the prefix, in any case (RFC 9068, section 4; RFC 7515, section 4.1.9).
pub fn is_access_token(typ: Option<&str>) -> bool {
    let typ = typ.unwrap_or_default().to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ) == TOKEN_TYPE
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_tokens_say_so() {
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt"] {
            assert!(is_access_token(Some(typ)), "{typ}");
        }
        for typ in ["", "JWT", "application/", "application/jwt", "at+jwt "] {
            assert!(!is_access_token(Some(typ)), "{typ}");
        }
        assert!(!is_access_token(None));
    }
}
