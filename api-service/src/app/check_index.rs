//! Holding the index against the database, which is the truth, and mending
//! what differs.

use std::collections::BTreeSet;

use super::{App, error::Error, vector_spaces::VectorSpace};
use crate::domain::{chunk::ChunkId, knowledge_base::KnowledgeBaseId};

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
        self.check_space(&self.space()).await
    }

    /// Puts in what is missing, from the vectors that the database holds, and
    /// takes out what is surplus.
    pub async fn repair_index(&self, report: &IndexReport) -> Result<(), Error> {
        self.repair_space(&self.space(), report).await
    }

    /// Writes every point anew from the database, and takes out what is surplus.
    /// What is asked meanwhile is answered. `each` is told how many were written.
    pub async fn rebuild_index(&self, mut each: impl FnMut(usize)) -> Result<IndexReport, Error> {
        let space = self.space();
        let (mut after, mut written) = (String::new(), 0);
        loop {
            let ids = self.page(&space, None, &after, WRITE).await?;
            let Some(last) = ids.last() else { break };
            after.clone_from(&last.0);
            self.write_points(&space, &ids).await?;
            written += ids.len();
            each(written);
        }
        let report = self.check_space(&space).await?;
        self.repair_space(&space, &report).await?;
        self.check_space(&space).await
    }

    /// Writes some points of a knowledge base anew whose language has changed;
    /// `false` where there is none.
    pub(super) async fn renew_some(&self) -> Result<bool, Error> {
        let Some((base, after)) = self.embeddings.outdated_base().await? else {
            return Ok(false);
        };
        let mut upto = None;
        for space in self.spaces.all() {
            let ids = self.page(&space, Some(&base), &after, WRITE).await?;
            self.write_points(&space, &ids).await?;
            // The active space comes first, and has all that another one has.
            upto = upto.or_else(|| ids.last().cloned());
        }
        self.embeddings
            .renewed(&base, &after, upto.as_ref())
            .await?;
        Ok(true)
    }

    pub(super) async fn check_space(&self, space: &VectorSpace) -> Result<IndexReport, Error> {
        let points = space.index()?.count().await?;
        let live = self.live_ids(space).await?;
        let indexed = indexed_ids(space).await?;
        Ok(IndexReport {
            chunks: u64::try_from(live.len()).unwrap_or(u64::MAX),
            points,
            missing: live.difference(&indexed).cloned().collect(),
            surplus: indexed.difference(&live).cloned().collect(),
        })
    }

    pub(super) async fn repair_space(
        &self,
        space: &VectorSpace,
        report: &IndexReport,
    ) -> Result<(), Error> {
        for ids in report.surplus.chunks(WRITE) {
            space.index()?.delete(ids).await?;
        }
        for ids in report.missing.chunks(WRITE) {
            self.write_points(space, ids).await?;
        }
        Ok(())
    }

    async fn write_points(&self, space: &VectorSpace, ids: &[ChunkId]) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let stored = self
            .embeddings
            .points(space.dense.fingerprint(), ids)
            .await?;
        let points = stored.into_iter().map(|stored| self.whole(stored));
        Ok(space.index()?.upsert(points.collect()).await?)
    }

    async fn page(
        &self,
        space: &VectorSpace,
        base: Option<&KnowledgeBaseId>,
        after: &str,
        limit: usize,
    ) -> Result<Vec<ChunkId>, Error> {
        let model = space.dense.fingerprint();
        Ok(self
            .embeddings
            .embedded_ids(model, base, after, limit)
            .await?)
    }

    /// What a start does before the worker begins: claims of a process that
    /// died are given back where this process is `alone`, and the index is
    /// brought to what the database says.
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
        Ok(())
    }

    async fn live_ids(&self, space: &VectorSpace) -> Result<BTreeSet<ChunkId>, Error> {
        let mut all = BTreeSet::new();
        let mut after = String::new();
        loop {
            let page = self.page(space, None, &after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(all);
            };
            after.clone_from(&last.0);
            all.extend(page);
        }
    }
}

async fn indexed_ids(space: &VectorSpace) -> Result<BTreeSet<ChunkId>, Error> {
    let mut all = BTreeSet::new();
    let mut after: Option<ChunkId> = None;
    loop {
        let page = space.index()?.ids(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(all);
        };
        after = Some(last.clone());
        all.extend(page);
    }
}
