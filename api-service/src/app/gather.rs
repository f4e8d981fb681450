//! What an answer may cite: retrieve → rank.

use super::{
    App,
    error::Error,
    search::{Wanted, Within},
};
use crate::{
    domain::{
        chunk::{ChunkId, Passage},
        index::Mode,
        principal::Scope,
        question::Question,
    },
    pipeline::ranking::{REACH, rank},
};

/// How many sources an answer may cite.
const SOURCES: usize = 6;

/// How many passages they are made of.
const CANDIDATES: usize = 20;

impl App {
    /// The sources of an answer, best first.
    pub(super) async fn gather(
        &self,
        scope: &Scope,
        question: &Question,
        within: &Within,
    ) -> Result<Vec<Passage>, Error> {
        let wanted = Wanted {
            within,
            limit: CANDIDATES,
            mode: Mode::Hybrid(self.fusion),
        };
        let found = self.retrieve(scope, question, wanted).await?;
        let ids: Vec<ChunkId> = found
            .iter()
            .map(|passage| passage.chunk_id.clone())
            .collect();
        let around = self.documents.around(scope, &ids, REACH).await?;
        Ok(rank(found, &around, SOURCES))
    }
}
