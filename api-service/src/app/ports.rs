//! What the verbs need from outside. Every read of a caller's things takes a
//! [`Scope`](crate::domain::principal::Scope) or a [`SearchScope`]; only work that was claimed is done without.

mod accounts;
mod conversations;
mod documents;
mod embeddings;
mod generation;
mod interactions;
mod jobs;
mod knowledge_bases;
mod publishable_keys;
mod reranking;
mod sources;
mod tokens;
mod views;

use std::time::Duration;

use async_trait::async_trait;
use proto::{api_key::KeyScopes, claims::Role};
use service_kit::clock::Millis;

use crate::domain::{
    chunk::ChunkId,
    document::{DocumentId, MediaType},
    embedding_model::{EmbeddingModel, ModelOrigin},
    index::{Hit, IndexPoint, IndexQuery, SparseVector},
    knowledge_base::KnowledgeBaseId,
    language::Language,
    principal::{Principal, SearchScope, Shown, UserId},
};
use crate::pipeline::parsing::{ParseError, Parsed};

pub use accounts::{
    AccountFeed, AccountStore, AccountStream, FeedError, ProfileLookup, ProfileUnavailable,
};
pub use conversations::{AnswerStore, ConversationStore, Due, Ended, Order, Recorded, Unrecorded};
pub use documents::{DocumentStore, KeyedDocument, Page, Taken, WantedBase};
pub use embeddings::{EmbeddingStore, StoredPoint};
pub use generation::{Generation, GenerationError, Generator, Piece, Place, Prompt};
pub use interactions::InteractionStore;
pub use jobs::{ClaimLimits, JobStore, Labels, Published};
pub use knowledge_bases::{BaseChange, KnowledgeBaseStore, Refused};
pub use publishable_keys::{PublishableKeyChange, PublishableKeyStore};
pub use reranking::{RerankError, Reranker};
pub use sources::{
    FetchError, Fetched, FetchedPage, KnownPage, NewPage, NewSource, Repositories, RepositoryFile,
    SourceStore, Visit, Web,
};
pub use tokens::{Settled, TokenStore};
pub use views::{ChunkView, DocumentViews, LONGEST_QUOTED, LinkSeal, Original, ShownVersion};

/// The database failed, or holds what it can't hold.
#[derive(Debug, thiserror::Error)]
#[error("the database failed")]
pub struct StoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The vector index failed.
#[derive(Debug, thiserror::Error)]
#[error("the vector index failed")]
pub struct IndexError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Why there are no embeddings.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddingError {
    /// The model failed.
    #[error("the embedding model failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Its provider is asked too much. It said when to ask again, or did not.
    #[error("the embedding provider asks to wait")]
    Busy(Option<Duration>),
}

/// Why a document was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It can't be.
    #[error("the document can't be read")]
    Document(#[source] ParseError),
    /// Reading failed on our side.
    #[error("documents can't be read just now")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Reads documents, within bounds of memory and time, and at no risk to the
/// service.
#[async_trait]
pub trait DocumentReader: Send + Sync {
    /// The text and the blocks of a document of this format.
    async fn read(&self, format: MediaType, content: Vec<u8>) -> Result<Parsed, ReadError>;
}

/// Why a token does not tell who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnverifiedToken {
    /// There is none.
    #[error("Sign in, and send the token as `Authorization: Bearer <token>`.")]
    Missing,
    /// It is no token, or was not signed for us by auth-service.
    #[error("This token does not hold; sign in again.")]
    Invalid,
    /// It held, and no longer does.
    #[error("This token has expired; sign in again.")]
    Expired,
    /// No signing key is known yet, since auth-service was never reached.
    #[error("Tokens can't be checked just now, since auth-service was not reached yet.")]
    NoKeys,
}

impl UnverifiedToken {
    /// A stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing_token",
            Self::Invalid => "invalid_token",
            Self::Expired => "expired_token",
            Self::NoKeys => "keys_unavailable",
        }
    }
}

/// Tells from a token who asks.
#[async_trait]
pub trait TokenVerifier: Send + Sync {
    /// The principal of a token that holds.
    async fn verify(&self, token: &str) -> Result<Principal, UnverifiedToken>;
}

/// Why an API key does not tell who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnverifiedKey {
    /// There is no such key, or its owner can't use it any more.
    #[error("The API key does not hold; make another one.")]
    Invalid,
    /// Its owner disabled it.
    #[error("The API key is disabled; its owner can enable it.")]
    Disabled,
    /// It held, and no longer does.
    #[error("The API key has expired; make another one.")]
    Expired,
    /// It was used more often than its rate allows. It may be used again in so
    /// many seconds.
    #[error("The API key was used too often; try again in {0} s.")]
    Overused(u32),
    /// auth-service, which alone knows, does not answer.
    #[error("API keys can't be checked just now, since auth-service does not answer; try again.")]
    Unavailable,
}

impl UnverifiedKey {
    /// A stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Invalid => "invalid_api_key",
            Self::Disabled => "disabled_api_key",
            Self::Expired => "expired_api_key",
            Self::Overused(_) => "api_key_overused",
            Self::Unavailable => "api_keys_unavailable",
        }
    }

    /// In how many seconds it passes by itself.
    pub const fn retry_after(self) -> Option<u32> {
        match self {
            Self::Overused(seconds) => Some(seconds),
            _ => None,
        }
    }

    /// What it is after so many milliseconds more.
    #[must_use]
    pub fn after(self, passed: Millis) -> Self {
        match self {
            Self::Overused(seconds) => {
                let passed = u32::try_from(passed / 1000).unwrap_or(u32::MAX);
                Self::Overused(seconds.saturating_sub(passed).max(1))
            }
            other => other,
        }
    }
}

/// What auth-service knows of an API key that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedKey {
    /// Whose it is.
    pub user: UserId,
    /// The session that is told to be revoked when the key loses a right.
    pub session: String,
    /// The owner's role as it is now.
    pub role: Role,
    /// What it may be used for.
    pub scopes: KeyScopes,
    /// When it ends, if ever.
    pub expires_at: Option<Millis>,
    /// For how many more requests it may be taken before the next look-up;
    /// nothing for no limit.
    pub uses_left: Option<u32>,
}

impl VerifiedKey {
    /// Who asks with it, where auth-service was asked at this time.
    pub fn principal(&self, asked_at: Millis) -> Principal {
        let shown = Shown {
            session: self.session.clone(),
            issued_at: asked_at / 1000,
        };
        Principal::key(self.user.clone(), self.role, self.scopes.clone(), shown)
    }
}

/// Looks API keys up.
#[async_trait]
pub trait ApiKeyLookup: Send + Sync {
    /// What is known of `key`. Counts one use of it, and `owed` more for which
    /// it was taken without a look-up. Ends in a few seconds.
    async fn verify_api_key(&self, key: &str, owed: u32) -> Result<VerifiedKey, UnverifiedKey>;
}

/// The vector index. When a write returns, it is on disk.
#[async_trait]
pub trait VectorIndex: Send + Sync {
    /// Puts points in, in the place of those with the same ids.
    async fn upsert(&self, points: Vec<IndexPoint>) -> Result<(), IndexError>;
    /// Takes out the points of a document's versions up to `upto_version`.
    async fn delete_versions(
        &self,
        document: &DocumentId,
        upto_version: i64,
    ) -> Result<(), IndexError>;
    /// Takes out these points.
    async fn delete(&self, ids: &[ChunkId]) -> Result<(), IndexError>;
    /// Takes out the points of a knowledge base.
    async fn delete_base(&self, base: &KnowledgeBaseId) -> Result<(), IndexError>;
    /// Brings what was written to a form that is fast to search, where much was:
    /// called when nothing waits to be written, and may take a minute.
    async fn settle(&self) -> Result<(), IndexError>;
    /// The best hits in `scope`, best first.
    async fn search(&self, query: IndexQuery, scope: &SearchScope) -> Result<Vec<Hit>, IndexError>;
    /// How many points there are.
    async fn count(&self) -> Result<u64, IndexError>;
    /// Ids of points after `after`, in the order of ids.
    async fn ids(&self, after: Option<&ChunkId>, limit: usize) -> Result<Vec<ChunkId>, IndexError>;
    /// Whether the index answers.
    async fn is_up(&self) -> bool;
}

/// Makes dense vectors of texts.
#[async_trait]
pub trait DenseEmbedder: Send + Sync {
    /// A name for the model and all that its vectors depend on: vectors are
    /// comparable where it is the same.
    fn fingerprint(&self) -> &str;
    /// How the model is asked.
    fn origin(&self) -> ModelOrigin;
    /// The model as the database knows it.
    fn model(&self) -> EmbeddingModel {
        EmbeddingModel {
            fingerprint: self.fingerprint().to_owned(),
            dimensions: self.dimensions(),
            origin: self.origin(),
        }
    }
    /// How many values a vector has.
    fn dimensions(&self) -> usize;
    /// How many tokens of a text reach the vector; what is beyond is cut off.
    fn max_tokens(&self) -> usize;
    /// How many tokens a text has, without those that the model adds.
    fn count_tokens(&self, text: &str) -> usize;
    /// The vectors of passages, in the same order.
    async fn embed_passages(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError>;
    /// The vector of a question, whose reader waits for its answer: passages and
    /// sentences are not before it.
    async fn embed_question(&self, text: String) -> Result<Vec<f32>, EmbeddingError>;
    /// The vectors of sentences that are held against each other or against a
    /// question, in the same order. Passages are not before them.
    async fn embed_sentences(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError>;
}

/// Makes sparse vectors of texts.
pub trait SparseEmbedder: Send + Sync {
    /// The BM25 weights of a passage of a knowledge base in this language.
    fn passage(&self, text: &str, language: Language) -> SparseVector;
    /// The words of a question to knowledge bases in these languages.
    fn question(&self, text: &str, languages: &[Language]) -> SparseVector;
}
