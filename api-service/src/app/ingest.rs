//! The worker: takes jobs from the queue, and makes documents searchable, each
//! version whole or not at all.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use proto::error_kind::ErrorKind;
use service_kit::clock::Millis;
use tokio_util::sync::CancellationToken;

use super::{App, add_document::content_hash, error::Error};
use crate::{
    domain::{
        chunk::{ChunkId, ChunkText, EmbeddedChunk},
        document::DocumentId,
        index::IndexPoint,
        job::{ClaimedJob, JobState},
    },
    pipeline::{chunking::chunk, parsing::parse},
};

/// How long a claim holds without a sign of life, in milliseconds.
const LEASE: Millis = 120_000;

/// Jobs that share one flush of the index.
const BATCH: usize = 8;

/// Documents that are read and embedded at once, so that one with few chunks
/// leaves no core idle.
const AT_ONCE: usize = 4;

/// Chunks that are embedded between two checkpoints.
const CHECKPOINT: usize = 32;

/// How long reading and cutting one document may take.
const PARSING_DEADLINE: Duration = Duration::from_mins(1);

/// How long the worker waits after a part could not be reached.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// How often the queue is looked at for jobs that other processes put there.
const POLL: Duration = Duration::from_millis(500);

/// A document that is ready for the index.
struct Prepared {
    job: ClaimedJob,
    title: String,
    points: Vec<IndexPoint>,
}

/// A document's title and chunks.
struct Cut {
    title: String,
    chunks: Vec<ChunkText>,
}

impl App {
    /// Works until `stop`, as `worker`: a name that no other process has.
    pub async fn work(self: Arc<Self>, worker: String, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let done = tokio::select! {
                done = self.work_once(&worker) => done,
                () = stop.cancelled() => break,
            };
            let pause = match done {
                Ok(0) => POLL,
                Ok(_) => continue,
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "ingestion waits and tries again");
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = self.new_jobs.notified() => {}
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
        // Others need not wait for the lease of what was under way to end.
        if let Err(error) = self.jobs.release(&worker).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "jobs under way could not be given back");
        }
    }

    /// Takes up to a batch of jobs to their end; gives how many were taken.
    pub async fn work_once(&self, worker: &str) -> Result<usize, Error> {
        self.clear_garbage().await?;
        let now = self.clock.now();
        let jobs = self.jobs.claim(worker, BATCH, now, LEASE).await?;
        if jobs.is_empty() {
            return Ok(0);
        }
        let taken = jobs.len();
        if let Err(error) = self.take(worker, jobs).await {
            self.jobs.release(worker).await?;
            return Err(error);
        }
        self.clear_garbage().await?;
        Ok(taken)
    }

    async fn take(&self, worker: &str, jobs: Vec<ClaimedJob>) -> Result<(), Error> {
        let each = jobs
            .into_iter()
            .map(|job| self.prepare_or_fail(worker, job));
        let prepared: Vec<Option<Prepared>> =
            stream::iter(each).buffered(AT_ONCE).try_collect().await?;
        let mut prepared: Vec<Prepared> = prepared.into_iter().flatten().collect();
        if prepared.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = prepared
            .iter()
            .map(|document| document.job.id.clone())
            .collect();
        let until = self.clock.now() + LEASE;
        let ours = self
            .jobs
            .advance(worker, &ids, JobState::Indexing, until)
            .await?;
        prepared.retain(|document| ours.contains(&document.job.id));
        let points = prepared
            .iter_mut()
            .flat_map(|document| document.points.drain(..))
            .collect();
        self.index()?.upsert(points).await?;
        for Prepared { job, title, .. } in prepared {
            self.publish(worker, &job, &title).await?;
        }
        Ok(())
    }

    /// Prepares a document. A fault that is the document's own ends its job.
    async fn prepare_or_fail(
        &self,
        worker: &str,
        job: ClaimedJob,
    ) -> Result<Option<Prepared>, Error> {
        let id = job.id.clone();
        match self.prepare(worker, job).await {
            // What can't be reached just now is waited for, by all documents.
            Err(error) if error.kind() != ErrorKind::Unavailable => {
                let code = error.code();
                tracing::warn!(job = id, code, "a document can't be ingested");
                self.jobs.fail(worker, &id, code, self.clock.now()).await?;
                Ok(None)
            }
            done => done,
        }
    }

    /// Makes the document findable. If it is no longer wanted, its points go.
    async fn publish(&self, worker: &str, job: &ClaimedJob, title: &str) -> Result<(), Error> {
        if !self
            .jobs
            .publish(worker, job, title, self.clock.now())
            .await?
        {
            self.drop_points(&job.document_id, job.version).await?;
        }
        Ok(())
    }

    async fn drop_points(&self, document: &DocumentId, version: i64) -> Result<(), Error> {
        Ok(self.index()?.delete_versions(document, version).await?)
    }

    /// Reads, cuts and embeds one document; `None` where the job was taken away.
    async fn prepare(&self, worker: &str, job: ClaimedJob) -> Result<Option<Prepared>, Error> {
        let cut = self.cut(&job).await?;
        let model = self.dense.fingerprint();
        let known: HashMap<String, Vec<f32>> = self
            .jobs
            .known_embeddings(&job, model)
            .await?
            .into_iter()
            .collect();
        let texts: Vec<String> = cut
            .chunks
            .iter()
            .map(|chunk| chunk.indexed_text(&cut.title))
            .collect();
        let mut points = Vec::with_capacity(texts.len());
        for (batch, begin) in texts.chunks(CHECKPOINT).zip((0..).step_by(CHECKPOINT)) {
            let ids = [job.id.clone()];
            let until = self.clock.now() + LEASE;
            if self
                .jobs
                .advance(worker, &ids, JobState::Embedding, until)
                .await?
                .is_empty()
            {
                return Ok(None);
            }
            let vectors = self.embed_new(batch, &known).await?;
            let chunks: Vec<EmbeddedChunk> = batch
                .iter()
                .zip(vectors)
                .enumerate()
                .map(|(place, (text, embedding))| EmbeddedChunk {
                    id: chunk_id(&job, begin + place),
                    ordinal: begin + place,
                    chunk: cut.chunks[begin + place].clone(),
                    content_hash: content_hash(text.as_bytes()),
                    embedding,
                })
                .collect();
            self.jobs.keep_chunks(&job, model, &chunks).await?;
            points.extend(
                chunks
                    .into_iter()
                    .zip(batch)
                    .map(|(chunk, text)| self.point(&job, chunk, text)),
            );
        }
        Ok(Some(Prepared {
            title: cut.title,
            job,
            points,
        }))
    }

    /// Reads and cuts on a thread of its own, within a deadline.
    async fn cut(&self, job: &ClaimedJob) -> Result<Cut, Error> {
        let (job, dense) = (job.clone(), Arc::clone(&self.dense));
        let cutting = tokio::task::spawn_blocking(move || {
            let parsed = parse(job.media_type, &job.content)?;
            let title = title(&job, parsed.title.as_deref());
            let count = |text: &str| dense.count_tokens(text);
            let chunks = chunk(&job.content, &title, &parsed, dense.max_tokens(), &count);
            Ok(Cut { title, chunks })
        });
        match tokio::time::timeout(PARSING_DEADLINE, cutting).await {
            Ok(Ok(cut)) => cut,
            // It panicked, or takes too long: the document's fault, not ours.
            Ok(Err(_)) | Err(_) => Err(Error::UnreadableInTime),
        }
    }

    /// The vectors of texts: known ones as they are, the others from the model.
    async fn embed_new(
        &self,
        texts: &[String],
        known: &HashMap<String, Vec<f32>>,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let found: Vec<Option<&Vec<f32>>> = texts
            .iter()
            .map(|text| known.get(&content_hash(text.as_bytes())))
            .collect();
        let missing = texts
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.is_none());
        let missing: Vec<String> = missing.map(|(text, _)| text.clone()).collect();
        let mut made = self.dense.embed_passages(missing).await?.into_iter();
        let vectors = found.into_iter().map(|known| match known {
            Some(vector) => vector.clone(),
            None => made.next().unwrap_or_default(),
        });
        Ok(vectors.collect())
    }

    fn point(&self, job: &ClaimedJob, chunk: EmbeddedChunk, text: &str) -> IndexPoint {
        IndexPoint {
            chunk_id: chunk.id,
            document_id: job.document_id.clone(),
            version: job.version,
            knowledge_base_id: job.knowledge_base_id.clone(),
            dense: chunk.embedding,
            sparse: self.sparse.passage(text),
        }
    }

    /// Clears the points of what was deleted or replaced from the index.
    async fn clear_garbage(&self) -> Result<(), Error> {
        for (document, version) in self.jobs.garbage().await? {
            self.drop_points(&document, version).await?;
            self.jobs.cleared(&document, version).await?;
        }
        for base in self.bases.garbage_bases().await? {
            self.index()?.delete_base(&base).await?;
            self.bases.cleared_base(&base).await?;
        }
        Ok(())
    }
}

/// The title that came with the document, else the one it gives itself, else
/// its file's name.
fn title(job: &ClaimedJob, own: Option<&str>) -> String {
    if !job.title.is_empty() {
        return job.title.clone();
    }
    let file = job.path.rsplit('/').next().unwrap_or_default();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let title = own.unwrap_or(stem);
    title
        .chars()
        .take(crate::domain::document::MAX_LABEL)
        .collect()
}

/// A UUID (version 8, RFC 9562 section 5.8) that follows from where the chunk
/// stands: work that is done twice makes the same chunk.
fn chunk_id(job: &ClaimedJob, ordinal: usize) -> ChunkId {
    let place = format!("{}/{}/{ordinal}", job.document_id.0, job.version);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&blake3::hash(place.as_bytes()).as_bytes()[..16]);
    ChunkId(
        uuid::Builder::from_custom_bytes(bytes)
            .into_uuid()
            .to_string(),
    )
}
