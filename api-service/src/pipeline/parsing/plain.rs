//! Text without markup: paragraphs between blank lines.

use super::{Block, BlockKind, Origin, Parsed};

/// Parses plain text.
pub(super) fn parse(source: &str) -> Parsed {
    let mut blocks = vec![];
    let mut begin = 0;
    let mut offset = 0;
    for line in source.split_inclusive('\n') {
        if line.trim().is_empty() {
            push(&mut blocks, source, begin, offset);
            begin = offset + line.len();
        }
        offset += line.len();
    }
    push(&mut blocks, source, begin, offset);
    Parsed {
        title: None,
        blocks,
    }
}

fn push(blocks: &mut Vec<Block>, source: &str, begin: usize, end: usize) {
    let raw = &source[begin..end];
    let text = raw.trim().trim_start_matches('\u{feff}');
    if !text.is_empty() {
        let start = begin + (raw.len() - raw.trim_start().len());
        let span = start..start + raw.trim().len();
        blocks.push(Block {
            kind: BlockKind::Prose,
            text: text.to_owned(),
            origins: vec![Origin {
                text: 0..text.len(),
                source: span.end - text.len()..span.end,
            }],
            span,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
