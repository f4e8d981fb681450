//! Access tokens and sessions.

use proto::claims::{DEFAULT_AUDIENCE, DEFAULT_ISSUER};
use service_kit::environment::{Environment, InvalidVariable, Variable};

use crate::domain::token_lifetime::TokenLifetime;

/// The variables of this section.
pub const VARIABLES: &[Variable] = &[
    Variable::plain(
        "JWT_ISSUER",
        DEFAULT_ISSUER,
        "The `iss` of access tokens; the same in both services.",
    ),
    Variable::plain(
        "JWT_AUDIENCE",
        DEFAULT_AUDIENCE,
        "The `aud` of access tokens; the same in both services.",
    ),
    Variable::plain(
        "JWT_EXPIRES_IN",
        "7d",
        "How long an access token holds: 900 (seconds), 15m, 12h or 7d; at most 365d.",
    ),
];

/// Access tokens and sessions.
#[derive(Debug)]
pub struct TokenConfig {
    /// Who signs the tokens.
    pub issuer: String,
    /// For whom they are signed.
    pub audience: String,
    /// How long one holds.
    pub lifetime: TokenLifetime,
}

impl TokenConfig {
    pub(super) fn read(environment: &Environment) -> Result<Self, InvalidVariable> {
        Ok(Self {
            issuer: environment.text("JWT_ISSUER")?,
            audience: environment.text("JWT_AUDIENCE")?,
            lifetime: environment.parsed("JWT_EXPIRES_IN")?,
        })
    }
}
