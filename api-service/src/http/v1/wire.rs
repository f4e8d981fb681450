//! The JSON of the canonical surface. Names are the field's standard terms;
//! times are RFC 3339 in UTC with milliseconds.

use std::ops::Range;

use chrono::DateTime;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use service_kit::clock::Millis;

use crate::{
    app::{
        self,
        add_document::Added,
        search::{Search, Within},
    },
    domain::{
        chunk::Passage,
        document::{Change, Document, DocumentId},
        filter::DocumentFilter,
        job::Job,
        tags::{InvalidTags, Tags},
    },
    http::moment::rfc_3339,
};

/// What a page must know before anybody has signed in.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Settings")]
pub(super) struct SettingsWire {
    /// Where people sign in, without a slash at the end.
    pub(super) auth_url: String,
    /// The largest body that is taken, in bytes.
    pub(super) max_upload_bytes: usize,
}

/// `POST /v1/documents` with a JSON body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewDocument")]
pub struct NewDocumentBody {
    /// The document's text.
    pub text: String,
    /// Its title.
    pub title: Option<String>,
    /// Where it came from.
    pub path: Option<String>,
    /// What its source calls it.
    pub external_id: Option<String>,
    /// Its format; Markdown where neither this nor a path is given.
    pub media_type: Option<String>,
    /// The knowledge base it goes to.
    pub knowledge_base: Option<String>,
    /// What it is sorted by.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// `POST /v1/search`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Search")]
pub struct SearchBody {
    query: String,
    #[serde(default = "default_limit")]
    limit: usize,
    knowledge_base: Option<String>,
    #[serde(default)]
    knowledge_bases: Vec<String>,
    #[serde(default)]
    filter: FilterBody,
}

const fn default_limit() -> usize {
    10
}

impl From<SearchBody> for Search {
    fn from(body: SearchBody) -> Self {
        let SearchBody {
            query,
            limit,
            knowledge_base,
            knowledge_bases,
            filter,
        } = body;
        Self {
            query,
            limit,
            within: filter.within(knowledge_base, knowledge_bases),
        }
    }
}

/// What the documents that are asked must be like.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Filter")]
pub(super) struct FilterBody {
    documents: Vec<String>,
    path_prefix: String,
    #[serde(deserialize_with = "tags")]
    #[schemars(with = "Vec<String>")]
    tags: Tags,
    #[serde(deserialize_with = "moment")]
    #[schemars(with = "Option<String>")]
    from: Option<Millis>,
    #[serde(deserialize_with = "moment")]
    #[schemars(with = "Option<String>")]
    to: Option<Millis>,
}

impl FilterBody {
    /// The filter, in these knowledge bases.
    pub(super) fn within(self, base: Option<String>, mut bases: Vec<String>) -> Within {
        bases.extend(base);
        let documents = self.documents.into_iter().map(DocumentId);
        Within {
            bases,
            filter: DocumentFilter {
                documents: documents.collect(),
                path_prefix: self.path_prefix,
                tags: self.tags,
                from: self.from,
                to: self.to,
            },
        }
    }
}

/// Tags that documents may have.
fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tags, D::Error> {
    let words = Vec::<String>::deserialize(deserializer)?;
    Tags::new(&words).map_err(|InvalidTags| D::Error::custom(app::error::Error::Tags))
}

/// A moment that was sent as RFC 3339.
pub(super) fn moment<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Millis>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let time = DateTime::parse_from_rfc3339(&text);
    let time = time.map_err(|_| D::Error::custom("a time is as in 2026-11-21T09:30:00Z"))?;
    Ok(Some(time.timestamp_millis()))
}

/// The query of `GET /v1/documents`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ListQuery {
    /// One knowledge base, by name or id.
    pub knowledge_base: Option<String>,
    /// The last id of the page before.
    #[serde(default)]
    pub after: String,
    /// How many, from 1 to 100.
    #[serde(default = "default_page")]
    pub limit: usize,
}

const fn default_page() -> usize {
    50
}

/// The query that goes with a document's name.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct DocumentQuery {
    /// The knowledge base that an external id is looked for in, by name or id.
    pub knowledge_base: Option<String>,
}

/// A document that was put in its place.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PutDocument")]
pub struct PutWire {
    #[serde(flatten)]
    document: DocumentWire,
    /// Whether it was there as it is.
    unchanged: bool,
}

impl From<Added> for PutWire {
    fn from(added: Added) -> Self {
        Self {
            document: added.document.into(),
            unchanged: added.change == Change::Unchanged,
        }
    }
}

/// A document.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Document")]
pub struct DocumentWire {
    id: String,
    external_id: String,
    title: String,
    path: String,
    tags: Vec<String>,
    knowledge_base: BaseName,
    searchable: bool,
    created_at: String,
    updated_at: String,
    job: JobWire,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "KnowledgeBaseName")]
struct BaseName {
    id: String,
    name: String,
}

impl From<Document> for DocumentWire {
    fn from(document: Document) -> Self {
        Self {
            id: document.id.0,
            external_id: document.external_id,
            title: document.title,
            path: document.path,
            tags: document.tags.iter().map(str::to_owned).collect(),
            knowledge_base: BaseName {
                id: document.knowledge_base_id.0,
                name: document.knowledge_base,
            },
            searchable: document.searchable,
            created_at: rfc_3339(document.created_at),
            updated_at: rfc_3339(document.updated_at),
            job: document.job.into(),
        }
    }
}

/// A job.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Job")]
pub struct JobWire {
    id: String,
    document_id: String,
    state: &'static str,
    /// Why it failed, if it did.
    error: Option<JobErrorWire>,
    attempt: i64,
    /// Chunks that have their vectors, and all of them.
    done: usize,
    total: usize,
    eta_seconds: Option<u64>,
    /// How many of the chunks the model was asked for, and how many it was not,
    /// since an older version had them.
    embedded: usize,
    reused: usize,
    created_at: String,
    updated_at: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobError")]
struct JobErrorWire {
    code: String,
    stage: &'static str,
    retryable: bool,
    attempt: i64,
}

impl From<Job> for JobWire {
    fn from(job: Job) -> Self {
        Self {
            state: job.state.as_str(),
            attempt: job.attempt,
            done: job.done,
            total: job.total,
            eta_seconds: job.eta_seconds(),
            embedded: job.embedded,
            reused: job.reused(),
            created_at: rfc_3339(job.created_at),
            updated_at: rfc_3339(job.updated_at),
            error: job.failure.map(|failure| JobErrorWire {
                code: failure.code,
                stage: failure.stage.as_str(),
                retryable: failure.retryable,
                attempt: job.attempt,
            }),
            id: job.id,
            document_id: job.document_id.0,
        }
    }
}

/// The query of `GET /v1/jobs`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct JobsQuery {
    /// The last id of the page before.
    #[serde(default)]
    pub after: String,
    /// How many, from 1 to 100.
    #[serde(default = "default_page")]
    pub limit: usize,
}

/// A page of jobs.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobPage")]
pub struct JobsWire {
    jobs: Vec<JobWire>,
    /// What to send as `after` for the next page; `null` on the last one.
    next: Option<String>,
}

impl JobsWire {
    /// A page that was asked for with this limit.
    pub fn new(jobs: Vec<Job>, limit: usize) -> Self {
        let full = jobs.len() == limit;
        let next = jobs.last().filter(|_| full).map(|last| last.id.clone());
        Self {
            jobs: jobs.into_iter().map(Into::into).collect(),
            next,
        }
    }
}

/// A page of documents.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DocumentPage")]
pub struct DocumentsWire {
    documents: Vec<DocumentWire>,
    /// What to send as `after` for the next page; `null` on the last one.
    next: Option<String>,
}

impl DocumentsWire {
    /// A page that was asked for with this limit.
    pub fn new(documents: Vec<Document>, limit: usize) -> Self {
        let full = documents.len() == limit;
        let next = documents
            .last()
            .filter(|_| full)
            .map(|last| last.id.0.clone());
        Self {
            documents: documents.into_iter().map(Into::into).collect(),
            next,
        }
    }
}

/// A passage that was found, or that an answer may cite.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Passage")]
pub struct SourceWire {
    /// The number that markers in the answer name, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) number: Option<usize>,
    /// Whether the answer cites it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cited: Option<bool>,
    chunk_id: String,
    document_id: String,
    title: String,
    path: String,
    heading: String,
    text: String,
    span: SpanWire,
    page: Option<u32>,
    score: f64,
}

/// `GET /embed`; what else it says is for the page's script.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct EmbedQuery {
    /// The publishable key.
    #[serde(default)]
    pub(in crate::http) key: String,
}

/// Where something stands in a text, in bytes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Span")]
pub struct SpanWire {
    start: usize,
    end: usize,
}

impl From<Range<usize>> for SpanWire {
    fn from(range: Range<usize>) -> Self {
        Self {
            start: range.start,
            end: range.end,
        }
    }
}

impl From<Passage> for SourceWire {
    fn from(passage: Passage) -> Self {
        Self {
            number: None,
            cited: None,
            chunk_id: passage.chunk_id.0,
            document_id: passage.document_id.0,
            title: passage.title,
            path: passage.path,
            heading: passage.heading,
            text: passage.text,
            span: passage.span.into(),
            page: passage.page,
            score: rounded(passage.score),
        }
    }
}

/// Four digits are more than any score means.
pub(super) fn rounded(score: f64) -> f64 {
    (score * 10_000.0).round() / 10_000.0
}

/// Sources with their numbers.
pub(super) fn numbered(passages: Vec<Passage>) -> Vec<SourceWire> {
    let numbers = (1..).zip(passages);
    numbers
        .map(|(number, passage)| SourceWire {
            number: Some(number),
            ..passage.into()
        })
        .collect()
}

/// What a search found.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SearchResults")]
pub struct ResultsWire {
    results: Vec<SourceWire>,
}

impl From<Vec<Passage>> for ResultsWire {
    fn from(passages: Vec<Passage>) -> Self {
        Self {
            results: passages.into_iter().map(Into::into).collect(),
        }
    }
}
