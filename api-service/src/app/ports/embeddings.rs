//! What the change from one embedding model to another needs from outside.

use async_trait::async_trait;
use service_kit::clock::Millis;

use super::StoreError;
use crate::domain::{
    chunk::ChunkId,
    embedding_model::{EmbeddingModel, ModelStatus},
    index::IndexPoint,
    knowledge_base::KnowledgeBaseId,
    language::Language,
};

/// What the index holds for a chunk, but for the sparse vector.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPoint {
    /// The point; its dense vector is empty where the model did not embed it.
    pub point: IndexPoint,
    /// The text that both vectors are made from.
    pub text: String,
    /// The language of its knowledge base.
    pub language: Language,
}

/// Embedding models, and the chunks that can be found, which they embed.
/// Nothing here is a caller's: it is the index's own upkeep.
#[async_trait]
pub trait EmbeddingStore: Send + Sync {
    /// All models, with how far they are.
    async fn models(&self) -> Result<Vec<ModelStatus>, StoreError>;
    /// The model that answers come from; the given one from now on, where there
    /// is none.
    async fn active_or(
        &self,
        model: &EmbeddingModel,
        now: Millis,
    ) -> Result<EmbeddingModel, StoreError>;
    /// Notes that documents are to be embedded by a model, and makes `worker` the
    /// one that does it until `lease_until`; `false` where another one does.
    async fn claim_model(
        &self,
        model: &EmbeddingModel,
        worker: &str,
        now: Millis,
        lease_until: Millis,
    ) -> Result<bool, StoreError>;
    /// Makes a model the one that answers come from, if it has embedded every
    /// chunk that can be found; `false` where it has not.
    async fn activate(&self, fingerprint: &str, now: Millis) -> Result<bool, StoreError>;
    /// Forgets a model that is not active, and its embeddings; `false` where
    /// there is none.
    async fn forget_model(&self, fingerprint: &str) -> Result<bool, StoreError>;
    /// How many chunks can be found.
    async fn live_chunks(&self) -> Result<u64, StoreError>;
    /// Chunks that can be found and that a model has not embedded, in no order.
    async fn not_embedded(
        &self,
        fingerprint: &str,
        limit: usize,
    ) -> Result<Vec<ChunkId>, StoreError>;
    /// Keeps embeddings by a model; those of chunks that are gone are left out.
    async fn keep_embeddings(
        &self,
        fingerprint: &str,
        embeddings: &[(ChunkId, Vec<f32>)],
    ) -> Result<(), StoreError>;
    /// Ids of chunks that can be found and have an embedding by a model, after
    /// `after`, in order; of one knowledge base or of all.
    async fn embedded_ids(
        &self,
        fingerprint: &str,
        base: Option<&KnowledgeBaseId>,
        after: &str,
        limit: usize,
    ) -> Result<Vec<ChunkId>, StoreError>;
    /// What the index holds for these chunks, by a model.
    async fn points(
        &self,
        fingerprint: &str,
        ids: &[ChunkId],
    ) -> Result<Vec<StoredPoint>, StoreError>;
    /// The language of a knowledge base, if it is known.
    async fn language(&self, base: &KnowledgeBaseId) -> Result<Option<Language>, StoreError>;
    /// Notes the language of a knowledge base whose language is not known, and
    /// that what is in its index already is to be written anew.
    async fn note_language(
        &self,
        base: &KnowledgeBaseId,
        language: Language,
    ) -> Result<(), StoreError>;
    /// A knowledge base whose points are to be written anew, and the last chunk
    /// that was.
    async fn outdated_base(&self) -> Result<Option<(KnowledgeBaseId, String)>, StoreError>;
    /// Notes up to which chunk the points of a knowledge base were written anew
    /// since `before`; `None` for all.
    async fn renewed(
        &self,
        base: &KnowledgeBaseId,
        before: &str,
        upto: Option<&ChunkId>,
    ) -> Result<(), StoreError>;
}
