//! The text that is kept of a document whose bytes are no text: what its
//! passages point into.

use super::{Block, BlockKind, Origin, ParseError, Parsed};

/// More text than this is not taken out of one document, in bytes.
pub(super) const MOST_TEXT: usize = 32 * 1024 * 1024;

/// More blocks than this are not either: each costs far more than its text.
const MOST_BLOCKS: usize = 400_000;

/// A text that grows block by block.
#[derive(Debug, Default)]
pub(super) struct Kept {
    source: String,
    blocks: Vec<Block>,
    pages: Vec<usize>,
    /// The title that the document gives itself.
    pub(super) title: Option<String>,
}

impl Kept {
    /// One of a document that has this title.
    pub(super) fn titled(title: Option<String>) -> Self {
        Self {
            title,
            ..Self::default()
        }
    }

    /// Adds a block of `text`; nothing where there is none in it.
    pub(super) fn push(&mut self, kind: BlockKind, text: &str) -> Result<(), ParseError> {
        let text = match kind {
            BlockKind::Whole => text.trim_matches(['\n', '\r']).trim_end(),
            _ => text.trim(),
        };
        if text.trim().is_empty() {
            return Ok(());
        }
        if self.source.len() + text.len() > MOST_TEXT || self.blocks.len() >= MOST_BLOCKS {
            return Err(ParseError::TooComplex);
        }
        let start = self.source.len();
        self.source
            .extend(text.chars().filter(|letter| *letter != '\0'));
        let span = start..self.source.len();
        self.source.push_str("\n\n");
        self.blocks.push(Block {
            kind,
            text: self.source[span.clone()].to_owned(),
            origins: vec![Origin {
                text: 0..span.len(),
                source: span.clone(),
            }],
            span,
        });
        Ok(())
    }

    /// Adds the blocks of a part that is a document of its own.
    pub(super) fn append(&mut self, part: Parsed) -> Result<(), ParseError> {
        if self.title.is_none() {
            self.title = part.title;
        }
        for block in part.blocks {
            self.push(block.kind, &block.text)?;
        }
        Ok(())
    }

    /// Begins the next page; pages are parted by a form feed.
    pub(super) fn page(&mut self) {
        if !self.pages.is_empty() {
            self.source.push_str("\u{c}\n");
        }
        self.pages.push(self.source.len());
    }

    /// The document.
    pub(super) fn finish(self) -> Parsed {
        Parsed {
            title: self.title,
            source: self.source,
            pages: self.pages,
            tags: vec![],
            blocks: self.blocks,
        }
    }
}
