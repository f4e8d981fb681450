//! From a document's text to blocks of plain text, each with the bytes of the
//! source that it stands for.

mod html;
mod markdown;
mod mdx;
mod plain;

use std::ops::Range;

use crate::domain::document::{MAX_LABEL, MediaType};

/// A parsed document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed {
    /// The title that the document gives itself, if it does.
    pub title: Option<String>,
    /// Its blocks, in order.
    pub blocks: Vec<Block>,
}

/// A piece of a document that stands on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Its text, without markup and with entities resolved.
    pub text: String,
    /// The bytes of the source that it stands for.
    pub span: Range<usize>,
    /// Where the stretches of its text stand in the source, in order.
    pub origins: Vec<Origin>,
}

/// Where a stretch of a block's text stands in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The bytes of the text.
    pub text: Range<usize>,
    /// The bytes of the source. Where both are of one length, they are the
    /// same letter by letter.
    pub source: Range<usize>,
}

impl Origin {
    /// The byte of the source for a byte of the text, where letters differ at
    /// the stretch's `otherwise`.
    fn place(&self, at: usize, otherwise: usize) -> usize {
        if self.text.len() == self.source.len() {
            self.source.start + at.clamp(self.text.start, self.text.end) - self.text.start
        } else {
            otherwise
        }
    }
}

impl Block {
    /// The bytes of the source for a part of the text: as narrow as is known.
    pub fn source_of(&self, part: &Range<usize>) -> Range<usize> {
        let before = |at: usize| {
            let count = self
                .origins
                .partition_point(|origin| origin.text.start < at);
            self.origins.get(count.checked_sub(1)?)
        };
        let start = before(part.start + 1);
        let start = start.map_or(self.span.start, |origin| {
            origin.place(part.start, origin.source.start)
        });
        let end = before(part.end);
        let end = end.map_or(self.span.end, |origin| {
            origin.place(part.end, origin.source.end)
        });
        let start = start.clamp(self.span.start, self.span.end);
        start..end.clamp(start, self.span.end)
    }
}

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// A heading, from level 1 to 6.
    Heading(u8),
    /// Running text: may be cut between sentences.
    Prose,
    /// An item of a list.
    Item,
    /// Code or a table: cut between lines, and only if it must be.
    Whole,
}

/// Why a document can't be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// There is no text in it.
    #[error("there is no text in it")]
    Empty,
}

/// Parses `source` as `media_type` says.
pub fn parse(media_type: MediaType, source: &str) -> Result<Parsed, ParseError> {
    let mut parsed = match media_type {
        MediaType::Markdown => markdown::parse(source, &mdx::blank_tags(source)),
        MediaType::Mdx => markdown::parse(source, &mdx::blank_mdx(source)),
        MediaType::Html => html::parse(source),
        MediaType::Plain => plain::parse(source),
    };
    parsed
        .blocks
        .retain(|block| block.text.chars().any(char::is_alphanumeric));
    if parsed.blocks.is_empty() {
        return Err(ParseError::Empty);
    }
    for block in &mut parsed.blocks {
        // PostgreSQL's text has no NUL.
        if block.text.contains('\0') {
            block.text = block.text.replace('\0', "");
            block.origins.clear();
        }
    }
    if parsed.title.is_none() {
        parsed.title = first_title(&parsed.blocks);
    }
    parsed.title = parsed.title.map(|title| clean_title(&title));
    Ok(parsed)
}

/// The first heading of level 1, if nothing but such a heading can be the title.
fn first_title(blocks: &[Block]) -> Option<String> {
    let title = blocks
        .iter()
        .find(|block| block.kind == BlockKind::Heading(1))?;
    Some(title.text.clone())
}

/// A title without control characters and no longer than one may be.
fn clean_title(title: &str) -> String {
    let letters = title.chars().filter(|letter| !letter.is_control());
    letters.take(MAX_LABEL).collect()
}

/// One line of `text`: white space folded, ends trimmed.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
