//! From blocks to chunks: along the headings, within the embedder's budget of
//! tokens, small sections together.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::{
    parsing::{Block, BlockKind, Parsed},
    sections::{Section, sections},
    sentences::sentences,
};
use crate::domain::chunk::ChunkText;

/// A section with fewer tokens than this is put together with its neighbour.
const SMALL: usize = 96;

/// The tokens of a chunk without its context line: shorter passages make better
/// citations.
const MOST: usize = 200;

/// The budget never shrinks below this, however long the headings are.
const LEAST: usize = 64;

/// A piece is never longer than this in bytes, whatever its tokens are.
const LONGEST_PIECE: usize = 4_000;

/// Cuts a parsed document into chunks.
///
/// `title` is the document's title, `max_tokens` what the embedder reads of a
/// chunk with its context line, `count` counts a text's tokens.
pub fn chunk(
    parsed: &Parsed,
    title: &str,
    max_tokens: usize,
    count: &dyn Fn(&str) -> usize,
) -> Vec<ChunkText> {
    let cutter = Cutter {
        source: &parsed.source,
        title,
        max_tokens,
        count,
    };
    let cut = sections(&parsed.blocks)
        .into_iter()
        .flat_map(|section| cutter.cut(&section))
        .collect();
    cutter
        .merge(cut)
        .into_iter()
        .map(|part| ChunkText {
            page: parsed.page_of(part.chunk.span.start),
            ..part.chunk
        })
        .collect()
}

struct Cutter<'a> {
    source: &'a str,
    title: &'a str,
    max_tokens: usize,
    count: &'a dyn Fn(&str) -> usize,
}

/// A text that is not cut any further.
struct Piece {
    text: String,
    span: Range<usize>,
    tokens: usize,
    kind: BlockKind,
}

/// A chunk and its number of tokens.
struct Part {
    chunk: ChunkText,
    tokens: usize,
    /// Where each of its headings begins in the source, for those right before
    /// it: its text begins there once the heading is part of it.
    starts: Vec<Option<usize>>,
}

impl Cutter<'_> {
    fn budget(&self, headings: &[String]) -> usize {
        let probe = ChunkText {
            headings: headings.to_vec(),
            text: String::new(),
            span: 0..0,
            page: None,
        };
        let context = (self.count)(&probe.context_line(self.title));
        self.max_tokens
            .saturating_sub(context)
            .min(MOST)
            .max(LEAST.min(self.max_tokens))
    }

    /// Cuts a section into parts that fit the budget.
    fn cut(&self, section: &Section<'_>) -> Vec<Part> {
        let budget = self.budget(&section.headings);
        let mut parts = vec![];
        let mut open: Option<(Part, BlockKind)> = None;
        let pieces = section
            .blocks
            .iter()
            .flat_map(|block| self.pieces(block, budget));
        for piece in pieces {
            match &mut open {
                Some((part, last)) if part.tokens + piece.tokens <= budget => {
                    let tight = *last == piece.kind && piece.kind != BlockKind::Prose;
                    part.chunk.text.push_str(if tight { "\n" } else { "\n\n" });
                    part.chunk.text.push_str(&piece.text);
                    part.chunk.span.end = part.chunk.span.end.max(piece.span.end);
                    part.tokens += piece.tokens;
                    *last = piece.kind;
                }
                _ => {
                    let chunk = ChunkText {
                        headings: section.headings.clone(),
                        text: piece.text,
                        span: piece.span,
                        page: None,
                    };
                    // Only a section's first part follows its headings.
                    let first = parts.is_empty() && open.is_none();
                    let starts = if first {
                        section.starts.clone()
                    } else {
                        vec![]
                    };
                    let tokens = piece.tokens;
                    let part = Part {
                        chunk,
                        tokens,
                        starts,
                    };
                    let next = (part, piece.kind);
                    parts.extend(open.replace(next).map(|(part, _)| part));
                }
            }
        }
        parts.extend(open.map(|(part, _)| part));
        parts
    }

    /// A block in pieces that each fit the budget: sentences of prose, lines of
    /// code; where even one of those is too long, words.
    fn pieces(&self, block: &Block, budget: usize) -> Vec<Piece> {
        let tokens = (self.count)(&block.text);
        if tokens <= budget && block.text.len() <= LONGEST_PIECE {
            let (text, span) = (block.text.clone(), block.span.clone());
            return vec![Piece {
                text,
                span,
                tokens,
                kind: block.kind,
            }];
        }
        let units = match block.kind {
            BlockKind::Whole => lines(&block.text),
            _ => sentences(&block.text),
        };
        let units = units
            .into_iter()
            .flat_map(|unit| self.fitting(&block.text, unit, budget))
            .filter(|(unit, _)| !block.text[unit.clone()].trim().is_empty());
        let mut pieces: Vec<Piece> = vec![];
        let mut open: Option<(Range<usize>, usize)> = None;
        for (unit, tokens) in units {
            open = match open {
                Some((range, sum))
                    if sum + tokens <= budget && unit.end - range.start <= LONGEST_PIECE =>
                {
                    Some((range.start..unit.end, sum + tokens))
                }
                full => {
                    pieces.extend(full.map(|full| self.piece(block, full)));
                    Some((unit, tokens))
                }
            };
        }
        pieces.extend(open.map(|full| self.piece(block, full)));
        pieces
    }

    fn piece(&self, block: &Block, part: (Range<usize>, usize)) -> Piece {
        let (range, tokens) = part;
        Piece {
            span: self.place(block, &range),
            text: block.text[range].to_owned(),
            tokens,
            kind: block.kind,
        }
    }

    /// Where a part of a block's text stands in the source, on the borders of
    /// characters.
    fn place(&self, block: &Block, part: &Range<usize>) -> Range<usize> {
        let span = block.source_of(part);
        let start = self.source.floor_char_boundary(span.start);
        start..self.source.ceil_char_boundary(span.end)
    }

    /// A unit, or the words of it in runs that fit the budget.
    fn fitting(&self, text: &str, unit: Range<usize>, budget: usize) -> Vec<(Range<usize>, usize)> {
        let tokens = (self.count)(&text[unit.clone()]);
        if tokens <= budget && unit.len() <= LONGEST_PIECE {
            return vec![(unit, tokens)];
        }
        let mut runs: Vec<(Range<usize>, usize)> = vec![];
        for (start, word) in text[unit.clone()].split_word_bound_indices() {
            for word in bounded(unit.start + start, word) {
                let tokens = (self.count)(&text[word.clone()]);
                match runs.last_mut() {
                    Some((run, sum))
                        if *sum + tokens <= budget && word.end - run.start <= LONGEST_PIECE =>
                    {
                        run.end = word.end;
                        *sum += tokens;
                    }
                    _ => runs.push((word, tokens)),
                }
            }
        }
        runs
    }

    /// Puts small neighbours together, under the headings that they share.
    fn merge(&self, parts: Vec<Part>) -> Vec<Part> {
        let mut merged: Vec<Part> = vec![];
        for part in parts {
            let joined = merged.last().and_then(|last| self.join(last, &part));
            match (joined, merged.last_mut()) {
                (Some(joined), Some(last)) => *last = joined,
                _ => merged.push(part),
            }
        }
        merged
    }

    fn join(&self, first: &Part, second: &Part) -> Option<Part> {
        if first.tokens >= SMALL && second.tokens >= SMALL {
            return None;
        }
        let (above, below) = (&first.chunk.headings, &second.chunk.headings);
        let shared = above
            .iter()
            .zip(below)
            .take_while(|(one, other)| one == other)
            .count();
        let headings = above[..shared].to_vec();
        let text = [
            under(&above[shared..], &first.chunk.text),
            under(&below[shared..], &second.chunk.text),
        ]
        .join("\n\n");
        let tokens = (self.count)(&text);
        let start = first.starts.iter().skip(shared).flatten().min().copied();
        let start = start.unwrap_or(first.chunk.span.start);
        let span = start..second.chunk.span.end.max(first.chunk.span.end);
        let starts = first.starts.iter().take(shared).copied().collect();
        (tokens <= self.budget(&headings)).then_some(Part {
            chunk: ChunkText {
                headings,
                text,
                span,
                page: None,
            },
            tokens,
            starts,
        })
    }
}

/// A text under headings that are not in its context line any more.
fn under(headings: &[String], text: &str) -> String {
    let mut lines = headings.to_vec();
    lines.push(text.to_owned());
    lines.join("\n")
}

fn lines(text: &str) -> Vec<Range<usize>> {
    let mut offset = 0;
    let lines = text.split_inclusive('\n').map(|line| {
        let range = offset..offset + line.trim_end().len();
        offset += line.len();
        range
    });
    lines.filter(|range| !range.is_empty()).collect()
}

/// A word in parts of at most [`LONGEST_PIECE`] bytes, on character borders.
fn bounded(start: usize, word: &str) -> Vec<Range<usize>> {
    let mut parts = vec![];
    let mut at = 0;
    while at < word.len() {
        let end = word.floor_char_boundary((at + LONGEST_PIECE).min(word.len()));
        parts.push(start + at..start + end);
        at = end;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::document::MediaType, pipeline::parsing::parse};

    fn words(text: &str) -> usize {
        text.split_whitespace().count()
    }

    fn chunks(source: &str, max: usize) -> Vec<ChunkText> {
        let parsed = parse(MediaType::Markdown, source).unwrap();
        chunk(&parsed, "T", max, &words)
    }

    #[test]
    fn small_sections_come_together_under_what_they_share() {
        let source = "# A\n\n## B\n\none two\n\n## C\n\nthree four\n";
        let got = chunks(source, 200);
        assert_eq!(got.len(), 1);
        assert_eq!(got[0].headings, ["A"]);
        assert_eq!(got[0].text, "B\none two\n\nC\nthree four");
        assert_eq!(
            &source[got[0].span.clone()],
            "## B\n\none two\n\n## C\n\nthree four"
        );
    }

    #[test]
    fn long_text_is_cut_between_sentences_within_the_budget() {
        let sentence = "This sentence has exactly six words. ";
        let got = chunks(&sentence.repeat(100), 100);
        assert!(
            got.iter()
                .all(|chunk| words(&chunk.indexed_text("T")) <= 100)
        );
        assert!(got.iter().all(|chunk| chunk.text.ends_with("words.")));
        let total: usize = got.iter().map(|chunk| words(&chunk.text)).sum();
        assert_eq!(total, 600);
    }

    #[test]
    fn spans_of_parts_of_a_block_are_exact_where_the_text_is() {
        let source = "First sentence stands here now. ".repeat(40);
        for chunk in chunks(&source, 70) {
            assert_eq!(source[chunk.span.clone()].trim(), chunk.text.trim());
        }
    }

    #[test]
    fn blanks_without_end_between_words_are_no_chunk() {
        let source = format!(
            "{}{}{}",
            "a".repeat(300),
            "\u{2003}".repeat(2_000),
            "b".repeat(300)
        );
        let length = |text: &str| text.len() / 16;
        let parsed = parse(MediaType::Markdown, &source).unwrap();
        let chunks = chunk(&parsed, "T", 24, &length).into_iter();
        let texts: Vec<_> = chunks.map(|chunk| chunk.text.trim().len()).collect();
        assert_eq!(texts, [300, 300]);
    }

    #[test]
    fn chunks_do_not_overlap_in_the_source() {
        let long = "This sentence has exactly six words. ".repeat(30);
        let source = format!("# A\n\n## B\n\n{long}\n\n### C\n\nshort\n\n### D\n\ntext\n");
        let got = chunks(&source, 100);
        assert!(got.len() > 1);
        for pair in got.windows(2) {
            assert!(pair[0].span.end <= pair[1].span.start, "{pair:?}");
        }
    }

    #[test]
    fn the_span_of_a_part_of_a_table_is_that_of_its_rows() {
        let rows: Vec<_> = (10..99)
            .map(|row| format!("| row {row} | `value` |"))
            .collect();
        let source = format!("# T\n\n| a | b |\n|---|---|\n{}\n", rows.join("\n"));
        let got = chunks(&source, 70);
        assert!(got.len() > 3);
        for chunk in &got[1..] {
            let span = &source[chunk.span.clone()];
            assert!(span.starts_with(&chunk.text[..6]), "{span}");
            assert!(span.ends_with("`value`"), "{span}");
            assert_eq!(span.lines().count(), chunk.text.lines().count());
        }
    }

    #[test]
    fn a_heading_with_nothing_under_it_is_text() {
        let got = chunks("# A\n\n## B\n\n### C\n\n## D\n\ntext\n\n# E\n", 100);
        assert_eq!(got.len(), 1);
        assert_eq!(got[0].headings, Vec::<String>::new());
        assert_eq!(got[0].text, "A\nB\n\nC\n\nD\ntext\n\nE");
    }

    #[test]
    fn a_chunk_is_on_the_page_that_its_text_begins_on() {
        let long = "This sentence has exactly six words. ".repeat(20);
        let source = format!("# A\n\n{long}\n\n# B\n\n{long}\n\n## C\n\nshort\n\n## D\n\ntext\n");
        let place = |text: &str| source.find(text).unwrap();
        let pages = |pages: Vec<usize>| {
            let mut parsed = parse(MediaType::Markdown, &source).unwrap();
            parsed.pages = pages;
            let chunks = chunk(&parsed, "T", 124, &words).into_iter();
            chunks.map(|chunk| chunk.page).collect::<Vec<_>>()
        };
        assert_eq!(pages(vec![]), [None; 3]);
        // A heading may be the last of its page, and what is joined goes on over pages.
        let [first, c, d] = [place("This"), place("## C"), place("## D")];
        assert_eq!(pages(vec![0, 2, first, c]), [3, 3, 4].map(Some));
        assert_eq!(pages(vec![0, first + 9, c + 5, d]), [1, 2, 2].map(Some));
    }

    #[test]
    fn a_word_without_end_and_headings_without_text_end_somewhere() {
        let cjk = "漢".repeat(30_000);
        assert!(
            chunks(&cjk, 100)
                .iter()
                .all(|chunk| chunk.text.len() <= LONGEST_PIECE)
        );
        assert!(!chunks("# only\n\n## headings\n", 100).is_empty());
    }
}
