//! The JSON of this surface.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::fastapi::{Fields, FromFields, question};
use crate::{
    app::{
        add_document::Upload,
        add_documents::Batch,
        ask::{Answered, Asked},
    },
    domain::{chunk::Passage, job::JobState},
};

/// How many sources an answer has where nothing is said, and at most.
const SOURCES: usize = 5;
const MOST_SOURCES: i64 = 20;

/// The body of `POST /chat`.
pub struct ChatBody {
    /// The question.
    pub query: String,
    max_results: usize,
}

impl FromFields for ChatBody {
    fn read(fields: &mut Fields) -> Self {
        let query = question(fields, "query");
        let most = fields.integer("max_results", 1..=MOST_SOURCES);
        Self {
            query,
            max_results: most
                .and_then(|most| usize::try_from(most).ok())
                .unwrap_or(SOURCES),
        }
    }
}

impl ChatBody {
    /// What is asked.
    pub fn asked(&self) -> Asked {
        Asked {
            message: self.query.clone(),
            most_sources: Some(self.max_results),
            ..Asked::default()
        }
    }
}

/// What a question answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TextbookAnswer")]
pub struct AnswerBody {
    query: String,
    response: String,
    sources: Vec<SourceBody>,
}

/// A source; the first is `[1]` in the answer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TextbookSource")]
struct SourceBody {
    id: String,
    title: String,
    path: String,
    score: f64,
}

impl AnswerBody {
    /// The answer to this question.
    pub fn new(query: String, answered: Answered) -> Self {
        let sources = answered.answer.sources.iter().cloned();
        Self {
            query,
            sources: sources.map(SourceBody::from).collect(),
            response: answered.answer.text,
        }
    }
}

impl From<Passage> for SourceBody {
    fn from(passage: Passage) -> Self {
        Self {
            id: passage.external_id,
            title: passage.title,
            path: passage.path,
            score: passage.score,
        }
    }
}

/// The body of `POST /ingest`.
pub struct IngestBody(pub Vec<Upload>);

impl FromFields for IngestBody {
    fn read(fields: &mut Fields) -> Self {
        let documents = fields.list::<DocumentBody>("documents");
        Self(documents.into_iter().map(|document| document.0).collect())
    }
}

struct DocumentBody(Upload);

impl FromFields for DocumentBody {
    fn read(fields: &mut Fields) -> Self {
        Self(Upload {
            external_id: fields.optional_text("id"),
            title: Some(fields.text("title")),
            path: Some(fields.text("path")),
            content: fields.text("content").into_bytes(),
            ..Upload::default()
        })
    }
}

/// The query of `POST /ingest`.
pub struct IngestQuery {
    /// Whether the answer waits until the documents are ready.
    pub wait: bool,
}

impl FromFields for IngestQuery {
    fn read(fields: &mut Fields) -> Self {
        let wait = fields.word("wait", "'true' or 'false'", |word| word.parse().ok());
        Self {
            wait: wait.unwrap_or_default(),
        }
    }
}

/// What is answered where nobody waits: the documents are on their way.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TextbookQueued")]
pub struct QueuedBody {
    status: &'static str,
    /// The job of the first document that is new or changed.
    job_id: Option<String>,
    /// The jobs of all such documents; `GET /v1/jobs/{id}` tells of each.
    job_ids: Vec<String>,
    documents: usize,
    unchanged: usize,
}

impl From<Batch> for QueuedBody {
    fn from(batch: Batch) -> Self {
        let ids: Vec<_> = batch.jobs.into_iter().map(|job| job.id).collect();
        Self {
            status: "accepted",
            job_id: ids.first().cloned(),
            job_ids: ids,
            documents: batch.documents.len(),
            unchanged: batch.unchanged,
        }
    }
}

/// What came of documents that were waited for.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TextbookCounts")]
pub struct CountsBody {
    status: &'static str,
    documents: usize,
    ingested: usize,
    unchanged: usize,
    failed: usize,
    chunks: usize,
    errors: Vec<FailureBody>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TextbookFailure")]
struct FailureBody {
    document_id: String,
    code: String,
}

impl From<Batch> for CountsBody {
    fn from(batch: Batch) -> Self {
        let ingested = batch.count(JobState::Ready);
        let failed = batch.jobs.len() - ingested;
        Self {
            status: if failed == 0 { "success" } else { "partial" },
            documents: batch.documents.len(),
            ingested,
            unchanged: batch.unchanged,
            failed,
            chunks: batch.chunks(),
            errors: batch
                .jobs
                .into_iter()
                .filter_map(|job| {
                    let code = job.failure?.code;
                    let document_id = job.document_id.0;
                    Some(FailureBody { document_id, code })
                })
                .collect(),
        }
    }
}
