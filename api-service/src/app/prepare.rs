//! One document on its way from a job to points of the index: read, cut,
//! embedded batch by batch, and what becomes of the job where that fails.

use std::{collections::HashMap, sync::Arc, time::Duration};

use proto::error_kind::ErrorKind;
use service_kit::clock::Millis;

use super::{
    App,
    add_document::content_hash,
    error::Error,
    ports::{DenseEmbedder, EmbeddingError, Labels},
    vector_spaces::VectorSpace,
};
use crate::{
    domain::{
        chunk::{ChunkId, ChunkText, EmbeddedChunk},
        index::IndexPoint,
        job::{ClaimedJob, JobState, MAX_ATTEMPTS, Step, pause_after, scattered},
        language::Language,
    },
    pipeline::{chunking::chunk, language::language_of, parsing::Parsed},
};

/// How long a claim holds without a sign of life, in milliseconds: longer than
/// any stage may take between two of them.
pub(super) const LEASE: Millis = 120_000;

/// Chunks whose language is looked at.
const LOOKED_AT: usize = 8;

/// Chunks that are embedded between two checkpoints.
const CHECKPOINT: usize = 32;

/// How long cutting one document may take.
const CHUNKING_DEADLINE: Duration = Duration::from_mins(1);

/// How long embedding the chunks up to the next checkpoint may take.
const EMBEDDING_DEADLINE: Duration = Duration::from_secs(90);

/// How long a provider that is asked too much is left alone where it does not
/// say how long, in milliseconds.
const BUSY_PAUSE: Millis = 15_000;

/// The longest that a provider may make jobs wait, in milliseconds.
const LONGEST_BUSY: Millis = 60 * 60 * 1000;

/// A document that is ready for the index.
pub(super) struct Prepared {
    pub(super) job: Arc<ClaimedJob>,
    pub(super) labels: Labels,
    pub(super) points: Vec<IndexPoint>,
    /// What it was embedded by, and goes to.
    pub(super) space: Arc<VectorSpace>,
}

/// A document's labels and chunks, and the texts that are embedded for them.
struct Cut {
    labels: Labels,
    chunks: Vec<ChunkText>,
    texts: Vec<String>,
}

impl App {
    /// Prepares a document; `None` where it came to nothing, and its job is
    /// ended, put off or somebody else's. What concerns all documents, such as
    /// a database out of reach, is an error.
    pub(super) async fn prepare_or_end(
        &self,
        job: Arc<ClaimedJob>,
    ) -> Result<Option<Prepared>, Error> {
        match self.prepare(Arc::clone(&job)).await {
            Err(Error::Embedding(EmbeddingError::Busy(after))) => {
                self.wait_for_provider(&job, after).await?;
                Ok(None)
            }
            // What can't be reached just now is waited for, by all documents.
            Err(error) if error.kind() != ErrorKind::Unavailable => {
                self.end_attempt(&job, &error).await?;
                Ok(None)
            }
            done => done,
        }
    }

    async fn wait_for_provider(
        &self,
        job: &ClaimedJob,
        after: Option<Duration>,
    ) -> Result<(), Error> {
        let after = after.map_or(BUSY_PAUSE, |after| {
            Millis::try_from(after.as_millis()).unwrap_or(LONGEST_BUSY)
        });
        let after = after.min(LONGEST_BUSY);
        // A tenth more at most, so that not all come back at once.
        let until = self.clock.now() + after + scattered(after / 10, self.chance());
        tracing::info!(job = job.id, after, "the embedding provider asks to wait");
        Ok(self.jobs.put_off(job, until, false).await?)
    }

    async fn end_attempt(&self, job: &ClaimedJob, error: &Error) -> Result<(), Error> {
        let (code, now, transient) = (error.code(), self.clock.now(), error.is_transient());
        if transient && job.attempt < MAX_ATTEMPTS {
            let until = now + pause_after(job.attempt, self.chance());
            tracing::warn!(
                job = job.id,
                code,
                attempt = job.attempt,
                "tried again later"
            );
            return Ok(self.jobs.put_off(job, until, true).await?);
        }
        {
            let cause = std::error::Error::source(error);
            tracing::warn!(job = job.id, code, cause, "a document can't be ingested");
        }
        Ok(self.jobs.fail(job, code, transient, now).await?)
    }

    /// Notes that the job is in a state and goes on; `false` where it was taken
    /// away.
    pub(super) async fn advance(
        &self,
        job: &ClaimedJob,
        state: JobState,
        total: usize,
    ) -> Result<bool, Error> {
        let now = self.clock.now();
        let step = Step {
            state,
            total,
            lease_until: now + LEASE,
        };
        Ok(self.jobs.advance(job, step, now).await?)
    }

    async fn prepare(&self, job: Arc<ClaimedJob>) -> Result<Option<Prepared>, Error> {
        let reading = self.reader.read(job.media_type, job.content.clone());
        let parsed = reading.await?;
        if !self.advance(&job, JobState::Chunking, 0).await? {
            return Ok(None);
        }
        let space = self.space();
        let cut = self.cut(&job, parsed, &space).await?;
        let Some(points) = self.embed(&job, &cut, &space).await? else {
            return Ok(None);
        };
        Ok(Some(Prepared {
            job,
            labels: cut.labels,
            points,
            space,
        }))
    }

    async fn cut(
        &self,
        job: &Arc<ClaimedJob>,
        parsed: Parsed,
        space: &VectorSpace,
    ) -> Result<Cut, Error> {
        let (job, dense) = (Arc::clone(job), Arc::clone(&space.dense));
        let cutting = move || {
            let title = title(&job, parsed.title.as_deref());
            let count = |text: &str| dense.count_tokens(text);
            let chunks = chunk(&parsed, &title, dense.max_tokens(), &count);
            let texts = chunks.iter().map(|chunk| chunk.indexed_text(&title));
            let texts = texts.collect();
            let tags = job.tags.clone().and(&parsed.tags);
            Cut {
                labels: Labels { title, tags },
                chunks,
                texts,
            }
        };
        within(CHUNKING_DEADLINE, cutting).await
    }

    /// Embeds all chunks, and keeps those of each batch; `None` where the job
    /// was taken away.
    async fn embed(
        &self,
        job: &ClaimedJob,
        cut: &Cut,
        space: &VectorSpace,
    ) -> Result<Option<Vec<IndexPoint>>, Error> {
        let model = space.dense.fingerprint();
        let language = self.language_of(job, &cut.texts).await?;
        let known = self.jobs.known_embeddings(job, model).await?;
        let known: HashMap<String, Vec<f32>> = known.into_iter().collect();
        let total = cut.chunks.len();
        let mut points = Vec::with_capacity(total);
        for begin in (0..total).step_by(CHECKPOINT) {
            if !self.advance(job, JobState::Embedding, total).await? {
                return Ok(None);
            }
            let places = begin..(begin + CHECKPOINT).min(total);
            let texts = &cut.texts[places.clone()];
            let embedding = embed_new(space.dense.as_ref(), texts, &known);
            let embedding = tokio::time::timeout(EMBEDDING_DEADLINE, embedding);
            let (vectors, embedded) = embedding.await.map_err(|_| Error::StageTooLong)??;
            let chunks: Vec<EmbeddedChunk> = places
                .zip(vectors)
                .map(|(place, embedding)| EmbeddedChunk {
                    id: chunk_id(job, place),
                    ordinal: place,
                    chunk: cut.chunks[place].clone(),
                    content_hash: content_hash(cut.texts[place].as_bytes()),
                    embedding,
                })
                .collect();
            if !self.jobs.keep_chunks(job, model, &chunks, embedded).await? {
                return Ok(None);
            }
            let made = chunks.into_iter().zip(texts);
            points.extend(made.map(|(chunk, text)| self.point(job, chunk, text, language)));
        }
        Ok(Some(points))
    }

    /// The language of the job's knowledge base. Where it is not known, the
    /// document tells it, if it can; until then it is taken for English.
    async fn language_of(&self, job: &ClaimedJob, texts: &[String]) -> Result<Language, Error> {
        let base = &job.knowledge_base_id;
        if let Some(language) = self.embeddings.language(base).await? {
            return Ok(language);
        }
        let text = texts
            .iter()
            .take(LOOKED_AT)
            .fold(String::new(), |all, text| all + text);
        let Some(language) = language_of(&text) else {
            return Ok(Language::ENGLISH);
        };
        self.embeddings.note_language(base, language).await?;
        // Another document may have been quicker.
        let noted = self.embeddings.language(base).await?;
        Ok(noted.unwrap_or(language))
    }

    fn point(
        &self,
        job: &ClaimedJob,
        chunk: EmbeddedChunk,
        text: &str,
        language: Language,
    ) -> IndexPoint {
        IndexPoint {
            chunk_id: chunk.id,
            document_id: job.document_id.clone(),
            version: job.version,
            knowledge_base_id: job.knowledge_base_id.clone(),
            dense: chunk.embedding,
            sparse: self.sparse.passage(text, language),
        }
    }
}

/// The vectors of texts: known ones as they are, the others, so many, from
/// the model.
async fn embed_new(
    dense: &dyn DenseEmbedder,
    texts: &[String],
    known: &HashMap<String, Vec<f32>>,
) -> Result<(Vec<Vec<f32>>, usize), Error> {
    let found: Vec<Option<&Vec<f32>>> = texts
        .iter()
        .map(|text| known.get(&content_hash(text.as_bytes())))
        .collect();
    let missing = texts
        .iter()
        .zip(&found)
        .filter(|(_, found)| found.is_none());
    let missing: Vec<String> = missing.map(|(text, _)| text.clone()).collect();
    let embedded = missing.len();
    let mut made = dense.embed_passages(missing).await?.into_iter();
    let vectors = found.into_iter().map(|known| match known {
        Some(vector) => vector.clone(),
        None => made.next().unwrap_or_default(),
    });
    Ok((vectors.collect(), embedded))
}

/// Works on a thread of its own, within a deadline.
async fn within<T: Send + 'static>(
    deadline: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    match tokio::time::timeout(deadline, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => Ok(done),
        // It panicked, or takes too long: the document's fault, not ours.
        Ok(Err(_)) | Err(_) => Err(Error::UnreadableInTime),
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
pub(super) fn chunk_id(job: &ClaimedJob, ordinal: usize) -> ChunkId {
    let place = format!("{}/{}/{ordinal}", job.document_id.0, job.version);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&blake3::hash(place.as_bytes()).as_bytes()[..16]);
    ChunkId(
        uuid::Builder::from_custom_bytes(bytes)
            .into_uuid()
            .to_string(),
    )
}
