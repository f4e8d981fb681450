//! Verbs: one file a use case, each a few methods of [`App`], in the order in
//! which a reader meets them: what is checked, what is asked, what is kept.

use std::sync::Arc;

use service_kit::clock::{Clock, Randomness};

use crate::domain::{password::PasswordRules, token_lifetime::TokenLifetime};

pub mod create_admin;
pub mod error;
pub mod look_up;
pub mod ports;
pub mod profile;
pub mod sign_in;
pub mod sign_up;
pub mod signing_keys;
pub mod tokens;

use ports::{PasswordHasher, TokenSigner, Users};

/// What auth-service can do, whoever asks and over whichever protocol.
pub struct App {
    /// The accounts.
    pub users: Arc<dyn Users>,
    /// Turns passwords into what may be stored.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Signs and reads access tokens.
    pub signer: Arc<dyn TokenSigner>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The source of ids.
    pub randomness: Arc<dyn Randomness>,
    /// What can be configured about accounts.
    pub policy: Policy,
}

/// What an operator can configure about accounts.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What a new password must meet.
    pub passwords: PasswordRules,
    /// How long an access token holds.
    pub token_lifetime: TokenLifetime,
    /// Who signs the tokens.
    pub issuer: String,
    /// For whom they are signed.
    pub audience: String,
}
