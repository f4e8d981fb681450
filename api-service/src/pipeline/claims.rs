//! The sentences of an answer that claim something, told as they are complete,
//! and what each of them cites.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::sentences::sentences;

/// A sentence that claims something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Where it stands in the answer's text, in bytes, with its markers.
    pub sentence: Range<usize>,
    /// The sentence, without markers.
    pub text: String,
    /// The numbers of the sources that it cites, each once.
    pub numbers: Vec<usize>,
}

/// Reads an answer as it comes.
#[derive(Debug, Default)]
pub struct Claims {
    text: String,
    /// Up to where it was read.
    read: usize,
    /// Up to where no sentence ends after that, however the text goes on.
    searched: usize,
    in_code: bool,
    /// Whether what was read ends within a line of running text.
    in_prose: bool,
}

/// A line without an end is read up to here once it is this long, in bytes.
const LONGEST: usize = 4_000;

/// A sentence that cites nothing claims nothing with fewer words, such as "Yes.".
const FEWEST_WORDS: usize = 3;

/// What a line is.
enum Line {
    /// Running text or an item of a list, which begins at this byte.
    Prose(usize),
    /// A row of a table.
    Row,
    /// A heading, a rule or code: it claims nothing.
    Nothing,
}

impl Claims {
    /// Takes the next piece of the text; gives the claims that are complete.
    pub fn push(&mut self, piece: &str) -> Vec<Claim> {
        self.text.push_str(piece);
        let mut found = vec![];
        while let Some(length) = self.text[self.read..].find('\n') {
            let end = self.read + length;
            self.line(end, &mut found);
            self.read = end + 1;
            self.in_prose = false;
        }
        if self.text.len() - self.read > LONGEST {
            self.line(self.text.len(), &mut found);
            self.in_prose = true;
            self.read = self.text.len();
        }
        self.begun_line(&mut found);
        found
    }

    /// Ends the answer; gives the claims that were not complete before.
    pub fn finish(mut self) -> Vec<Claim> {
        let mut found = vec![];
        self.line(self.text.len(), &mut found);
        found
    }

    /// Reads a line that ends at `end`.
    fn line(&mut self, end: usize, found: &mut Vec<Claim>) {
        match self.kind(end) {
            Line::Prose(start) => {
                let all = claims(&self.text, start..end);
                found.extend(all.into_iter().filter(claims_something));
            }
            Line::Row => {
                let row = claims(&self.text, self.read..end).into_iter().reduce(both);
                found.extend(row.filter(|row| !row.numbers.is_empty()));
            }
            Line::Nothing => {}
        }
    }

    /// Reads the sentences of an unfinished line after which another one began.
    fn begun_line(&mut self, found: &mut Vec<Claim>) {
        let line = self.text[self.read..].trim_start();
        // Most pieces end no sentence, and this is asked for each of them.
        if !self.text[self.searched.max(self.read)..].contains(may_end_a_sentence) {
            return;
        }
        // What these begin is known when the line is whole.
        if !self.in_prose && line.starts_with(['`', '~', '*']) {
            return;
        }
        let Line::Prose(start) = self.kind(self.text.len()) else {
            return;
        };
        let mut all = claims(&self.text, start..self.text.len());
        let Some(last) = all.pop() else { return };
        // Which sentence it goes with depends on its first letter.
        if !last.text.chars().any(char::is_alphabetic) {
            return;
        }
        if !all.is_empty() {
            self.read = last.sentence.start;
            self.in_prose = true;
            found.extend(all.into_iter().filter(claims_something));
        }
        // Whether a sentence ends depends on the next letter, and no further.
        let after = self.text.rsplit(may_end_a_sentence).next();
        if after.is_some_and(|after| after.contains(char::is_alphabetic)) {
            self.searched = self.text.len();
        }
    }

    /// What the line is that ends at `end`. A fence of code changes what the
    /// next ones are.
    fn kind(&mut self, end: usize) -> Line {
        let line = &self.text[self.read..end];
        if self.in_prose {
            return Line::Prose(self.read);
        }
        let trimmed = line.trim();
        let fence = trimmed.starts_with("```") || trimmed.starts_with("~~~");
        // Only a whole line changes it.
        if fence && self.text[end..].starts_with('\n') {
            self.in_code = !self.in_code;
        }
        if fence || self.in_code || trimmed.starts_with('#') || is_bold(trimmed) {
            return Line::Nothing;
        }
        if trimmed.starts_with('|') {
            return Line::Row;
        }
        Line::Prose(end - after_list_marker(line).len())
    }
}

/// Of the letters of other scripts, those that do are not told from the rest.
const fn may_end_a_sentence(letter: char) -> bool {
    matches!(letter, '.' | '!' | '?' | '\r') || !letter.is_ascii()
}

/// A line that is bold as a whole is a heading.
fn is_bold(line: &str) -> bool {
    line.strip_prefix("**")
        .and_then(|rest| rest.strip_suffix("**"))
        .is_some_and(|inside| !inside.contains("**"))
}

/// The line without what makes it an item of a list or a quotation.
fn after_list_marker(line: &str) -> &str {
    let mut rest = line.trim_start();
    while let Some(quoted) = rest.strip_prefix('>') {
        rest = quoted.trim_start();
    }
    let digits = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let unmarked = if digits.len() < rest.len() {
        digits.strip_prefix(['.', ')'])
    } else {
        rest.strip_prefix(['-', '*', '+'])
    };
    match unmarked {
        Some(text) if text.starts_with(' ') => text.trim_start(),
        _ => rest,
    }
}

/// The sentences of a stretch of the text, with the markers that belong to each:
/// those in it and those after it, also after its full stop.
fn claims(text: &str, stretch: Range<usize>) -> Vec<Claim> {
    let markers = markers(text, stretch.clone());
    let mut plain = text[stretch.clone()].to_owned();
    for (range, _) in &markers {
        let (start, end) = (range.start - stretch.start, range.end - stretch.start);
        plain.replace_range(start..end, &" ".repeat(range.len()));
    }
    let mut all: Vec<Claim> = vec![];
    for range in sentences(&plain) {
        let words = plain[range.clone()].split_whitespace();
        all.push(Claim {
            sentence: stretch.start + range.start..stretch.start + range.end,
            text: words.collect::<Vec<_>>().join(" "),
            numbers: vec![],
        });
    }
    for (range, number) in markers {
        let after = all.partition_point(|claim| claim.sentence.start < range.start);
        if let Some(claim) = all.get_mut(after.saturating_sub(1)) {
            claim.sentence.start = claim.sentence.start.min(range.start);
            claim.sentence.end = claim.sentence.end.max(range.end);
            if !claim.numbers.contains(&number) {
                claim.numbers.push(number);
            }
        }
    }
    all
}

/// The markers `[n]` of a stretch of the text.
fn markers(text: &str, stretch: Range<usize>) -> Vec<(Range<usize>, usize)> {
    let mut found = vec![];
    for (at, _) in text[stretch.clone()].match_indices('[') {
        let start = stretch.start + at;
        let Some(length) = text[start..stretch.end].find(']') else {
            break;
        };
        if let Ok(number) = text[start + 1..start + length].parse() {
            found.push((start..start + length + 1, number));
        }
    }
    found
}

/// Questions and what leads to a list claim nothing.
fn claims_something(claim: &Claim) -> bool {
    let text = claim.text.trim_end_matches(['*', '_']);
    let words = text.unicode_words().count();
    let speaks = words >= FEWEST_WORDS && !text.ends_with([':', '?', '：', '？']);
    words > 0 && (speaks || !claim.numbers.is_empty())
}

fn both(one: Claim, other: Claim) -> Claim {
    let mut numbers = one.numbers;
    for number in other.numbers {
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    Claim {
        sentence: one.sentence.start..other.sentence.end,
        text: format!("{} {}", one.text, other.text),
        numbers,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(pieces: &[&str]) -> Vec<Claim> {
        let mut claims = Claims::default();
        let mut all: Vec<Claim> = pieces.iter().flat_map(|piece| claims.push(piece)).collect();
        all.extend(claims.finish());
        all
    }

    /// Each claim as it stands in the text, and what it cites.
    fn told(text: &str) -> Vec<(&str, Vec<usize>)> {
        all(&[text])
            .into_iter()
            .map(|claim| (&text[claim.sentence], claim.numbers))
            .collect()
    }

    #[test]
    fn markers_belong_to_the_sentence_before_or_around_them() {
        assert_eq!(
            told("It floats [1]. It sinks. [2][3] Both [1] and [2] say so.[4]\nEnd of it.[5]"),
            [
                ("It floats [1].", vec![1]),
                ("It sinks. [2][3]", vec![2, 3]),
                ("Both [1] and [2] say so.[4]", vec![1, 2, 4]),
                ("End of it.[5]", vec![5]),
            ]
        );
        assert_eq!(
            told("[2] It floats well."),
            [("[2] It floats well.", vec![2])]
        );
        assert_eq!(
            told("浮かびます。[1]沈みます。[2]"),
            [("浮かびます。[1]", vec![1]), ("沈みます。[2]", vec![2])]
        );
    }

    #[test]
    fn headings_code_questions_and_introductions_claim_nothing() {
        let text = "# It is a heading\n**All of it bold**\nThese are the steps:\n\
                    1. Install the thing [1].\n2. Run it twice a day\n\n\
                    ```sh\nrun it with care. Then stop.\n```\nYes. Is that all there is?\n\
                    | A | B |\n|---|---|\n| one | two [2] |\n> It was quoted [3].\n";
        assert_eq!(
            told(text),
            [
                ("Install the thing [1].", vec![1]),
                ("Run it twice a day", vec![]),
                ("| one | two [2] |", vec![2]),
                ("It was quoted [3].", vec![3]),
            ]
        );
    }

    #[test]
    fn a_sentence_is_told_when_the_next_one_begins() {
        let mut claims = Claims::default();
        assert_eq!(claims.push("It floats. "), []);
        assert_eq!(claims.push("[1]"), []);
        assert_eq!(claims.push(" "), []);
        let told = claims.push("Then");
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].sentence.clone(), &told[0].numbers),
            (0..14, &vec![1])
        );
        assert_eq!(claims.push(" it sinks [2].\n").len(), 1);
        assert_eq!(claims.finish(), []);
    }

    proptest! {
        /// However an answer comes in pieces, the same claims are told.
        #[test]
        fn pieces_change_nothing(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("It floats well. "), Just("[1]"), Just(" [2]"), Just("\n"), Just("- "),
                    Just("```\n"), Just("# Head"), Just("e.g. three"), Just(" Über 3.5 m. "),
                    Just("| a |"), Just("1. "), Just("为什么。"), Just("**bold**"), Just("a b c d"),
                    Just("?"), Just(": "), Just("~~~"), Just(" next"), Just("`x` "),
                ],
                0..24,
            ),
        ) {
            let text = parts.concat();
            let letters: Vec<String> = text.chars().map(String::from).collect();
            let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
            let whole = all(&[&text]);
            let (mut last, length) = (0, text.len());
            for claim in &whole {
                prop_assert!(text.get(claim.sentence.clone()).is_some());
                prop_assert!(last <= claim.sentence.start && claim.sentence.end <= length);
                last = claim.sentence.end;
            }
            prop_assert_eq!(all(&letters), whole);
        }
    }
}
