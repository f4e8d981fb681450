//! The JSON of a document's chunks and of links.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    app::{
        ports::ChunkView,
        view_document::{LinkWanted, MadeLink},
    },
    http::{moment::rfc_3339, source_places::path_of},
};

/// The query of `GET /v1/documents/{id}/chunks`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ChunksQuery {
    /// What the page before gave as `next`.
    pub(super) after: Option<i64>,
    /// How many, from 1 to 100.
    #[serde(default = "default_page")]
    pub(super) limit: usize,
}

const fn default_page() -> usize {
    50
}

/// A chunk of a document.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Chunk")]
struct ChunkWire {
    id: String,
    /// Its place in the document, from 0.
    ordinal: i64,
    heading: String,
    text: String,
    span: SpanWire,
    page: Option<u32>,
}

/// Where it stands in the document's content, in bytes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ChunkSpan")]
struct SpanWire {
    start: usize,
    end: usize,
}

impl From<ChunkView> for ChunkWire {
    fn from(chunk: ChunkView) -> Self {
        Self {
            id: chunk.id.0,
            ordinal: chunk.ordinal,
            heading: chunk.heading,
            text: chunk.text,
            span: SpanWire {
                start: chunk.span.start,
                end: chunk.span.end,
            },
            page: chunk.page,
        }
    }
}

/// A page of chunks.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ChunkPage")]
pub(super) struct ChunksWire {
    chunks: Vec<ChunkWire>,
    /// What to send as `after` for the next page; `null` on the last one.
    next: Option<i64>,
}

impl ChunksWire {
    /// A page that was asked for with this limit.
    pub(super) fn new(chunks: Vec<ChunkView>, limit: usize) -> Self {
        let full = chunks.len() == limit;
        let last = chunks.last().map(|chunk| chunk.ordinal);
        Self {
            next: last.filter(|_| full),
            chunks: chunks.into_iter().map(Into::into).collect(),
        }
    }
}

/// `POST /v1/documents/{id}/links`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewLink")]
pub(super) struct LinkBody {
    /// Seconds.
    expires_in: Option<i64>,
    chunk_id: Option<String>,
    page: Option<u32>,
}

impl From<LinkBody> for LinkWanted {
    fn from(body: LinkBody) -> Self {
        Self {
            lifetime: body.expires_in,
            chunk: body.chunk_id,
            page: body.page,
        }
    }
}

/// A link.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Link")]
pub(super) struct LinkWire {
    /// Below the address of this service.
    url: String,
    expires_at: String,
}

impl From<MadeLink> for LinkWire {
    fn from(link: MadeLink) -> Self {
        Self {
            url: path_of(&link),
            expires_at: rfc_3339(link.expires_at),
        }
    }
}
