//! What is needed of the queue of jobs.

use async_trait::async_trait;
use service_kit::clock::Millis;

use super::{Page, Refused, StoreError};
use crate::domain::{
    chunk::EmbeddedChunk,
    document::DocumentId,
    job::{ClaimedJob, Job, JobCounts, Step},
    knowledge_base::KnowledgeBaseId,
    principal::Scope,
    tags::Tags,
};

/// How much a worker takes.
#[derive(Debug, Clone, Copy)]
pub struct ClaimLimits {
    /// The most jobs of one claim.
    pub jobs: usize,
    /// The most jobs of one tenant that the worker has at a time.
    pub of_one_tenant: usize,
}

/// What a version that is published is called and sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// Its title.
    pub title: String,
    /// Its tags.
    pub tags: Tags,
}

/// What became of a version that was to be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It is the one that is found.
    Done,
    /// It is no longer wanted: nothing changed, and its points may go.
    Unwanted,
    /// Another worker has it now: nothing changed, and its points are theirs.
    TakenOver,
    /// Answers come from another model now: nothing changed, and it is to be
    /// embedded by that one.
    OtherModel,
}

/// Jobs, and what the worker reads and writes of documents it has claimed.
/// Nothing is written for a claim that was lost.
#[async_trait]
pub trait JobStore: Send + Sync {
    /// The job, if its document is in `scope`.
    async fn get(&self, scope: &Scope, id: &str) -> Result<Option<Job>, StoreError>;
    /// The jobs whose documents are in `scope`, by id.
    async fn list(&self, scope: &Scope, page: &Page) -> Result<Vec<Job>, StoreError>;
    /// Cancels the job, if it is not over and its knowledge base may be written
    /// to in `scope`. Gives whether it was.
    async fn cancel(&self, scope: &Scope, id: &str, now: Millis) -> Result<bool, Refused>;
    /// Queues a job that failed or was cancelled anew, if its knowledge base may
    /// be written to in `scope`, and unless its document has a newer version.
    /// Gives whether it was.
    async fn retry(&self, scope: &Scope, id: &str, now: Millis) -> Result<bool, Refused>;
    /// Claims jobs that nobody works on, for `lease` milliseconds: tenants take
    /// turns, the one that was served longest ago first, and each one's oldest
    /// jobs come first.
    async fn claim(
        &self,
        worker: &str,
        limits: ClaimLimits,
        now: Millis,
        lease: Millis,
    ) -> Result<Vec<ClaimedJob>, StoreError>;
    /// Writes where a claimed job stands and renews its lease; `false` where
    /// the claim was lost, and the job must be left alone.
    async fn advance(&self, job: &ClaimedJob, step: Step, now: Millis) -> Result<bool, StoreError>;
    /// Ends a claimed job as failed in the state that it is in.
    async fn fail(
        &self,
        job: &ClaimedJob,
        code: &str,
        retryable: bool,
        now: Millis,
    ) -> Result<(), StoreError>;
    /// Gives a claimed job back, to be begun anew after `until`. Where it does
    /// not count, that was no attempt.
    async fn put_off(
        &self,
        job: &ClaimedJob,
        until: Millis,
        counts: bool,
    ) -> Result<(), StoreError>;
    /// Gives back all that a worker has claimed, to be begun anew. That is no
    /// attempt that failed.
    async fn release(&self, worker: &str) -> Result<(), StoreError>;
    /// Gives back what processes that are gone had claimed. Right only for a
    /// process that knows that there is no other one.
    async fn release_all(&self) -> Result<(), StoreError>;
    /// Embeddings that were made of these contents of this document before, by
    /// content hash.
    async fn known_embeddings(
        &self,
        job: &ClaimedJob,
        model: &str,
    ) -> Result<Vec<(String, Vec<f32>)>, StoreError>;
    /// Keeps chunks of a claimed job, in the place of those with the same ids,
    /// and counts them as done, `embedded` of them as embedded. `false` where
    /// the claim was lost or the document is gone: then nothing is kept.
    async fn keep_chunks(
        &self,
        job: &ClaimedJob,
        model: &str,
        chunks: &[EmbeddedChunk],
        embedded: usize,
    ) -> Result<bool, StoreError>;
    /// Makes the job's version the one that is found, ends the job, and marks
    /// older versions for clearing away: all at once. It was embedded by `model`.
    async fn publish(
        &self,
        job: &ClaimedJob,
        model: &str,
        labels: &Labels,
        now: Millis,
    ) -> Result<Published, StoreError>;
    /// Makes the open jobs of a knowledge base in `scope` part of a run, such
    /// as those that an earlier run left behind. Gives their number.
    async fn adopt(
        &self,
        scope: &Scope,
        base: &KnowledgeBaseId,
        run_id: &str,
    ) -> Result<usize, StoreError>;
    /// How the jobs of a run stand whose documents are in `scope`.
    async fn counts(&self, scope: &Scope, run_id: &str) -> Result<JobCounts, StoreError>;
    /// The jobs of a run in `scope` that failed: path and error code.
    async fn failures(
        &self,
        scope: &Scope,
        run_id: &str,
    ) -> Result<Vec<(String, String)>, StoreError>;
    /// Documents and versions whose points are to be cleared from the index.
    async fn garbage(&self) -> Result<Vec<(DocumentId, i64)>, StoreError>;
    /// Forgets garbage that was cleared.
    async fn cleared(&self, document: &DocumentId, upto: i64) -> Result<(), StoreError>;
}
