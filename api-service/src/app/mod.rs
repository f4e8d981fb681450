//! The verbs: one file a use case. Each checks who asks, keeps to the limits
//! and puts the steps in order; what a step needs from outside is a port.

pub mod add_document;
pub mod add_documents;
pub mod analytics;
mod answering;
pub mod ask;
pub mod attachments;
pub mod budget;
pub mod change_knowledge_base;
pub mod check_index;
mod cite;
pub mod conversations;
pub mod counters;
pub mod create_knowledge_base;
pub mod delete_knowledge_base;
pub mod embed;
pub mod erase;
pub mod error;
pub mod evaluate;
mod extract;
pub mod follow_accounts;
mod gather;
pub mod ingest;
pub mod ingest_directory;
pub mod jobs;
pub mod knowledge;
pub mod live;
pub mod ports;
mod prepare;
pub mod profiles;
pub mod publishable_keys;
pub mod rates;
pub mod reembed;
mod rerank;
mod resume;
mod rewrite;
pub mod save_turn;
pub mod search;
pub mod share_knowledge_base;
pub mod sources;
mod sync_source;
pub mod sync_sources;
pub mod vector_spaces;
pub mod verify_api_key;
pub mod view_document;

use std::sync::Arc;

use service_kit::clock::{Clock, Randomness};

use crate::domain::{
    analytics::InteractionLog, index::Fusion, quota::Quota, token_budget::TokenBudget,
};
use follow_accounts::RefusedTokens;
use ports::{
    AccountStore, AnswerStore, ConversationStore, DocumentReader, DocumentStore, DocumentViews,
    EmbeddingStore, Generator, InteractionStore, JobStore, KnowledgeBaseStore, LinkSeal, Reranker,
    SparseEmbedder, TokenStore,
};
use vector_spaces::{VectorSpace, VectorSpaces};

/// Everything that the verbs need from outside, and the settings that are
/// theirs.
pub struct App {
    /// Knowledge bases and their shares.
    pub bases: Arc<dyn KnowledgeBaseStore>,
    /// Documents and knowledge bases.
    pub documents: Arc<dyn DocumentStore>,
    /// Documents from close by.
    pub views: Arc<dyn DocumentViews>,
    /// Signs links to documents.
    pub links: Arc<dyn LinkSeal>,
    /// Jobs.
    pub jobs: Arc<dyn JobStore>,
    /// Sources.
    pub sources: sync_sources::Sources,
    /// Conversations.
    pub conversations: Arc<dyn ConversationStore>,
    /// What follows from what happens to accounts.
    pub accounts: Arc<dyn AccountStore>,
    /// What readers say of themselves.
    pub profiles: Arc<profiles::Profiles>,
    /// Which tokens are refused.
    pub refused: Arc<RefusedTokens>,
    /// Wakes who erases when a user was deleted.
    pub new_erasures: Arc<tokio::sync::Notify>,
    /// What makes text of documents.
    pub reader: Arc<dyn DocumentReader>,
    /// Embedding models and what they have embedded.
    pub embeddings: Arc<dyn EmbeddingStore>,
    /// Embeddings and their index.
    pub spaces: VectorSpaces,
    /// BM25 weights.
    pub sparse: Arc<dyn SparseEmbedder>,
    /// The language model, if one is configured.
    pub generator: Option<Arc<dyn Generator>>,
    /// What users have used of it.
    pub tokens: Arc<dyn TokenStore>,
    /// The most that a user may use of it in a day.
    pub token_budget: TokenBudget,
    /// What ranks passages again, if one is configured.
    pub reranker: Option<Arc<dyn Reranker>>,
    /// How many tokens knowledge bases may have for all of them to be given to
    /// the language model; 0 for never.
    pub whole_context: usize,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The source of ids.
    pub randomness: Arc<dyn Randomness>,
    /// Wakes the worker of this process when there is a new job.
    pub new_jobs: Arc<tokio::sync::Notify>,
    /// The most that a user may keep.
    pub quota: Quota,
    /// From which nearness of the best passage and sentence on a question is
    /// answered, where no language model answers.
    pub refuse_below: f32,
    /// What came of answers.
    pub counters: counters::AnswerCounters,
    /// How dense and sparse hits become one list.
    pub fusion: Fusion,
    /// Answers while they are made, for any process.
    pub runs: Arc<dyn AnswerStore>,
    /// Answers that are made in this process.
    pub live: live::LiveAnswers,
    /// How long a reader may be away before their answer stops.
    pub grace: std::time::Duration,
    /// The log of interactions.
    pub interactions: Arc<dyn InteractionStore>,
    /// How it is kept.
    pub interaction_log: InteractionLog,
    /// How often somebody may ask.
    pub rates: rates::QuestionLimits,
    /// What people may do who have not signed in.
    pub visitors: rates::Visitors,
    /// Keys for pages of others.
    pub publishable: publishable_keys::PublishableKeys,
    /// How many conversations a user keeps.
    pub retention: usize,
    /// Answers that are under way: a stop waits for them to be kept.
    pub answers: tokio_util::task::TaskTracker,
    /// Cancelled when the process is to stop.
    pub stop: tokio_util::sync::CancellationToken,
}

impl App {
    fn new_id(&self) -> String {
        service_kit::clock::new_id(self.clock.as_ref(), self.randomness.as_ref())
    }

    /// A number that can't be foreseen.
    fn chance(&self) -> u64 {
        let mut bytes = [0; 8];
        self.randomness.fill(&mut bytes);
        u64::from_be_bytes(bytes)
    }

    fn space(&self) -> Arc<VectorSpace> {
        self.spaces.active()
    }
}
