//! Bodies about sessions and access tokens.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    super::{
        body::{Fields, FromFields},
        error::BetterAuthError,
    },
    SessionBody, UserBody,
};
use crate::{
    app::{App, sessions::Current},
    domain::signing_key::PublicKey,
};

/// What `GET /get-session` answers to someone who is signed in.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BetterAuthSessionAndUser")]
pub struct SessionAndUser {
    session: SessionBody,
    user: UserBody,
}

impl SessionAndUser {
    /// What `current` is on the wire, under its own token.
    pub fn new(app: &App, current: Current, token: String) -> Self {
        Self {
            user: UserBody::new(app, &current.user),
            session: SessionBody::new(current.session, token),
        }
    }

    /// The same where an API key stands for a session.
    pub fn of_key(app: &App, current: Current, key: String) -> Self {
        Self {
            user: UserBody::new(app, &current.user),
            session: SessionBody::of_key(current.session, key),
        }
    }
}

/// The body of `POST /revoke-session`.
pub struct RevokeBody {
    /// The session's token, or what stands for it in a list.
    pub token: String,
}

impl FromFields for RevokeBody {
    fn read(fields: &mut Fields, _: &App) -> Result<Self, BetterAuthError> {
        Ok(Self {
            token: fields.text("token"),
        })
    }
}

/// What `POST /sign-out` answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BetterAuthSuccess")]
pub struct SuccessBody {
    /// Always.
    pub success: bool,
}

/// What `GET /token` answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BetterAuthToken")]
pub struct TokenBody {
    /// An access token.
    pub token: String,
}

/// What `GET /jwt` answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BetterAuthJwt")]
pub struct JwtBody {
    /// An access token.
    pub token: String,
    /// Whose it is.
    pub user: UserBody,
}

/// A JSON Web Key Set (RFC 7517, section 5).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BetterAuthKeySet")]
pub struct JwksBody {
    keys: Vec<JwkBody>,
}

/// A public Ed25519 key (RFC 8037, section 2).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BetterAuthKey")]
struct JwkBody {
    alg: &'static str,
    crv: &'static str,
    x: String,
    kty: &'static str,
    kid: String,
}

impl From<Vec<PublicKey>> for JwksBody {
    fn from(keys: Vec<PublicKey>) -> Self {
        let keys = keys.into_iter().map(|key| JwkBody {
            alg: "EdDSA",
            crv: "Ed25519",
            x: URL_SAFE_NO_PAD.encode(key.bytes),
            kty: "OKP",
            kid: key.kid,
        });
        Self {
            keys: keys.collect(),
        }
    }
}
