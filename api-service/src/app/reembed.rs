//! The change to another embedding model: documents that can be found are
//! embedded by it in the background, batch by batch, into a second index, and
//! when nothing is missing it takes the place of the first one, at once and for
//! all processes. Answers come from the first one until then.

use std::{sync::Arc, time::Duration};

use service_kit::clock::Millis;
use tokio_util::sync::CancellationToken;

use super::{
    App,
    error::Error,
    ports::{EmbeddingError, StoredPoint},
    vector_spaces::VectorSpace,
};
use crate::domain::{
    chunk::ChunkId,
    embedding_model::{EmbeddingModel, ModelState, ModelStatus},
    index::IndexPoint,
};

/// Chunks that are embedded between two checkpoints.
const BATCH: usize = 64;

/// How long a claim holds without a sign of life, in milliseconds.
const LEASE: Millis = 120_000;

/// How often it is looked whether another process has brought the change about.
const POLL: Duration = Duration::from_secs(2);

/// How long is waited after a part could not be reached, or a provider asked to
/// wait and did not say how long.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// What a step of the change came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reembedding {
    /// So many chunks were embedded.
    Embedded(usize),
    /// Another process does it.
    Elsewhere,
    /// There is nothing to change, or nothing more.
    Done,
}

impl App {
    /// All embedding models that the database knows, with how far they are, and
    /// how many chunks can be found.
    pub async fn embedding_models(&self) -> Result<(Vec<ModelStatus>, u64), Error> {
        let models = self.embeddings.models().await?;
        Ok((models, self.embeddings.live_chunks().await?))
    }

    /// Embeds documents by the next model until none is left or `stop`, as
    /// `worker`: a name that no other process has.
    pub async fn reembed(self: Arc<Self>, worker: String, stop: CancellationToken) {
        let mut told = 0;
        while !stop.is_cancelled() {
            let pause = match self.reembed_step(&worker).await {
                Ok(Reembedding::Done) => return,
                Ok(Reembedding::Elsewhere) => POLL,
                Ok(Reembedding::Embedded(chunks)) => {
                    told += chunks;
                    if told >= BATCH * 100 {
                        told = 0;
                        self.tell_progress().await;
                    }
                    continue;
                }
                Err(Error::Embedding(EmbeddingError::Busy(after))) => {
                    after.unwrap_or(AFTER_FAILURE)
                }
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "the change of the embedding model waits");
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn tell_progress(&self) {
        let Ok((models, chunks)) = self.embedding_models().await else {
            return;
        };
        for status in models {
            if status.state == ModelState::Building {
                let (model, embedded) = (&status.model.fingerprint, status.embedded);
                tracing::info!(model, embedded, chunks, "documents are embedded anew");
            }
        }
    }

    /// One batch of the change, or its end.
    pub async fn reembed_step(&self, worker: &str) -> Result<Reembedding, Error> {
        let Some(next) = self.spaces.next() else {
            return Ok(Reembedding::Done);
        };
        let now = self.clock.now();
        let model = next.dense.model();
        let active = self.embeddings.active_or(&model, now).await?;
        if active.fingerprint == model.fingerprint {
            self.spaces.switch();
            tracing::info!(
                model = model.fingerprint,
                "answers come from this model now"
            );
            return Ok(Reembedding::Done);
        }
        let claim = self
            .embeddings
            .claim_model(&model, worker, now, now + LEASE);
        if !claim.await? {
            return Ok(Reembedding::Elsewhere);
        }
        let ids = self
            .embeddings
            .not_embedded(&model.fingerprint, BATCH)
            .await?;
        if ids.is_empty() {
            self.finish(&next, &model).await?;
            return Ok(Reembedding::Embedded(0));
        }
        self.embed_stored(&next, &model, &ids).await?;
        Ok(Reembedding::Embedded(ids.len()))
    }

    async fn embed_stored(
        &self,
        next: &VectorSpace,
        model: &EmbeddingModel,
        ids: &[ChunkId],
    ) -> Result<(), Error> {
        let stored = self.embeddings.points(&model.fingerprint, ids).await?;
        let texts = stored.iter().map(|stored| stored.text.clone()).collect();
        let vectors = next.dense.embed_passages(texts).await?;
        let embedded: Vec<StoredPoint> = stored
            .into_iter()
            .zip(vectors)
            .map(|(mut stored, vector)| {
                stored.point.dense = vector;
                stored
            })
            .collect();
        let kept: Vec<(ChunkId, Vec<f32>)> = embedded
            .iter()
            .map(|stored| (stored.point.chunk_id.clone(), stored.point.dense.clone()))
            .collect();
        self.embeddings
            .keep_embeddings(&model.fingerprint, &kept)
            .await?;
        let points = embedded.into_iter().map(|stored| self.whole(stored));
        next.index()?.upsert(points.collect()).await?;
        Ok(())
    }

    /// Holds the new index against the database, once, and makes the change,
    /// unless there is something new to embed.
    async fn finish(&self, next: &VectorSpace, model: &EmbeddingModel) -> Result<(), Error> {
        let report = self.check_space(next).await?;
        self.repair_space(next, &report).await?;
        let now = self.clock.now();
        self.embeddings.activate(&model.fingerprint, now).await?;
        Ok(())
    }

    /// A stored point with its sparse vector.
    pub(super) fn whole(&self, stored: StoredPoint) -> IndexPoint {
        IndexPoint {
            sparse: self.sparse.passage(&stored.text, stored.language),
            ..stored.point
        }
    }
}
