//! Jobs: the work that makes a document searchable.

use service_kit::clock::Millis;

use super::{
    document::{DocumentId, MediaType},
    knowledge_base::KnowledgeBaseId,
    tags::Tags,
};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It waits.
    Queued,
    /// The content is read.
    Parsing,
    /// The text is cut into chunks.
    Chunking,
    /// The chunks get their vectors.
    Embedding,
    /// The vectors are put into the index.
    Indexing,
    /// The document can be found.
    Ready,
    /// It can't be done; the failure says why.
    Failed,
    /// It is no longer wanted: somebody cancelled it, or a newer version came.
    Cancelled,
}

impl JobState {
    const ALL: [Self; 8] = [
        Self::Queued,
        Self::Parsing,
        Self::Chunking,
        Self::Embedding,
        Self::Indexing,
        Self::Ready,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Parsing => "parsing",
            Self::Chunking => "chunking",
            Self::Embedding => "embedding",
            Self::Indexing => "indexing",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// What a stored word stands for, if anything.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing more will happen.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Ready | Self::Failed | Self::Cancelled)
    }
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A stable code.
    pub code: String,
    /// The state in which it failed.
    pub stage: JobState,
    /// Whether the same document may do better another time.
    pub retryable: bool,
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
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// How many times it was begun.
    pub attempt: i64,
    /// How many chunks there are; 0 until that is known.
    pub total: usize,
    /// How many of them have their vectors.
    pub done: usize,
    /// For how many of this version's chunks the model was asked.
    pub embedded: usize,
    /// When it came to its state.
    pub state_since: Millis,
    /// When it was asked for.
    pub created_at: Millis,
    /// When it last moved on.
    pub updated_at: Millis,
}

impl Job {
    /// How many chunks had a vector already, from an older version.
    pub const fn reused(&self) -> usize {
        self.done.saturating_sub(self.embedded)
    }

    /// How many seconds after it last moved on all chunks will have their
    /// vectors, if it goes on as it went so far. Nothing where that can't be told.
    pub fn eta_seconds(&self) -> Option<u64> {
        if self.state != JobState::Embedding || self.done == 0 {
            return None;
        }
        let took = u64::try_from(self.updated_at - self.state_since).unwrap_or_default();
        let left = u64::try_from(self.total.saturating_sub(self.done)).ok()?;
        let done = u64::try_from(self.done).ok()?;
        Some(took.saturating_mul(left).div_ceil(done * 1000))
    }
}

/// A job that this process works on, with all it needs.
#[derive(Debug, Clone)]
pub struct ClaimedJob {
    /// The job's id.
    pub id: String,
    /// How many times it was begun, this time included.
    pub attempt: i64,
    /// The claim's number: nothing is written once another one was given out.
    pub fence: i64,
    /// Whose turn it was.
    pub tenant: String,
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
    /// The tags that came with it.
    pub tags: Tags,
    /// Its format.
    pub media_type: MediaType,
    /// Its content, as it was sent.
    pub content: Vec<u8>,
}

/// What a worker that still has its claim writes of it.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The state that the job is in.
    pub state: JobState,
    /// How many chunks there are; 0 until that is known.
    pub total: usize,
    /// Until when the claim holds without another sign of life.
    pub lease_until: Millis,
}

/// How many times a job is begun before it counts as failed: what kills the
/// process each time must not kill it for ever.
pub const MAX_ATTEMPTS: i64 = 5;

/// The pause after the first attempt that failed, in milliseconds.
const FIRST_PAUSE: Millis = 5_000;

/// The longest pause between two attempts, in milliseconds.
const LONGEST_PAUSE: Millis = 300_000;

/// How long a job waits after its attempt number `attempt` failed, in
/// milliseconds: twice as long each time, and up to half of it more by `chance`,
/// so that jobs that failed together do not all come back together.
pub fn pause_after(attempt: i64, chance: u64) -> Millis {
    let doublings = u32::try_from(attempt.clamp(1, 16) - 1).unwrap_or_default();
    let pause = (FIRST_PAUSE << doublings).min(LONGEST_PAUSE);
    pause + scattered(pause / 2, chance)
}

/// A duration from 0 to `most` milliseconds, by `chance`.
pub fn scattered(most: Millis, chance: u64) -> Millis {
    let range = u64::try_from(most).unwrap_or_default() + 1;
    Millis::try_from(chance % range).unwrap_or_default()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_end_and_are_scattered() {
        let pauses = [1, 2, 3, 4, 7, 99].map(|attempt| pause_after(attempt, 0));
        assert_eq!(pauses, [5_000, 10_000, 20_000, 40_000, 300_000, 300_000]);
        assert_eq!(pause_after(1, 2_500), 7_500);
        assert_eq!(pause_after(1, 2_501), 5_000);
        assert_eq!(pause_after(1, u64::MAX), 5_000 + 15);
    }

    #[test]
    fn the_end_is_told_from_what_was_done() {
        let job = |state, done, updated_at| Job {
            id: String::new(),
            document_id: DocumentId(String::new()),
            state,
            failure: None,
            attempt: 1,
            total: 100,
            done,
            embedded: 20,
            state_since: 1_000,
            created_at: 0,
            updated_at,
        };
        let eta = |done, updated_at| job(JobState::Embedding, done, updated_at).eta_seconds();
        assert_eq!(eta(25, 3_000), Some(6));
        assert_eq!(eta(25, 3_001), Some(7));
        assert_eq!(eta(25, 0), Some(0));
        assert_eq!(eta(0, 3_000), None);
        assert_eq!(eta(100, 9_000), Some(0));
        assert_eq!(job(JobState::Indexing, 25, 3_000).eta_seconds(), None);
        assert_eq!(job(JobState::Ready, 25, 3_000).reused(), 5);
    }
}
