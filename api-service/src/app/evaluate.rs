//! Measuring retrieval on a labelled set, through the code that serves
//! searches.

use std::collections::BTreeMap;

use super::{
    App,
    add_document::content_hash,
    error::Error,
    extract::Asking,
    search::{Wanted, Within},
};
use crate::{
    domain::{
        answer::{AnswerKind, Citation},
        chunk::Passage,
        document::{DocumentId, MediaType, NewDocument, Origin},
        index::{Fusion, Mode},
        knowledge_base::KnowledgeBase,
        principal::Principal,
        question::Question,
        tags::Tags,
    },
    pipeline::{
        judging::{Cited, Outcome},
        scoring::{Judgements, Scores, SpanScores, Spans, score, score_spans},
    },
};

/// Passages that are asked for, so that 100 documents are among them even
/// where several passages come from one document.
const DEPTH: usize = 400;

/// Documents that are taken in at once.
const BATCH: usize = 500;

/// A document of a labelled set.
#[derive(Debug, Clone)]
pub struct LabelledDocument {
    /// Its id in the set.
    pub id: String,
    /// Its title; may be empty.
    pub title: String,
    /// Its text.
    pub text: String,
}

/// The queries of a labelled set, and which documents answer them.
#[derive(Debug, Clone, Default)]
pub struct LabelledQueries {
    /// Queries: id and text.
    pub queries: Vec<(String, String)>,
    /// Judgements by query id.
    pub judgements: BTreeMap<String, Judgements>,
    /// Where answers stand, by query id; may be empty.
    pub spans: BTreeMap<String, Spans>,
}

/// A question whose answer is known.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledQuestion {
    /// The question.
    pub text: String,
    /// The documents that answer it, by id or path; may be unknown.
    pub sources: Vec<String>,
    /// Where they do, in bytes; may be unknown.
    pub spans: Spans,
    /// Whether the documents answer it.
    pub answerable: bool,
}

/// The ways of searching that are measured, with their names.
pub const MODES: &[(&str, Mode)] = &[
    ("dense", Mode::Dense),
    ("BM25", Mode::Sparse),
    ("hybrid, RRF k=2", Mode::Hybrid(Fusion::Rrf(2))),
    ("hybrid, RRF k=60", Mode::Hybrid(Fusion::Rrf(60))),
    ("hybrid, DBSF", Mode::Hybrid(Fusion::Dbsf)),
];

impl App {
    /// Takes the documents of a labelled set in as a knowledge base; those
    /// that are there already stay. The worker makes them searchable.
    pub async fn load_labelled(
        &self,
        name: &str,
        documents: Vec<LabelledDocument>,
    ) -> Result<String, Error> {
        let operator = Principal::operator();
        let base = self.public_base(&operator, name).await?;
        let run_id = self.new_id();
        for batch in documents.chunks(BATCH) {
            let new = batch
                .iter()
                .filter(|document| !document.text.trim().is_empty());
            let new = new
                .map(|document| self.labelled(&base, document, &run_id))
                .collect();
            let (scope, now) = (operator.scope(), self.clock.now());
            self.documents.put(&scope, new, self.quota, now).await?;
        }
        self.jobs
            .adopt(&operator.scope(), &base.id, &run_id)
            .await?;
        self.new_jobs.notify_one();
        Ok(run_id)
    }

    fn labelled(
        &self,
        base: &KnowledgeBase,
        document: &LabelledDocument,
        run_id: &str,
    ) -> NewDocument {
        NewDocument {
            id: DocumentId(self.new_id()),
            job_id: self.new_id(),
            knowledge_base_id: base.id.clone(),
            external_id: document.id.clone(),
            title: document.title.clone(),
            path: String::new(),
            tags: Tags::default(),
            origin: Origin::Upload,
            media_type: MediaType::Plain,
            content_hash: content_hash(document.text.as_bytes()),
            content: document.text.clone().into_bytes(),
            run_id: run_id.to_owned(),
        }
    }

    /// Searches knowledge base `name` for every query in one mode and scores
    /// the documents that come up.
    pub async fn evaluate(
        &self,
        name: &str,
        set: &LabelledQueries,
        mode: Mode,
    ) -> Result<(Scores, SpanScores), Error> {
        let scope = Principal::operator().scope();
        let (mut rankings, mut found) = (BTreeMap::new(), BTreeMap::new());
        let within = Within {
            bases: vec![name.to_owned()],
            ..Within::default()
        };
        for (id, text) in &set.queries {
            let question = Question::new(text)?;
            let wanted = Wanted {
                within: &within,
                limit: DEPTH,
                mode,
            };
            let passages = self.retrieve(&scope, &question, wanted).await?;
            let spans = passages
                .iter()
                .map(|passage| (passage.external_id.clone(), passage.span.clone()));
            found.insert(id.clone(), spans.collect());
            let documents = passages
                .into_iter()
                .map(|passage| passage.external_id)
                .collect();
            rankings.insert(id.clone(), documents);
        }
        let scores = score(&set.judgements, &rankings);
        Ok((scores, score_spans(&set.spans, &found)))
    }

    /// Answers questions with extracts of knowledge base `name`, through the code
    /// that answers readers.
    pub async fn evaluate_answers(
        &self,
        name: &str,
        questions: &[LabelledQuestion],
    ) -> Result<Vec<Outcome>, Error> {
        let scope = Principal::operator().scope();
        let within = Within {
            bases: vec![name.to_owned()],
            ..Within::default()
        };
        let mut outcomes = Vec::with_capacity(questions.len());
        for labelled in questions {
            let began = self.clock.now();
            let question = Question::new(&labelled.text)?;
            let sources = self.gather(&scope, &question, &within, None).await?;
            let asked = Asking {
                question: question.text(),
                query: question.text(),
            };
            let extracts = self.extract(&scope, asked, &sources).await;
            let cited = extracts.evidence.citations.into_iter();
            outcomes.push(Outcome {
                answerable: labelled.answerable,
                sources: labelled.sources.clone(),
                spans: labelled.spans.clone(),
                refused: extracts.kind == AnswerKind::NothingFound,
                cited: cited
                    .filter_map(|citation| judged(&sources, citation))
                    .collect(),
                nearness: extracts.nearness,
                took_ms: self.clock.now() - began,
            });
        }
        Ok(outcomes)
    }
}

fn judged(sources: &[Passage], citation: Citation) -> Option<Cited> {
    let source = sources.get(citation.number.checked_sub(1)?)?;
    Some(Cited {
        document: source.external_id.clone(),
        path: source.path.clone(),
        span: citation.span,
        supported: citation.supported,
    })
}
