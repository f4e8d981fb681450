//! Answering with the sources' own sentences, where no language model answers;
//! or saying that they hold no answer.

use super::{App, cite::dot, ports::EmbeddingError};
use crate::{
    domain::{
        answer::{AnswerKind, Citation, Evidence},
        chunk::Passage,
        principal::Scope,
    },
    pipeline::{
        extracting::{Candidate, Nearness, candidates, nearest, pick},
        prompt::place,
    },
};

/// How many sections are named where there is no answer.
const SECTIONS: usize = 3;

const INTRODUCTION: &str = "Extracts from the documents, word for word:\n";
const NOTHING_FOUND: &str = "The documents do not answer this.";

/// What is to be answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking<'a> {
    /// The question as it was asked.
    pub(super) question: &'a str,
    /// What it means in its conversation.
    pub(super) query: &'a str,
}

/// An answer of extracts, or none.
#[derive(Debug, PartialEq)]
pub(super) struct Extracts {
    pub(super) kind: AnswerKind,
    pub(super) text: String,
    pub(super) evidence: Evidence,
    /// How near the best sentence with its passage is to the question.
    pub(super) nearness: f32,
}

impl App {
    /// The sentences of the sources that answer the question, each cited; where
    /// none does, the sections that are nearest.
    pub(super) async fn extract(
        &self,
        scope: &Scope,
        asked: Asking<'_>,
        sources: &[Passage],
    ) -> Extracts {
        let candidates = candidates(asked.query, sources);
        let nearness = match self.nearness(asked, sources, &candidates).await {
            Ok(nearness) => Some(nearness),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "extracts are chosen by their words alone");
                None
            }
        };
        let enough = self.refuse_below;
        let picked = pick(
            asked.question,
            sources,
            &candidates,
            nearness.as_deref(),
            enough,
        );
        let nearness = nearness.as_deref().map_or(0.0, nearest);
        if picked.is_empty() {
            return Extracts {
                kind: AnswerKind::NothingFound,
                text: refusal(sources),
                evidence: Evidence::default(),
                nearness,
            };
        }
        let mut text = INTRODUCTION.to_owned();
        let mut evidence = Evidence::default();
        for said in &picked {
            text.push_str("\n- ");
            let (start, number) = (text.len(), said.passage + 1);
            // The lines of an item are indented.
            let item = said.text.replace('\n', "\n  ");
            text.extend([&item, " [", &number.to_string(), "]"]);
            let source = &sources[said.passage];
            let citation = self.quotation(scope, number, source, said.range.clone());
            evidence.citations.push(Citation {
                sentence: start..text.len(),
                ..citation.await
            });
        }
        Extracts {
            kind: AnswerKind::Extractive,
            text,
            evidence,
            nearness,
        }
    }

    async fn nearness(
        &self,
        asked: Asking<'_>,
        sources: &[Passage],
        candidates: &[Candidate],
    ) -> Result<Vec<Nearness>, EmbeddingError> {
        let mut texts = vec![asked.query.to_owned(), asked.question.to_owned()];
        texts.extend(
            sources
                .iter()
                .map(|source| format!("{}\n{}", place(source), source.text)),
        );
        texts.extend(candidates.iter().map(|candidate| candidate.text.clone()));
        let vectors = self.space().dense.embed_sentences(texts).await?;
        let [query, question, said @ ..] = vectors.as_slice() else {
            return Ok(vec![]);
        };
        let (passages, sentences) = said.split_at(sources.len().min(said.len()));
        let both = candidates.iter().zip(sentences);
        let both = both.map(|(candidate, sentence)| Nearness {
            sentence: dot(query, sentence),
            passage: dot(query, &passages[candidate.passage]),
            question: dot(question, sentence),
        });
        Ok(both.collect())
    }
}

/// Says that there is no answer, and names the nearest sections with their
/// sources' numbers.
fn refusal(sources: &[Passage]) -> String {
    let mut sections: Vec<(String, usize)> = vec![];
    for (index, source) in sources.iter().enumerate() {
        let place = match place(source) {
            place if place.is_empty() => source.external_id.clone(),
            place => place,
        };
        if sections.len() < SECTIONS && !sections.iter().any(|(other, _)| *other == place) {
            sections.push((place, index + 1));
        }
    }
    if sections.is_empty() {
        return NOTHING_FOUND.to_owned();
    }
    let list = sections
        .iter()
        .map(|(place, number)| format!("\n- {place} [{number}]"));
    format!(
        "{NOTHING_FOUND} The nearest sections are:\n{}",
        list.collect::<String>()
    )
}
