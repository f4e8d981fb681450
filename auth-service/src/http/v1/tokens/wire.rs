//! The JSON and the forms of tokens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::{
    Policy,
    introspect::{KnownToken, TokenKind},
};

/// The body of `POST /v1/tokens/refresh`.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Refresh")]
pub struct RefreshBody {
    /// The refresh token of the last answer.
    pub refresh_token: String,
}

/// The form of introspection and revocation. `token_type_hint` is not needed
/// (RFC 7662, section 2.1).
#[derive(Deserialize, JsonSchema)]
pub struct TokenForm {
    /// An access token, a refresh token or a session's token.
    pub token: String,
}

/// What introspection answers (RFC 7662, section 2.2): `active` alone where the
/// token does not hold.
#[derive(Default, Serialize, JsonSchema)]
#[schemars(rename = "Introspection")]
pub struct IntrospectionBody {
    active: bool,
    #[serde(flatten)]
    token: Option<TokenBody>,
}

#[derive(Serialize, JsonSchema)]
struct TokenBody {
    /// `Bearer`, `refresh_token` or `session_token`.
    token_type: &'static str,
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    sid: String,
    roles: [&'static str; 1],
    username: String,
    email: String,
    name: String,
}

impl IntrospectionBody {
    /// The answer about a token that is known, or about one that is not.
    pub fn new(policy: &Policy, known: Option<KnownToken>) -> Self {
        known.map_or_else(Self::default, |known| Self {
            active: true,
            token: Some(TokenBody::new(policy, known)),
        })
    }
}

impl TokenBody {
    fn new(policy: &Policy, known: KnownToken) -> Self {
        let user = known.current.user;
        let (token_type, jti) = match known.kind {
            TokenKind::Access { jti } => ("Bearer", Some(jti)),
            TokenKind::Session => ("session_token", None),
            TokenKind::Refresh { .. } => ("refresh_token", None),
        };
        Self {
            token_type,
            iss: policy.issuer.clone(),
            aud: policy.audience.clone(),
            iat: known.issued_at / 1000,
            exp: known.expires_at / 1000,
            jti,
            sid: known.current.session.id,
            roles: [user.role.as_str()],
            username: user.email.as_str().to_owned(),
            email: user.email.as_str().to_owned(),
            name: user.name.as_str().to_owned(),
            sub: user.id,
        }
    }
}

/// An error in OAuth's words (RFC 6749, section 5.2).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OAuthFault")]
pub struct OAuthErrorBody {
    /// A stable word for programs.
    pub error: &'static str,
    /// What the caller can do about it, for people.
    pub error_description: String,
}
