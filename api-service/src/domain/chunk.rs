//! Chunks: the passages that are found and cited.

use std::ops::Range;

use super::document::DocumentId;

/// A chunk's id: a UUID that follows from document, version and place, so
/// that work done twice gives the same chunk.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkId(pub String);

/// A passage of a document, as chunking gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkText {
    /// The headings above it, outermost first.
    pub headings: Vec<String>,
    /// Its text, without markup.
    pub text: String,
    /// Where it stands in the document's content, in bytes.
    pub span: Range<usize>,
    /// The page it begins on, from 1; none where the document has no pages.
    pub page: Option<u32>,
}

/// What stands between the headings of a path.
pub const HEADING_SEPARATOR: &str = " › ";

impl ChunkText {
    /// The headings as one line.
    pub fn heading_path(&self) -> String {
        self.headings.join(HEADING_SEPARATOR)
    }

    /// The line that tells a reader of the chunk alone where it stands: title,
    /// then headings, nothing twice.
    pub fn context_line(&self, title: &str) -> String {
        let headings = self.headings.iter().map(String::as_str);
        let mut parts: Vec<&str> = vec![];
        for part in std::iter::once(title).chain(headings) {
            if !part.is_empty() && !parts.contains(&part) {
                parts.push(part);
            }
        }
        parts.join(HEADING_SEPARATOR)
    }

    /// What is embedded and indexed for it.
    pub fn indexed_text(&self, title: &str) -> String {
        let context = self.context_line(title);
        if context.is_empty() {
            self.text.clone()
        } else {
            format!("{context}\n{}", self.text)
        }
    }
}

/// A chunk that is ready to be stored and indexed.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddedChunk {
    /// Its id.
    pub id: ChunkId,
    /// Its place in the document, from 0.
    pub ordinal: usize,
    /// Its text and where it stands.
    pub chunk: ChunkText,
    /// The hash of what was embedded.
    pub content_hash: String,
    /// Its dense vector.
    pub embedding: Vec<f32>,
}

/// A chunk that was found, with what a citation of it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// The chunk's id.
    pub chunk_id: ChunkId,
    /// The document it stands in.
    pub document_id: DocumentId,
    /// That document's external id.
    pub external_id: String,
    /// That document's title.
    pub title: String,
    /// That document's path.
    pub path: String,
    /// The headings above it, as one line.
    pub heading: String,
    /// Its text.
    pub text: String,
    /// Where it stands in the document's content, in bytes.
    pub span: Range<usize>,
    /// The page it begins on, from 1; none where the document has no pages.
    pub page: Option<u32>,
    /// Its place among the document's passages, from 0; none for the source of an
    /// answer, which may be several passages.
    pub ordinal: Option<i64>,
    /// How well it fits the question, from 0 to 1; of use for an order alone.
    pub score: f64,
}

impl Passage {
    /// What readers know its document by: its title, else where it came from.
    pub fn document_name(&self) -> &str {
        let names = [&self.title, &self.path, &self.external_id];
        let mut known = names.into_iter().filter(|name| !name.is_empty());
        known.next().map_or("", String::as_str)
    }
}
