//! What a child tells of a document.

use serde::{Deserialize, Serialize};

use crate::pipeline::parsing::{Block, BlockKind, Origin, ParseError, Parsed};

/// An answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// The document.
    Parsed(ParsedWire),
    /// The code of what is wrong with it.
    Failed(String),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ParsedWire {
    title: Option<String>,
    tags: Vec<String>,
    source: String,
    pages: Vec<usize>,
    blocks: Vec<BlockWire>,
}

/// A block: its kind (1 to 6 for headings, 0 for prose, 7 for an item, 8 for
/// what is whole), its text, its span, and its origins with four numbers each.
#[derive(Debug, Serialize, Deserialize)]
struct BlockWire(u8, String, [usize; 2], Vec<[usize; 4]>);

impl From<Result<Parsed, ParseError>> for Reply {
    fn from(read: Result<Parsed, ParseError>) -> Self {
        match read {
            Ok(parsed) => Self::Parsed(ParsedWire {
                title: parsed.title,
                tags: parsed.tags,
                source: parsed.source,
                pages: parsed.pages,
                blocks: parsed.blocks.into_iter().map(BlockWire::from).collect(),
            }),
            Err(error) => Self::Failed(error.code().to_owned()),
        }
    }
}

impl From<Reply> for Result<Parsed, ParseError> {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Parsed(parsed) => Ok(Parsed {
                title: parsed.title,
                tags: parsed.tags,
                source: parsed.source,
                pages: parsed.pages,
                blocks: parsed.blocks.into_iter().map(Block::from).collect(),
            }),
            Reply::Failed(code) => {
                Err(ParseError::from_code(&code).unwrap_or(ParseError::Unreadable))
            }
        }
    }
}

impl From<Block> for BlockWire {
    fn from(block: Block) -> Self {
        let kind = match block.kind {
            BlockKind::Prose => 0,
            BlockKind::Heading(level) => level,
            BlockKind::Item => 7,
            BlockKind::Whole => 8,
        };
        let origins = block.origins.into_iter().map(|origin| {
            let Origin { text, source } = origin;
            [text.start, text.end, source.start, source.end]
        });
        let span = [block.span.start, block.span.end];
        Self(kind, block.text, span, origins.collect())
    }
}

impl From<BlockWire> for Block {
    fn from(BlockWire(kind, text, [start, end], origins): BlockWire) -> Self {
        let origins = origins.into_iter().map(|[text, to, source, until]| Origin {
            text: text..to,
            source: source..until,
        });
        Self {
            kind: match kind {
                1..=6 => BlockKind::Heading(kind),
                7 => BlockKind::Item,
                8 => BlockKind::Whole,
                _ => BlockKind::Prose,
            },
            text,
            span: start..end,
            origins: origins.collect(),
        }
    }
}
