//! The tokens that language models used.

use async_trait::async_trait;

use super::StoreError;
use crate::domain::{
    answer::TokenUsage,
    principal::Scope,
    token_budget::{Day, Spent},
};

/// What an answer comes to at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// The day for which it was reserved.
    pub day: Day,
    /// What was reserved at its beginning, in tokens.
    pub reserved: u64,
    /// What it has used.
    pub used: TokenUsage,
}

/// What callers have used, a day at a time.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// Reserves tokens for an answer to the caller, unless what they have used
    /// and reserved before has come to `limit`. Tells what they have with it.
    async fn reserve_tokens(
        &self,
        scope: &Scope,
        day: Day,
        tokens: u64,
        limit: u64,
    ) -> Result<Option<Spent>, StoreError>;
    /// Puts what an answer has used in the place of what was reserved for it.
    async fn settle_tokens(&self, scope: &Scope, settled: Settled) -> Result<(), StoreError>;
    /// What the caller has used.
    async fn spent_tokens(&self, scope: &Scope, day: Day) -> Result<Spent, StoreError>;
    /// Forgets all days before this one.
    async fn forget_tokens(&self, before: Day) -> Result<(), StoreError>;
}
