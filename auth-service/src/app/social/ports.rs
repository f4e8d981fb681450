//! What sign-in with a provider needs of the world.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    app::{
        error::Cause,
        ports::{Credentials, StoreError},
    },
    domain::{
        Millis,
        audit::AuditEntry,
        provider::{Identity, LinkedAccount, Provider},
        user::User,
    },
};

/// What a provider gives us to act for a person there. All of it is secret.
#[derive(Clone, Default)]
pub struct ProviderTokens {
    /// Opens the provider's APIs.
    pub access: Option<String>,
    /// Gets another access token.
    pub refresh: Option<String>,
    /// Says who the person is (OpenID Connect Core, section 2).
    pub id: Option<String>,
    /// When the access token ends, if it does.
    pub access_expires_at: Option<Millis>,
    /// When the refresh token ends, if the provider says so.
    pub refresh_expires_at: Option<Millis>,
    /// What the person allowed.
    pub scopes: Vec<String>,
}

/// A person as a provider tells of them.
#[derive(Clone)]
pub struct Told {
    /// What can be used here.
    pub identity: Identity,
    /// All of it, as the provider's JSON has it.
    pub whole: serde_json::Value,
}

/// What a browser asks a provider for.
pub struct ConsentRequest<'a> {
    /// Comes back with the answer.
    pub state: &'a str,
    /// The secret whose hash goes along (RFC 7636).
    pub verifier: &'a str,
    /// Where the answer is to go.
    pub redirect_uri: &'a str,
    /// What is wanted beyond who the person is.
    pub scopes: &'a [String],
    /// Who the person probably is.
    pub login_hint: Option<&'a str>,
    /// Parameters that only the provider understands.
    pub extra: &'a [(String, String)],
}

/// A provider refused, did not answer, or answered what can't be believed.
#[derive(Debug, thiserror::Error)]
#[error("the provider gave nothing that can be used")]
pub struct ProviderFailure(#[source] pub Cause);

/// A provider whose accounts sign in to ours.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// Which one it is.
    fn provider(&self) -> Provider;
    /// Whether it may call itself `issuer` in its answers (RFC 9207).
    fn is_issuer(&self, issuer: &str) -> bool;
    /// Where the browser asks the person for consent.
    fn consent_url(&self, request: &ConsentRequest<'_>) -> String;
    /// Turns a code into tokens.
    async fn redeem(
        &self,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<ProviderTokens, ProviderFailure>;
    /// Gets other tokens for a refresh token.
    async fn renew(&self, refresh_token: &str) -> Result<ProviderTokens, ProviderFailure>;
    /// Who the person is that tokens just came for.
    async fn identify(&self, tokens: &ProviderTokens) -> Result<Told, ProviderFailure>;
    /// Who the person is whose tokens we keep, as far as the provider tells.
    async fn recall(&self, tokens: &ProviderTokens) -> Result<Told, ProviderFailure>;
    /// Whether a person may come with an id token of their own.
    fn takes_id_tokens(&self) -> bool;
    /// Who an id token says its bearer is, if it holds now and was made for us
    /// and for this `nonce`.
    async fn read_id_token(
        &self,
        token: &str,
        nonce: Option<&str>,
    ) -> Result<Told, ProviderFailure>;
}

/// The providers that are set up.
#[derive(Clone, Default)]
pub struct Providers(pub Vec<Arc<dyn IdentityProvider>>);

impl Providers {
    /// The one that is meant, if it is set up.
    pub fn get(&self, provider: Provider) -> Option<&Arc<dyn IdentityProvider>> {
        self.0.iter().find(|one| one.provider() == provider)
    }
}

/// What became of the wish to unlink an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlinked {
    /// It is done.
    Done,
    /// There is no such account.
    Unknown,
    /// Nobody could sign in afterwards.
    Last,
}

/// The accounts that are linked. A method that takes an [`AuditEntry`] stores
/// it with what it does, or neither. Tokens are encrypted at rest.
#[async_trait]
pub trait LinkedAccounts: Send + Sync {
    /// The account with this name at its provider, and the owner of ours,
    /// enabled or not.
    async fn by_key(
        &self,
        provider: Provider,
        provider_account_id: &str,
    ) -> Result<Option<(LinkedAccount, User)>, StoreError>;
    /// The accounts linked to one of ours, the oldest first.
    async fn of_user(&self, user_id: &str) -> Result<Vec<LinkedAccount>, StoreError>;
    /// The tokens of a linked account. What was encrypted with another secret
    /// is lost.
    async fn tokens(&self, id: &str) -> Result<ProviderTokens, StoreError>;
    /// Links an account. [`StoreError::Taken`]: it is linked already.
    async fn add(
        &self,
        account: &LinkedAccount,
        tokens: &ProviderTokens,
        entry: &AuditEntry,
    ) -> Result<(), StoreError>;
    /// Makes an account of ours with one that is linked to it.
    /// [`StoreError::Taken`]: its address has one, or it is linked already.
    async fn add_with_user(
        &self,
        user: &Credentials,
        account: &LinkedAccount,
        tokens: &ProviderTokens,
        entry: &AuditEntry,
    ) -> Result<(), StoreError>;
    /// Keeps newer tokens, and the account's scopes. Tokens that are missing
    /// among the newer ones stay as they were.
    async fn renew(
        &self,
        account: &LinkedAccount,
        tokens: &ProviderTokens,
    ) -> Result<(), StoreError>;
    /// Unlinks an account, or removes the password where `id` is the user's
    /// own, unless nothing would be left to sign in with.
    async fn remove(
        &self,
        user_id: &str,
        id: &str,
        entry: &AuditEntry,
    ) -> Result<Unlinked, StoreError>;
}

/// Browsers on their way to a provider and back. A flow's state is known here
/// by its hash alone, and what it is about is encrypted.
#[async_trait]
pub trait Flows: Send + Sync {
    /// Remembers a flow until `expires_at`.
    async fn put(&self, state_hash: &str, flow: &str, expires_at: Millis)
    -> Result<(), StoreError>;
    /// The flow, unless it is over at `now`.
    async fn find(&self, state_hash: &str, now: Millis) -> Result<Option<String>, StoreError>;
    /// Ends a flow; tells exactly one of all who ask that it was them.
    async fn take(&self, state_hash: &str) -> Result<bool, StoreError>;
}
