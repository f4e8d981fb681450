//! What is needed to follow what happens to accounts.

use std::pin::Pin;

use async_trait::async_trait;
use futures::Stream;
use service_kit::clock::Millis;

use super::StoreError;
use crate::domain::{
    account::{AccountEvent, Refusals},
    knowledge_base::KnowledgeBaseId,
    principal::UserId,
    profile::Profile,
};

/// Why events of accounts are not heard.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// No event with such a number was written yet: the numbers begin anew.
    #[error("auth-service has no event with this number yet")]
    CursorAhead,
    /// auth-service can't be reached, or refuses us.
    #[error("auth-service can't be heard")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The events of accounts as they come, in order.
pub type AccountStream = Pin<Box<dyn Stream<Item = Result<AccountEvent, FeedError>> + Send>>;

/// What happens to accounts.
#[async_trait]
pub trait AccountFeed: Send + Sync {
    /// The events after the one with the number `after`, then each new one.
    async fn listen(&self, after: i64) -> Result<AccountStream, FeedError>;
}

/// What follows from the events of accounts.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// The number up to which events were applied, and what is refused since.
    async fn refusals(&self) -> Result<(i64, Refusals), StoreError>;
    /// Applies events in order, all or none; those that another process has
    /// applied are left out.
    async fn apply(&self, events: &[AccountEvent], now: Millis) -> Result<(), StoreError>;
    /// Applies events from the first one on again, and forgets who is disabled.
    async fn begin_anew(&self) -> Result<(), StoreError>;
    /// Forgets refusals of tokens that have expired.
    async fn forget_expired(&self, now: Millis) -> Result<(), StoreError>;
    /// The deleted users whose erasure is due.
    async fn due_erasures(&self, now: Millis) -> Result<Vec<UserId>, StoreError>;
    /// Erases some of what a deleted user had; `false` where nothing is left.
    async fn erase_some(&self, user: &UserId) -> Result<bool, StoreError>;
    /// The knowledge bases that the erasure removed, whose points may be left.
    async fn erased_bases(&self, user: &UserId) -> Result<Vec<KnowledgeBaseId>, StoreError>;
    /// Notes a pass of an erasure: after the first one, another is due at
    /// `next`; after that the erasure is done, and this `true`.
    async fn passed(&self, user: &UserId, now: Millis, next: Millis) -> Result<bool, StoreError>;
}

/// The profile is not known just now.
#[derive(Debug, thiserror::Error)]
#[error("auth-service tells no profile")]
pub struct ProfileUnavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What users say of themselves.
#[async_trait]
pub trait ProfileLookup: Send + Sync {
    /// A user's profile; an empty one where there is no such user.
    async fn profile(&self, user: &UserId) -> Result<Profile, ProfileUnavailable>;
}
