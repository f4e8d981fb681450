//! Text without markup: paragraphs between blank lines.

use super::{Block, BlockKind, Origin, Parsed};

/// Parses plain text.
pub(super) fn parse(source: &str) -> Parsed {
    blocks(source, BlockKind::Prose)
}

/// Parses the source of a program: its lines stay as they are.
pub(super) fn parse_code(source: &str) -> Parsed {
    blocks(source, BlockKind::Whole)
}

fn blocks(source: &str, kind: BlockKind) -> Parsed {
    let mut blocks = vec![];
    let mut begin = 0;
    let mut offset = 0;
    for line in source.split_inclusive('\n') {
        if line.trim().is_empty() {
            blocks.extend(block(source, begin, offset, kind));
            begin = offset + line.len();
        }
        offset += line.len();
    }
    blocks.extend(block(source, begin, offset, kind));
    Parsed {
        blocks,
        ..Parsed::default()
    }
}

fn block(source: &str, begin: usize, end: usize, kind: BlockKind) -> Option<Block> {
    let raw = &source[begin..end];
    // The first line of code keeps what stands before it.
    let text = match kind {
        BlockKind::Whole => raw.trim_end(),
        _ => raw.trim(),
    };
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return None;
    }
    let end = begin + raw.trim_end().len();
    let span = end - text.len()..end;
    Some(Block {
        kind,
        text: text.to_owned(),
        origins: vec![Origin {
            text: 0..text.len(),
            source: span.clone(),
        }],
        span,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_keeps_its_lines() {
        let source = "    if a:\n        b()\n\n\nc()\n";
        let blocks = parse_code(source).blocks;
        let texts: Vec<_> = blocks.iter().map(|block| block.text.as_str()).collect();
        assert_eq!(texts, ["    if a:\n        b()", "c()"]);
    }

    #[test]
    fn spans_point_at_the_paragraphs() {
        let source = "\n  one\nmore \n\n\n two é\n";
        let blocks = parse(source).blocks;
        let texts: Vec<_> = blocks
            .iter()
            .map(|block| &source[block.span.clone()])
            .collect();
        assert_eq!(texts, ["one\nmore", "two é"]);
        assert!(
            blocks
                .iter()
                .zip(texts)
                .all(|(block, text)| block.text == text)
        );
    }
}
