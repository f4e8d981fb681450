//! From a document's bytes to its text, and to blocks of plain text, each with
//! the bytes of that text that it stands for.

mod archive;
mod book;
mod decoding;
mod delimited;
mod email;
mod flow;
#[cfg(test)]
mod fuzzing;
mod html;
mod json;
mod kept;
mod kind;
mod markdown;
mod mdx;
mod open_text;
mod pdf;
mod plain;
mod rtf;
mod sheet;
mod slides;
mod word;
mod xml;

use std::ops::Range;

pub use kind::settle;

use crate::domain::document::{MAX_LABEL, MediaType};

/// A parsed document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed {
    /// The title that the document gives itself, if it does.
    pub title: Option<String>,
    /// The tags that the document gives itself, as they stand there.
    pub tags: Vec<String>,
    /// Its text, into which all places point: the content itself where that is
    /// text in UTF-8, else what was taken out of it.
    pub source: String,
    /// Where its pages begin in the text; none where it has no pages.
    pub pages: Vec<usize>,
    /// Its blocks, in order.
    pub blocks: Vec<Block>,
}

impl Parsed {
    /// The page of a place in the text, from 1.
    pub fn page_of(&self, at: usize) -> Option<u32> {
        let page = self.pages.partition_point(|begin| *begin <= at);
        u32::try_from(page).ok().filter(|page| *page > 0)
    }

    /// Whether all places lie in the text, between characters.
    pub fn is_sound(&self) -> bool {
        let place = |span: &Range<usize>| self.source.get(span.clone()).is_some();
        self.pages.is_sorted()
            && self.blocks.iter().all(|block| {
                let mut origins = block.origins.iter();
                let ordered = |origin: &Origin| {
                    origin.text.start <= origin.text.end && origin.source.start <= origin.source.end
                };
                place(&block.span) && origins.all(ordered)
            })
    }
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
    /// same letter by letter, but for which blank stands for which.
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
    /// Cuts the origins where the text was trimmed; where they then do not tell
    /// the truth, as of a heading that was brought on one line, none is known.
    fn hold_origins(&mut self, source: &str) {
        let length = self.text.len();
        self.origins.retain(|origin| origin.text.start < length);
        for origin in &mut self.origins {
            let over = origin.text.end.saturating_sub(length);
            if origin.text.len() == origin.source.len() {
                origin.source.end -= over;
            }
            origin.text.end -= over;
        }
        let blank = |letter: char| if letter.is_whitespace() { ' ' } else { letter };
        let holds = |origin: &Origin| {
            let quoted = source.get(origin.source.clone());
            let text = self.text.get(origin.text.clone());
            let (Some(quoted), Some(text)) = (quoted, text) else {
                return false;
            };
            quoted.len() != text.len() || quoted.chars().map(blank).eq(text.chars().map(blank))
        };
        if !self.origins.iter().all(holds) {
            self.origins.clear();
        }
    }

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
    /// It is not what it says it is, or broken.
    #[error("it is broken")]
    Unreadable,
    /// It can't be read without a password.
    #[error("it is encrypted")]
    Encrypted,
    /// Reading it would take more memory than a document may take.
    #[error("it is too complex")]
    TooComplex,
    /// Reading it takes longer than a document may take.
    #[error("it takes too long")]
    TimedOut,
    /// Its content is of another format than its name or type says.
    #[error("its content is of another format than its name says")]
    Mismatch,
    /// Its content is of a format that is not understood.
    #[error("its format is not understood")]
    Unsupported,
}

impl ParseError {
    /// A stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty_document",
            Self::Unreadable => "unreadable_document",
            Self::Encrypted => "encrypted_document",
            Self::TooComplex => "too_complex",
            Self::TimedOut => "timed_out",
            Self::Mismatch => "format_mismatch",
            Self::Unsupported => "unsupported_format",
        }
    }

    /// What a code stands for, if anything.
    pub fn from_code(code: &str) -> Option<Self> {
        let all = [
            Self::Empty,
            Self::Unreadable,
            Self::Encrypted,
            Self::TooComplex,
            Self::TimedOut,
            Self::Mismatch,
            Self::Unsupported,
        ];
        all.into_iter().find(|error| error.code() == code)
    }
}

/// Parses `content` as `media_type` says.
pub fn read(media_type: MediaType, content: Vec<u8>) -> Result<Parsed, ParseError> {
    let parsed = match media_type {
        MediaType::Email => email::parse(&content)?,
        MediaType::Rtf => rtf::parse(&content)?,
        MediaType::Pdf => pdf::parse(&content)?,
        MediaType::Docx => word::parse(&content)?,
        MediaType::Pptx => slides::parse(&content)?,
        MediaType::Xlsx => sheet::parse(&content)?,
        MediaType::Odt => open_text::parse(&content)?,
        MediaType::Epub => book::parse(&content)?,
        text => return parse(text, &decoding::decode(content)),
    };
    finished(parsed)
}

/// Parses text as `media_type` says.
pub fn parse(media_type: MediaType, source: &str) -> Result<Parsed, ParseError> {
    let parsed = match media_type {
        MediaType::Csv => delimited::parse(source, None)?,
        MediaType::Tsv => delimited::parse(source, Some(b'\t'))?,
        MediaType::Json => json::parse(source)?,
        MediaType::JsonLines => json::parse_lines(source)?,
        MediaType::Notebook => json::parse_notebook(source)?,
        in_place => {
            let parsed = match in_place {
                MediaType::Markdown => markdown::parse(source, &mdx::blank_tags(source)),
                MediaType::Mdx => markdown::parse(source, &mdx::blank_mdx(source)),
                MediaType::Html => html::parse(source),
                MediaType::Code => plain::parse_code(source),
                _ => plain::parse(source),
            };
            Parsed {
                source: source.to_owned(),
                ..parsed
            }
        }
    };
    finished(parsed)
}

fn finished(mut parsed: Parsed) -> Result<Parsed, ParseError> {
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
        // A tag was blanked byte by byte, and its text may begin within a letter.
        let (start, end) = (block.span.start, block.span.end);
        block.span =
            parsed.source.floor_char_boundary(start)..parsed.source.ceil_char_boundary(end);
        block.hold_origins(&parsed.source);
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
