//! Verbs: one file a use case, each a few methods of [`App`], in the order in
//! which a reader meets them: what is checked, what is asked, what is kept.

use std::sync::Arc;

use secrecy::SecretString;
use service_kit::{
    browser_origins::AllowedOrigins,
    clock::{Clock, Randomness},
};
use url::Url;

use crate::domain::{
    email::Email, password::PasswordRules, profile::ProfileFields, session::SessionRules,
    throttling::RateRules, token_lifetime::TokenLifetime,
};

pub mod account_events;
pub mod api_keys;
pub mod audit_log;
pub mod change_password;
pub mod change_request;
pub mod clean_up;
pub mod client;
pub mod create_admin;
pub mod delete_account;
pub mod error;
pub mod grant_configured;
pub mod guessing;
pub mod import;
pub mod introspect;
mod links;
pub mod look_up;
pub mod manage_accounts;
pub mod outbox;
pub mod ports;
pub mod profile;
pub mod redirects;
pub mod refresh;
pub mod reset_password;
pub mod sessions;
pub mod sign_in;
pub mod sign_up;
pub mod signing_keys;
pub mod social;
pub mod throttling;
pub mod tokens;
pub mod update_profile;
pub mod vault;
pub mod verify_email;

use account_events::EventFeed;
use outbox::Outbox;
use ports::{
    ApiKeys, AuditLog, Counts, Leftovers, OneTimeTokens, PasswordHasher, RefreshTokens, Sessions,
    TokenSigner, Users,
};
use signing_keys::KeyKeeping;
use vault::Vault;

/// What auth-service can do, whoever asks and over whichever protocol.
#[derive(Clone)]
pub struct App {
    /// The accounts.
    pub users: Arc<dyn Users>,
    /// Who is signed in.
    pub sessions: Arc<dyn Sessions>,
    /// What mails' links carry.
    pub one_time_tokens: Arc<dyn OneTimeTokens>,
    /// Takes mails to be sent, where mail is set up.
    pub outbox: Option<Outbox>,
    /// Accounts of providers that sign in to ours.
    pub linked: Arc<dyn social::ports::LinkedAccounts>,
    /// Those providers.
    pub providers: social::ports::Providers,
    /// What lets programs act for accounts.
    pub api_keys: Arc<dyn ApiKeys>,
    /// Browsers on their way there and back.
    pub flows: Arc<dyn social::ports::Flows>,
    /// What was done that bears on security.
    pub audit: Arc<dyn AuditLog>,
    /// How often what was tried.
    pub counts: Arc<dyn Counts>,
    /// What other services are told.
    pub events: Arc<EventFeed>,
    /// What has expired.
    pub leftovers: Arc<dyn Leftovers>,
    /// What only this service can sign, derive and open.
    pub vault: Arc<Vault>,
    /// Turns passwords into what may be stored.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Signs and reads access tokens.
    pub signer: Arc<dyn TokenSigner>,
    /// The keys that it signs with; nothing where a shared secret signs.
    pub keys: Option<KeyKeeping>,
    /// What sessions go on with.
    pub refresh_tokens: Arc<dyn RefreshTokens>,
    /// What other services show.
    pub service_token: Arc<SecretString>,
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
    /// How often something may be tried; nothing where that is not limited.
    pub rates: Option<RateRules>,
    /// Whose accounts are administrators once their address is verified.
    pub admin_emails: Vec<Email>,
    /// How long sessions live.
    pub sessions: SessionRules,
    /// What a profile has beyond name and picture.
    pub profile_fields: ProfileFields,
    /// How long an access token holds.
    pub token_lifetime: TokenLifetime,
    /// Who signs the tokens.
    pub issuer: String,
    /// For whom they are signed.
    pub audience: String,
    /// For how many days the audit log is kept; for ever where there is none.
    pub audit_retention_days: Option<i64>,
    /// What needs a mail.
    pub mail: MailPolicy,
    /// Under which URL browsers reach the service.
    pub public_url: Url,
    /// The other origins whose pages may act for their users.
    pub allowed_origins: AllowedOrigins,
    /// Who gets an account by signing in with a provider.
    pub provider_sign_up: crate::domain::provider::ProviderSignUp,
}

/// What an operator wants to go through a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailPolicy {
    /// Whether nobody signs in before they have shown that the address of their
    /// account is theirs.
    pub require_verified: bool,
    /// Whether they are signed in by that, where it was required.
    pub sign_in_verified: bool,
    /// Whether an account is deleted through a mail alone.
    pub confirm_deletion: bool,
}
