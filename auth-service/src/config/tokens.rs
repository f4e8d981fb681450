//! Access tokens and sessions.

use std::str::FromStr;

use proto::claims::{DEFAULT_AUDIENCE, DEFAULT_ISSUER};
use secrecy::SecretString;
use service_kit::{
    environment::{Environment, InvalidVariable, Variable},
    signing_secret,
};

use crate::domain::{Millis, token_lifetime::TokenLifetime};

/// The shortest time for which a key signs, in seconds.
const SHORTEST_ROTATION: i64 = 60 * 60;

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
    Variable::plain(
        "ACCESS_TOKEN_EXPIRE_MINUTES",
        "",
        "The same in minutes; goes before JWT_EXPIRES_IN where it is set.",
    ),
    Variable::plain(
        "KEY_ROTATION_INTERVAL",
        "90d",
        "After how long another key signs: 1h to 365d, or `off`.",
    ),
    signing_secret::JWT_SECRET,
    signing_secret::SECRET_KEY,
    signing_secret::ALGORITHM,
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
    /// After how many milliseconds another key signs, if ever.
    pub key_rotation: Option<Millis>,
    /// What signs with HS256, if keys don't sign.
    pub shared_secret: Option<SecretString>,
}

impl TokenConfig {
    pub(super) fn read(environment: &Environment) -> Result<Self, InvalidVariable> {
        Ok(Self {
            issuer: environment.text("JWT_ISSUER")?,
            audience: environment.text("JWT_AUDIENCE")?,
            lifetime: lifetime(environment)?,
            key_rotation: key_rotation(environment)?,
            shared_secret: signing_secret::read(environment)?,
        })
    }
}

fn lifetime(environment: &Environment) -> Result<TokenLifetime, InvalidVariable> {
    const MINUTES: &str = "ACCESS_TOKEN_EXPIRE_MINUTES";
    let Some(minutes) = environment.optional(MINUTES)? else {
        return environment.parsed("JWT_EXPIRES_IN");
    };
    TokenLifetime::from_str(&format!("{minutes}m"))
        .map_err(|_| InvalidVariable::new(MINUTES, "must be a number of minutes, at most 525600"))
}

fn key_rotation(environment: &Environment) -> Result<Option<Millis>, InvalidVariable> {
    const NAME: &str = "KEY_ROTATION_INTERVAL";
    let text = environment.text(NAME)?;
    if matches!(text.as_str(), "0" | "off") {
        return Ok(None);
    }
    let interval = TokenLifetime::from_str(&text)
        .ok()
        .map(TokenLifetime::seconds);
    let interval = interval.filter(|seconds| *seconds >= SHORTEST_ROTATION);
    let seconds = interval
        .ok_or_else(|| InvalidVariable::new(NAME, "must be between 1h and 365d, or `off`"))?;
    Ok(Some(seconds * 1000))
}
