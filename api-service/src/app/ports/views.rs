//! What the views of a document need from outside.

use std::ops::Range;

use async_trait::async_trait;

use super::StoreError;
use crate::domain::{
    chunk::ChunkId,
    document::{DocumentId, MediaType},
    link::DocumentLink,
    principal::Scope,
};

/// A chunk as it stands in its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkView {
    /// Its id.
    pub id: ChunkId,
    /// Its place in the document, from 0.
    pub ordinal: i64,
    /// The headings above it, as one line.
    pub heading: String,
    /// Its text.
    pub text: String,
    /// Where it stands in the document's content, in bytes.
    pub span: Range<usize>,
    /// The page it begins on, from 1; none where the document has no pages.
    pub page: Option<u32>,
}

/// Which version of a document is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownVersion {
    /// Its number.
    pub version: i64,
    /// Its format.
    pub media_type: MediaType,
}

/// The bytes of a document as they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// Where the document came from; may be empty.
    pub path: String,
    /// Its title.
    pub title: String,
    /// Its media type.
    pub media_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// No more of a document is looked at for what a citation quotes, in bytes.
pub const LONGEST_QUOTED: usize = 64 * 1024;

/// Documents from close by.
#[async_trait]
pub trait DocumentViews: Send + Sync {
    /// The chunks of a document in `scope` that can be found, after a place in
    /// it, in their order.
    async fn chunks(
        &self,
        scope: &Scope,
        id: &DocumentId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<ChunkView>, StoreError>;
    /// The version of a document in `scope` that is shown: the one that can be
    /// found, else the newest.
    async fn shown_version(
        &self,
        scope: &Scope,
        id: &DocumentId,
    ) -> Result<Option<ShownVersion>, StoreError>;
    /// The bytes of the version of a document in `scope`, while that is the one
    /// that is shown.
    async fn original(
        &self,
        scope: &Scope,
        id: &DocumentId,
        version: i64,
    ) -> Result<Option<Original>, StoreError>;
    /// The text at a place in the content of the document that this chunk stands
    /// in, up to [`LONGEST_QUOTED`] bytes; `None` where the chunk can't be found
    /// in `scope` any more, or where places are not places in the bytes sent.
    async fn quoted(
        &self,
        scope: &Scope,
        chunk: &ChunkId,
        place: &Range<usize>,
    ) -> Result<Option<String>, StoreError>;
}

/// Makes links that nobody else can make.
pub trait LinkSeal: Send + Sync {
    /// The text of a link, for the path of a URL.
    fn seal(&self, link: &DocumentLink) -> String;
    /// What a text says, if it was sealed here. In constant time for what was not.
    fn open(&self, text: &str) -> Option<DocumentLink>;
}
