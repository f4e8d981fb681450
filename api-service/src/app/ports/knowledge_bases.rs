//! What the verbs about knowledge bases need from outside. Each of these looks
//! at what the caller may do in the transaction that does it.

use async_trait::async_trait;

use super::{StoreError, WantedBase};
use crate::domain::{
    knowledge_base::{KnowledgeBase, KnowledgeBaseId, Share, Visibility},
    language::Language,
    principal::{Scope, UserId},
};

/// Why a store did not write.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such knowledge base or document in the scope.
    #[error("it is not in the scope")]
    Missing,
    /// It is in the scope, but may not be changed in it.
    #[error("the knowledge base may not be changed")]
    ReadOnly,
    /// Its owner has another one of this name.
    #[error("the name is taken")]
    NameTaken,
    /// There are as many as there may be.
    #[error("there are as many as there may be")]
    TooMany,
    /// It would be more than its owner may keep.
    #[error("the quota is used up")]
    QuotaExceeded,
    /// The account was deleted.
    #[error("the account was deleted")]
    NoAccount,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is to become of a knowledge base.
#[derive(Debug, Clone, Default)]
pub struct BaseChange {
    /// Its new name.
    pub name: Option<String>,
    /// Who sees it from now on.
    pub visibility: Option<Visibility>,
    /// The language of its documents from now on.
    pub language: Option<Language>,
}

/// Knowledge bases and with whom they are shared.
#[async_trait]
pub trait KnowledgeBaseStore: Send + Sync {
    /// Makes a knowledge base for its owner, whose scope it is, or for nobody.
    async fn create(&self, scope: &Scope, wanted: WantedBase) -> Result<KnowledgeBase, Refused>;
    /// Changes it, if it may be managed in `scope`. One that becomes public
    /// loses its owner and its shares; one that was gets who did it as owner.
    async fn change(
        &self,
        scope: &Scope,
        id: &KnowledgeBaseId,
        change: &BaseChange,
    ) -> Result<KnowledgeBase, Refused>;
    /// Deletes it and all that is in it, if it may be managed in `scope`: from
    /// now on nothing of it can be found.
    async fn delete_base(&self, scope: &Scope, id: &KnowledgeBaseId) -> Result<(), Refused>;
    /// With whom it is shared, by the users' ids, if it may be managed in
    /// `scope`.
    async fn shares(&self, scope: &Scope, id: &KnowledgeBaseId) -> Result<Vec<Share>, Refused>;
    /// Shares it, in the place of how it was shared with that user, if it may
    /// be managed in `scope`.
    async fn share(
        &self,
        scope: &Scope,
        id: &KnowledgeBaseId,
        share: &Share,
    ) -> Result<Share, Refused>;
    /// Shares it with the user no longer, if it may be managed in `scope` or
    /// the scope is that user's own; `false` where it was not shared.
    async fn unshare(
        &self,
        scope: &Scope,
        id: &KnowledgeBaseId,
        user: &UserId,
    ) -> Result<bool, Refused>;
    /// Deleted knowledge bases whose points are to be cleared from the index.
    async fn garbage_bases(&self) -> Result<Vec<KnowledgeBaseId>, StoreError>;
    /// Forgets garbage that was cleared.
    async fn cleared_base(&self, id: &KnowledgeBaseId) -> Result<(), StoreError>;
}
