//! What analytics need from outside.

use async_trait::async_trait;
use service_kit::clock::Millis;

use super::StoreError;
use crate::domain::{
    interaction::{CitedDocument, LoggedAnswer, Window},
    principal::Scope,
};

/// The log of interactions, for administrators. It is written with the end of an
/// answer: see [`Ended`](super::Ended).
#[async_trait]
pub trait InteractionStore: Send + Sync {
    /// The newest interactions in the window, newest first; none for a scope that
    /// is not an administrator's.
    async fn logged_answers(
        &self,
        scope: &Scope,
        window: &Window,
        limit: usize,
    ) -> Result<Vec<LoggedAnswer>, StoreError>;
    /// The documents in `scope` that answers in the window had as sources, the
    /// most cited first; none for a scope that is not an administrator's.
    async fn cited_documents(
        &self,
        scope: &Scope,
        window: &Window,
        limit: usize,
    ) -> Result<Vec<CitedDocument>, StoreError>;
    /// Forgets interactions from before `before`, and what was written in those
    /// from before `texts_before`.
    async fn forget_interactions(
        &self,
        before: Millis,
        texts_before: Millis,
    ) -> Result<(), StoreError>;
}
