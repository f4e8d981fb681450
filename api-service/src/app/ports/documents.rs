//! What is needed of documents and knowledge bases.

use async_trait::async_trait;
use service_kit::clock::Millis;

use super::{Refused, StoreError};
use crate::domain::{
    chunk::{ChunkId, Passage},
    document::{Change, Document, DocumentId, NewDocument},
    filter::DocumentFilter,
    knowledge_base::{KnowledgeBase, KnowledgeBaseId, Visibility},
    language::Language,
    principal::Scope,
    quota::Quota,
    request_key::KeyedRequest,
};

/// A page of a list: what to begin after, and how many.
#[derive(Debug, Clone)]
pub struct Page {
    /// The last id of the page before; empty for the first page.
    pub after: String,
    /// How many at most.
    pub limit: usize,
}

impl Page {
    /// The first page, as long as one may be.
    pub const fn first() -> Self {
        Self {
            after: String::new(),
            limit: 100,
        }
    }
}

/// A knowledge base that may have to be made.
#[derive(Debug, Clone)]
pub struct WantedBase {
    /// The id it gets where it is not there yet.
    pub id: KnowledgeBaseId,
    /// Its name.
    pub name: String,
    /// Who sees it, where it is made.
    pub visibility: Visibility,
    /// The language of its documents, where it is made and that is known.
    pub language: Option<Language>,
    /// Its owner; empty for none.
    pub owner: String,
    /// When it is made.
    pub created_at: Millis,
}

/// What taking a document in came to.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The document's id.
    pub document_id: DocumentId,
    /// What changed.
    pub change: Change,
}

/// A document, and the request that it came with.
#[derive(Debug, Clone)]
pub struct KeyedDocument {
    /// The request.
    pub request: KeyedRequest,
    /// The document.
    pub document: NewDocument,
}

/// Documents and knowledge bases.
#[async_trait]
pub trait DocumentStore: Send + Sync {
    /// The knowledge bases in `scope`, by name.
    async fn knowledge_bases(&self, scope: &Scope) -> Result<Vec<KnowledgeBase>, StoreError>;
    /// The knowledge base of this owner and name, made where it is missing, for
    /// the owner, whose scope it is, or for nobody.
    async fn knowledge_base(
        &self,
        scope: &Scope,
        wanted: WantedBase,
    ) -> Result<KnowledgeBase, Refused>;
    /// Takes documents in, all or none, each with a job where it changed, if
    /// their knowledge bases may be written to in `scope`, and if what the
    /// owners of these have then is within `quota`.
    async fn put(
        &self,
        scope: &Scope,
        documents: Vec<NewDocument>,
        quota: Quota,
        now: Millis,
    ) -> Result<Vec<Taken>, Refused>;
    /// The same for the document of a request that may have come before: then
    /// nothing is done, and it tells of that document, which may be gone. `None`
    /// where the key stands for another request.
    async fn put_once(
        &self,
        scope: &Scope,
        keyed: KeyedDocument,
        quota: Quota,
        now: Millis,
    ) -> Result<Option<Taken>, Refused>;
    /// Forgets requests that came too long ago to be known.
    async fn forget_requests(&self, now: Millis) -> Result<(), StoreError>;
    /// The documents in `scope`, of one knowledge base or all, by id.
    async fn list(
        &self,
        scope: &Scope,
        base: Option<&KnowledgeBaseId>,
        page: &Page,
    ) -> Result<Vec<Document>, StoreError>;
    /// The document, if it is in `scope`.
    async fn get(&self, scope: &Scope, id: &DocumentId) -> Result<Option<Document>, StoreError>;
    /// The document of this external id in a base, if it is in `scope`.
    async fn named(
        &self,
        scope: &Scope,
        base: &KnowledgeBaseId,
        external_id: &str,
    ) -> Result<Option<Document>, StoreError>;
    /// What `ingest` put into a base: document, external id and content hash,
    /// which is empty where the content could not be ingested.
    async fn directory_hashes(
        &self,
        scope: &Scope,
        base: &KnowledgeBaseId,
    ) -> Result<Vec<(DocumentId, String, String)>, StoreError>;
    /// Deletes the document if its knowledge base may be written to in `scope`:
    /// from now on it can't be found.
    async fn delete(&self, scope: &Scope, id: &DocumentId) -> Result<(), Refused>;
    /// The passages of these chunks that are in `scope` and of a live version,
    /// in no order, with a score of 0.
    async fn passages(&self, scope: &Scope, ids: &[ChunkId]) -> Result<Vec<Passage>, StoreError>;
    /// The passages that follow these chunks in their documents, as far as they
    /// are in `scope` and of a live version, in no order, with a score of 0.
    async fn following(&self, scope: &Scope, ids: &[ChunkId]) -> Result<Vec<Passage>, StoreError>;
    /// The passages in `scope` of these knowledge bases, or of all where there is
    /// none, by document and place, if there are no more than `most`.
    async fn all_passages(
        &self,
        scope: &Scope,
        bases: &[KnowledgeBaseId],
        most: usize,
    ) -> Result<Option<Vec<Passage>>, StoreError>;
    /// The documents in `scope` that can be found and pass a filter, of these
    /// knowledge bases, or of all where there is none: `most` of them at most,
    /// in no order.
    async fn matching(
        &self,
        scope: &Scope,
        bases: &[KnowledgeBaseId],
        filter: &DocumentFilter,
        most: usize,
    ) -> Result<Vec<DocumentId>, StoreError>;
    /// Whether the database answers.
    async fn is_up(&self) -> bool;
}
