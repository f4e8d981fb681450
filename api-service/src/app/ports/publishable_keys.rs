//! Publishable keys.

use std::num::NonZeroU32;

use async_trait::async_trait;

use super::{Refused, StoreError};
use crate::domain::{
    principal::Scope,
    publishable_key::{PublishableKey, PublishableKeyId},
    token_budget::Day,
};

/// What changes about a publishable key; what is missing stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublishableKeyChange {
    /// What it is called.
    pub name: Option<String>,
    /// The origins whose pages may send it.
    pub origins: Option<Vec<String>>,
    /// How many questions a minute each visitor may ask.
    pub per_minute: Option<NonZeroU32>,
    /// How many questions may be asked in a day.
    pub per_day: Option<NonZeroU32>,
    /// Whether it is taken.
    pub enabled: Option<bool>,
}

/// Publishable keys, managed by who manages their knowledge bases.
#[async_trait]
pub trait PublishableKeyStore: Send + Sync {
    /// Keeps a new key.
    async fn publish(&self, scope: &Scope, key: &PublishableKey) -> Result<(), Refused>;
    /// The keys of the knowledge bases that may be managed in `scope`, oldest
    /// first.
    async fn published(&self, scope: &Scope) -> Result<Vec<PublishableKey>, StoreError>;
    /// Changes a key of such a knowledge base.
    async fn change_published(
        &self,
        scope: &Scope,
        id: &PublishableKeyId,
        change: &PublishableKeyChange,
    ) -> Result<PublishableKey, Refused>;
    /// Deletes a key of such a knowledge base.
    async fn unpublish(&self, scope: &Scope, id: &PublishableKeyId) -> Result<(), Refused>;
    /// The key that reads so, enabled or not.
    async fn publishable_key(&self, key: &str) -> Result<Option<PublishableKey>, StoreError>;
    /// Whether an enabled key lists one of these origins, as it is written.
    async fn lists_origin(&self, patterns: &[String]) -> Result<bool, StoreError>;
    /// Counts a question with this key; `false` where as many were asked on that
    /// day as may be, or the key is gone or disabled.
    async fn count_use(&self, id: &PublishableKeyId, day: Day) -> Result<bool, StoreError>;
}
