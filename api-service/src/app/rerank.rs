//! Ranking passages again by a model that reads them with the question.

use super::App;
use crate::{
    domain::{chunk::Passage, question::Question},
    pipeline::ranking::reordered,
};

/// How many passages the reranker reads: a TEI server takes 32 as it is shipped.
pub(super) const RERANKED: usize = 20;

impl App {
    /// The passages in the reranker's order, as far as it reads them; as they
    /// are where there is none, or where it does not answer in time.
    pub(super) async fn reranked(&self, question: &Question, found: Vec<Passage>) -> Vec<Passage> {
        let Some(reranker) = &self.reranker else {
            return found;
        };
        let read = found.iter().take(RERANKED);
        let texts: Vec<String> = read
            .map(|passage| match passage.heading.as_str() {
                "" => format!("{}\n{}", passage.title, passage.text),
                heading => format!("{heading}\n{}", passage.text),
            })
            .collect();
        if texts.len() < 2 {
            return found;
        }
        match reranker.scores(question.text(), &texts).await {
            Ok(scores) => reordered(found, &scores),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "passages stay in the order of the search");
                found
            }
        }
    }
}
