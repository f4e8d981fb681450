//! Holding the index against the database, which is the truth, and mending
//! what differs.

use std::collections::BTreeSet;

use super::{App, error::Error};
use crate::domain::chunk::ChunkId;

/// How many ids are held against each other at once.
const PAGE: usize = 5_000;

/// How many points are written at once.
const WRITE: usize = 500;

/// How the index compares to the database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexReport {
    /// Chunks that can be found, by the database.
    pub chunks: u64,
    /// Points in the index.
    pub points: u64,
    /// Chunks that the index lacks.
    pub missing: Vec<ChunkId>,
    /// Points that stand for no chunk that can be found.
    pub surplus: Vec<ChunkId>,
}

impl IndexReport {
    /// Whether nothing differs.
    pub fn agrees(&self) -> bool {
        self.missing.is_empty() && self.surplus.is_empty()
    }
}

impl App {
    /// Compares the index to the database, chunk by chunk.
    pub async fn check_index(&self) -> Result<IndexReport, Error> {
        let model = self.dense.fingerprint();
        let (chunks, points) = (
            self.jobs.live_chunks(model).await?,
            self.index()?.count().await?,
        );
        let live = self.live_ids(model).await?;
        let indexed = self.indexed_ids().await?;
        let missing = live.difference(&indexed).cloned().collect();
        let surplus = indexed.difference(&live).cloned().collect();
        Ok(IndexReport {
            chunks,
            points,
            missing,
            surplus,
        })
    }

    /// Puts in what is missing, from the vectors that the database holds, and
    /// takes out what is surplus.
    pub async fn repair_index(&self, report: &IndexReport) -> Result<(), Error> {
        for ids in report.surplus.chunks(WRITE) {
            self.index()?.delete(ids).await?;
        }
        for ids in report.missing.chunks(WRITE) {
            let points = self
                .jobs
                .points(ids)
                .await?
                .into_iter()
                .map(|(mut point, text)| {
                    point.sparse = self.sparse.passage(&text);
                    point
                });
            self.index()?.upsert(points.collect()).await?;
        }
        Ok(())
    }

    /// What a start does before the worker begins: claims of a process that
    /// died are given back where this process is `alone`, the index is brought
    /// to what the database says, and documents of another model are queued.
    pub async fn recover(&self, alone: bool) -> Result<(), Error> {
        if alone {
            self.jobs.release_all().await?;
            self.sources.store.release_all_sources().await?;
            let report = self.check_index().await?;
            if !report.agrees() {
                let (missing, surplus) = (report.missing.len(), report.surplus.len());
                tracing::info!(missing, surplus, "bringing the index up to the database");
                self.repair_index(&report).await?;
            }
        }
        let model = self.dense.fingerprint();
        let queued = self
            .jobs
            .requeue_other_models(model, &|| self.new_id(), self.clock.now())
            .await?;
        if queued > 0 {
            tracing::info!(
                documents = queued,
                "queued documents of another embedding model"
            );
        }
        Ok(())
    }

    async fn live_ids(&self, model: &str) -> Result<BTreeSet<ChunkId>, Error> {
        let mut all = BTreeSet::new();
        let mut after = String::new();
        loop {
            let page = self.jobs.live_chunk_ids(model, &after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(all);
            };
            after.clone_from(&last.0);
            all.extend(page);
        }
    }

    async fn indexed_ids(&self) -> Result<BTreeSet<ChunkId>, Error> {
        let mut all = BTreeSet::new();
        let mut after: Option<ChunkId> = None;
        loop {
            let page = self.index()?.ids(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(all);
            };
            after = Some(last.clone());
            all.extend(page);
        }
    }
}
