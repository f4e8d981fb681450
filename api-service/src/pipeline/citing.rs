//! Markers such as `[1]` in an answer's text: each names a source, or goes.

/// Lets an answer's pieces through as they come, without markers that name no
/// source.
#[derive(Debug)]
pub struct CitationFilter {
    sources: usize,
    /// What may become a marker and is held back until that is known.
    held: String,
}

/// A marker such as `[1]`, `[2, 3]` or `[1-3]` is not longer than this.
const LONGEST_MARKER: usize = 40;

impl CitationFilter {
    /// A filter for an answer with this many sources.
    pub const fn new(sources: usize) -> Self {
        Self {
            sources,
            held: String::new(),
        }
    }

    /// Takes the next piece; gives what can be shown now.
    pub fn push(&mut self, piece: &str) -> String {
        let mut shown = String::new();
        // PostgreSQL's text has no NUL.
        for letter in piece.chars().filter(|letter| *letter != '\0') {
            if self.held.is_empty() {
                if letter == '[' {
                    self.held.push(letter);
                } else {
                    shown.push(letter);
                }
                continue;
            }
            let inside = letter.is_ascii_digit() || matches!(letter, ',' | ' ' | '-' | '–' | '^');
            if letter == ']' {
                let marker = std::mem::take(&mut self.held);
                let link = format!("{marker}]");
                shown.push_str(&self.resolve(&marker[1..]).unwrap_or(link));
            } else if inside && self.held.len() < LONGEST_MARKER {
                self.held.push(letter);
            } else {
                shown.push_str(&std::mem::take(&mut self.held));
                if letter == '[' {
                    self.held.push(letter);
                } else {
                    shown.push(letter);
                }
            }
        }
        shown
    }

    /// Ends the answer; gives what was still held back.
    pub fn finish(self) -> String {
        // A marker that never closed is no marker.
        if self.held.len() > 1 {
            String::new()
        } else {
            self.held
        }
    }

    /// The markers that the inside of brackets stands for: `None` where it is
    /// no marker, such as in `[ ]`.
    fn resolve(&self, inside: &str) -> Option<String> {
        let mut kept = String::new();
        let mut numbers = 0;
        for part in inside
            .split(',')
            .map(|part| part.trim().trim_start_matches('^'))
        {
            let (first, last) = part.split_once(['-', '–']).unwrap_or((part, part));
            let (Some(first), Some(last)) = (number(first), number(last)) else {
                continue;
            };
            numbers += 1;
            for number in first..=last.min(self.sources) {
                if number == 0 {
                    continue;
                }
                kept.extend(["[", &number.to_string(), "]"]);
            }
        }
        (numbers > 0).then_some(kept)
    }
}

/// The number that digits stand for; one that is too large names no source.
fn number(digits: &str) -> Option<usize> {
    let digits = digits.trim();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(sources: usize, pieces: &[&str]) -> String {
        let mut filter = CitationFilter::new(sources);
        let text: String = pieces.iter().map(|piece| filter.push(piece)).collect();
        text + &filter.finish()
    }

    #[test]
    fn only_markers_that_name_a_source_stay() {
        for (sources, text, expected) in [
            (2, "One [1]. Two [3].", "One [1]. Two ."),
            (3, "A [2, 9, 3] b", "A [2][3] b"),
            (3, "[1-3][0]", "[1][2][3]"),
            (0, "x [1]", "x "),
            (9, "[99999999999999999999999]", ""),
            (2, "[1-4000000000]", "[1][2]"),
        ] {
            assert_eq!(filtered(sources, &[text]), expected);
        }
    }

    #[test]
    fn a_marker_may_come_in_any_pieces() {
        assert_eq!(filtered(1, &["a [", "1", "] b"]), "a [1] b");
        assert_eq!(filtered(1, &["a [", "[1]"]), "a [[1]");
    }

    #[test]
    fn other_brackets_are_text() {
        assert_eq!(filtered(1, &["[link](x) [ ] a[i]"]), "[link](x) [ ] a[i]");
        assert_eq!(filtered(1, &["ends with ["]), "ends with [");
        assert_eq!(filtered(1, &["no \0[\u{0}1]"]), "no [1]");
        assert_eq!(filtered(1, &["cut off [1"]), "cut off ");
    }
}
