//! What an answer may cite: retrieve → rank. Knowledge bases that are small
//! enough are given as a whole.

use super::{App, error::Error, search::Within};
use crate::{
    domain::{chunk::Passage, principal::Scope, question::Question},
    pipeline::ranking::{before_gaps, rank, whole},
};

/// How many sources an answer may cite.
const SOURCES: usize = 6;

/// How many passages they are made of.
const CANDIDATES: usize = 20;

/// Knowledge bases with more passages than this are not small.
const MOST_PASSAGES: usize = 128;

/// No token has more bytes than this on the whole: what is longer need not be
/// counted.
const BYTES_OF_A_TOKEN: usize = 8;

impl App {
    /// The sources of an answer, best first, and no more than `most`, where that
    /// is given.
    pub(super) async fn gather(
        &self,
        scope: &Scope,
        question: &Question,
        within: &Within,
        most: Option<usize>,
    ) -> Result<Vec<Passage>, Error> {
        let (found, few) = tokio::join!(
            self.find(scope, question, within, CANDIDATES),
            self.if_few(scope, within, most),
        );
        let found = found?;
        if let Some((all, tokens)) = few?
            && let Some(documents) = self.whole_documents(&found, &all, tokens)
        {
            return Ok(documents);
        }
        let before = before_gaps(&found);
        let gaps = if before.is_empty() {
            vec![]
        } else {
            self.documents.following(scope, &before).await?
        };
        Ok(rank(&found, &gaps, most.unwrap_or(SOURCES)))
    }

    /// All passages of what is asked, if they are few, and how many tokens of them a
    /// language model can be given.
    async fn if_few(
        &self,
        scope: &Scope,
        within: &Within,
        most: Option<usize>,
    ) -> Result<Option<(Vec<Passage>, usize)>, Error> {
        let Some(generator) = &self.generator else {
            return Ok(None);
        };
        // The other half is for the instructions, the conversation and the answer.
        let tokens = self.whole_context.min(generator.window() / 2);
        if tokens == 0 || most.is_some() || !within.filter.is_empty() {
            return Ok(None);
        }
        let bases = if within.bases.is_empty() {
            vec![]
        } else {
            self.bases_within(scope, &within.bases).await?
        };
        let ids: Vec<_> = bases.into_iter().map(|base| base.id).collect();
        let all = self.documents.all_passages(scope, &ids, MOST_PASSAGES);
        Ok(all.await?.map(|all| (all, tokens)))
    }

    /// These passages, a source a document, if they have no more than so many tokens
    /// and there is anything among them.
    fn whole_documents(
        &self,
        found: &[Passage],
        all: &[Passage],
        most: usize,
    ) -> Option<Vec<Passage>> {
        let generator = self.generator.as_ref()?;
        if found.is_empty() {
            return None;
        }
        let documents = whole(found, all);
        let length: usize = documents.iter().map(|document| document.text.len()).sum();
        if length > most * BYTES_OF_A_TOKEN {
            return None;
        }
        let texts = documents.iter().map(|document| document.text.as_str());
        let tokens: usize = texts.map(|text| generator.count_tokens(text)).sum();
        (tokens <= most).then_some(documents)
    }
}
