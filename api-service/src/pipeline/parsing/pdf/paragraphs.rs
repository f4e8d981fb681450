//! From lines to paragraphs, headings and tables; what repeats on every page
//! is around the text and not in it.

use std::collections::{HashMap, HashSet};

use super::{
    super::{BlockKind, ParseError, kept::Kept},
    lines::Line,
};

/// Lines at the top and the bottom of a page that may be around the text.
const EDGE: usize = 2;

/// What is so many times as large as the text is a heading.
const LARGER: f64 = 1.15;

/// A heading is no longer than this, in bytes.
const LONGEST_HEADING: usize = 200;

/// A distance of so many times the usual one parts paragraphs.
const APART: f64 = 1.3;

/// The lines that repeat at the edges of pages, with numbers made equal.
pub(super) fn repeated(pages: &[Vec<Line>]) -> HashSet<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for page in pages {
        let edges: HashSet<String> = edges(page)
            .map(|line| without_numbers(&line.text()))
            .collect();
        for edge in edges {
            *counts.entry(edge).or_default() += 1;
        }
    }
    let often = (pages.len() / 2).max(3);
    let repeated = counts.into_iter().filter(|(_, count)| *count >= often);
    repeated.map(|(text, _)| text).collect()
}

fn edges(page: &[Line]) -> impl Iterator<Item = &Line> {
    let below = page.len().saturating_sub(EDGE).max(EDGE);
    let place = page.iter().enumerate();
    place.filter_map(move |(place, line)| (place < EDGE || place >= below).then_some(line))
}

fn without_numbers(text: &str) -> String {
    let letters = text.chars().filter(|letter| !letter.is_ascii_digit());
    letters.collect::<String>().split_whitespace().collect()
}

/// The size of most letters of a document.
pub(super) fn body_size(pages: &[Vec<Line>]) -> f64 {
    let mut sizes: HashMap<i64, usize> = HashMap::new();
    for line in pages.iter().flatten() {
        *sizes.entry(tenths(line.size)).or_default() += line.text().len();
    }
    let most = sizes
        .into_iter()
        .max_by_key(|(size, count)| (*count, *size));
    #[expect(clippy::cast_precision_loss, reason = "a font's size")]
    most.map_or(0.0, |(size, _)| size as f64 / 10.0)
}

fn tenths(size: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "below a million points")]
    let tenths = (size * 10.0).round() as i64;
    tenths
}

/// Writes the blocks of a page.
pub(super) fn write_page(
    kept: &mut Kept,
    page: &[Line],
    around: &HashSet<String>,
    body: f64,
) -> Result<(), ParseError> {
    let skipped: HashSet<*const Line> = edges(page)
        .filter(|line| around.contains(&without_numbers(&line.text())))
        .map(std::ptr::from_ref)
        .collect();
    let lines = page
        .iter()
        .filter(|line| !skipped.contains(&std::ptr::from_ref(*line)));
    let lines: Vec<&Line> = lines.collect();
    let usual = usual_distance(&lines);
    let mut open: Vec<&Line> = vec![];
    for line in lines {
        if open
            .last()
            .is_some_and(|last| parts(last, line, usual, body))
        {
            write_block(kept, &open, body)?;
            open.clear();
        }
        open.push(line);
    }
    write_block(kept, &open, body)
}

/// How far apart most lines are.
fn usual_distance(lines: &[&Line]) -> f64 {
    let pairs = lines.windows(2).map(|pair| pair[0].y - pair[1].y);
    let mut distances: Vec<f64> = pairs.filter(|distance| *distance > 0.0).collect();
    distances.sort_by(f64::total_cmp);
    let middle = distances.len().saturating_sub(1) / 2;
    distances.get(middle).copied().unwrap_or(0.0)
}

/// Whether a block ends between two lines.
fn parts(last: &Line, line: &Line, usual: f64, body: f64) -> bool {
    let distance = last.y - line.y;
    let larger = last.size.max(line.size);
    let other_size = (last.size - line.size).abs() > larger * 0.08;
    let both_rows = is_row(last) && is_row(line);
    let apart = distance > usual.clamp(larger, larger * 2.0) * APART;
    // A column that ends goes on at the top of the next.
    let column = distance < -larger && ends_sentence(&last.text());
    let kinds = is_row(last) != is_row(line) || is_heading(last, body) != is_heading(line, body);
    kinds
        || (other_size && !both_rows)
        || (apart && !both_rows)
        || column
        || begins_item(&line.text())
}

fn ends_sentence(text: &str) -> bool {
    text.trim_end().ends_with(['.', ':', '?', '!', '。'])
}

fn begins_item(text: &str) -> bool {
    text.starts_with(['•', '▪', '◦', '●', '‣', '–', '·']) && text.chars().count() > 2
}

/// A row of a table: segments beside one another, one of them with a number,
/// or three and more.
fn is_row(line: &Line) -> bool {
    let number = |text: &str| text.chars().any(|letter| letter.is_ascii_digit());
    let segments = &line.segments;
    segments.len() > 2
        || (segments.len() == 2 && segments.iter().skip(1).any(|segment| number(&segment.text)))
}

fn is_heading(line: &Line, body: f64) -> bool {
    line.size > body * LARGER && body > 0.0
}

fn write_block(kept: &mut Kept, lines: &[&Line], body: f64) -> Result<(), ParseError> {
    let Some(first) = lines.first() else {
        return Ok(());
    };
    if is_row(first) {
        let rows = lines.iter().map(|line| {
            let cells = line.segments.iter().map(|segment| segment.text.as_str());
            cells.collect::<Vec<_>>().join(" | ")
        });
        return kept.push(BlockKind::Whole, &rows.collect::<Vec<_>>().join("\n"));
    }
    let text = joined(lines);
    if is_heading(first, body)
        && text.len() <= LONGEST_HEADING
        && text.chars().any(char::is_alphabetic)
    {
        let times = first.size / body;
        let level = if times > 1.7 {
            1
        } else if times > 1.35 {
            2
        } else {
            3
        };
        return kept.push(BlockKind::Heading(level), &text);
    }
    let kind = if begins_item(&text) {
        BlockKind::Item
    } else {
        BlockKind::Prose
    };
    kept.push(kind, &text)
}

/// A paragraph's lines as one, and words that were broken whole again.
fn joined(lines: &[&Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let next = line.text();
        let broken = text.ends_with(['-', '\u{ad}', '\u{2010}']);
        let before = text.chars().rev().nth(1).is_some_and(char::is_alphabetic);
        let goes_on = next.chars().next().is_some_and(char::is_lowercase);
        if broken && before && goes_on {
            text.pop();
        } else {
            let wide = is_wide(text.chars().next_back()) && is_wide(next.chars().next());
            text.push_str(if text.is_empty() || wide { "" } else { " " });
        }
        text.push_str(next.trim());
    }
    text.replace('\u{ad}', "")
}

/// A letter of a script that has no blanks between words.
fn is_wide(letter: Option<char>) -> bool {
    letter.is_some_and(|letter| matches!(letter, '\u{3000}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ff00}'..='\u{ff60}'))
}

#[cfg(test)]
mod tests {
    use super::{
        super::lines::{lines, tests::written},
        *,
    };

    #[test]
    fn words_are_whole_and_paragraphs_are_told_apart() {
        let page = [
            ("Heading", 720.0, 14.0),
            ("This para-", 700.0, 10.0),
            ("graph is the first, state-of-", 688.0, 10.0),
            ("The-art as it is.", 676.0, 10.0),
            ("The second one.", 650.0, 10.0),
        ];
        let glyphs = page
            .iter()
            .flat_map(|(text, y, size)| written(text, 50.0, *y, *size));
        let page = lines(glyphs.collect());
        let mut kept = Kept::default();
        write_page(&mut kept, &page, &HashSet::new(), 10.0).unwrap();
        let parsed = kept.finish();
        let texts: Vec<_> = parsed
            .blocks
            .iter()
            .map(|block| block.text.as_str())
            .collect();
        let first = "This paragraph is the first, state-of- The-art as it is.";
        assert_eq!(texts, ["Heading", first, "The second one."]);
        assert_eq!(parsed.blocks[0].kind, BlockKind::Heading(2));
    }

    #[test]
    fn what_every_page_has_at_its_edges_is_around_the_text() {
        let pages: Vec<Vec<Line>> = (1..5)
            .map(|page| {
                let foot = written(&format!("Report | Page {page}"), 50.0, 20.0, 8.0);
                let text = written(&format!("The text number {page}."), 50.0, 500.0, 10.0);
                lines([foot, text].concat())
            })
            .collect();
        let around = repeated(&pages);
        assert!(around.contains("Report|Page"), "{around:?}");
    }
}
