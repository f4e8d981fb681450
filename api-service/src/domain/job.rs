//! Jobs: the work that makes a document searchable.

use service_kit::clock::Millis;

use super::{
    document::{DocumentId, MediaType},
    knowledge_base::KnowledgeBaseId,
};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It waits.
    Queued,
    /// The content is read and cut into chunks.
    Parsing,
    /// The chunks get their vectors.
    Embedding,
    /// The vectors are put into the index.
    Indexing,
    /// The document can be found.
    Ready,
    /// It can't be done; the error code says why.
    Failed,
    /// It is no longer wanted: a newer version came, or the document went.
    Cancelled,
}

impl JobState {
    /// The word that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Parsing => "parsing",
            Self::Embedding => "embedding",
            Self::Indexing => "indexing",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// What a stored word stands for, if anything.
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [
            Self::Queued,
            Self::Parsing,
            Self::Embedding,
            Self::Indexing,
            Self::Ready,
            Self::Failed,
            Self::Cancelled,
        ];
        all.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing more will happen.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Ready | Self::Failed | Self::Cancelled)
    }
}

/// A job as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id (UUIDv7).
    pub id: String,
    /// The document it is about.
    pub document_id: DocumentId,
    /// Where it stands.
    pub state: JobState,
    /// Why it failed: a stable code, empty where it did not.
    pub error_code: String,
    /// How many chunks came out, once that is known.
    pub chunks: usize,
    /// When it was asked for.
    pub created_at: Millis,
    /// When it last moved on.
    pub updated_at: Millis,
}

/// A job that this process works on, with all it needs.
#[derive(Debug, Clone)]
pub struct ClaimedJob {
    /// The job's id.
    pub id: String,
    /// How many times it was begun, this time included.
    pub attempt: i64,
    /// The document.
    pub document_id: DocumentId,
    /// The version that is made searchable.
    pub version: i64,
    /// The knowledge base the document belongs to.
    pub knowledge_base_id: KnowledgeBaseId,
    /// The title that came with it; empty where the content is to tell.
    pub title: String,
    /// Where the document came from.
    pub path: String,
    /// Its format.
    pub media_type: MediaType,
    /// Its content.
    pub content: String,
}

/// How many times a job is begun before it counts as failed: what kills the
/// process each time must not kill it for ever.
pub const MAX_ATTEMPTS: i64 = 5;

/// How many jobs stand in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobCounts {
    /// Those that are done.
    pub ready: usize,
    /// Those that failed.
    pub failed: usize,
    /// Those that were cancelled.
    pub cancelled: usize,
    /// All others.
    pub open: usize,
    /// The chunks of those that are done.
    pub chunks: usize,
}
