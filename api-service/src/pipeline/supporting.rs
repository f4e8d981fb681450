//! How far a passage supports what a sentence claims: by its words, its numbers,
//! whether it says so or denies it, and how near the meaning is.
//!
//! The constants were found on the dev half of `ClapNQ`: each sentence of its answers
//! with the passage that it was written from, and with the other passages that
//! its question finds; and the same sentences with a number changed, or denied.

use std::{collections::BTreeSet, ops::Range};

use unicode_segmentation::UnicodeSegmentation;

use super::{
    sentences::sentences,
    words::{content_words, share},
};

/// From this support on, a sentence is supported: 96 of 100 sentences of the answers of
/// `ClapNQ` with their own passage, 1 in 1,000 with another one.
pub const ENOUGH: f64 = 0.6;

/// What words and nearness of meaning count.
const WORDS: f64 = 0.55;
const MEANING: f64 = 0.45;

/// From this share of words on, meaning adds nothing; up to the other one, it
/// can't make up for them.
const SAME_WORDS: f64 = 0.9;
const OTHER_WORDS: f64 = 0.2;

/// What support is multiplied by where the passage lacks a number of the claim,
/// and where one of both denies it.
const CONTRADICTED: f64 = 0.5;

/// How many sentences of a passage are held against a claim.
const CLOSEST: usize = 2;

/// What a second sentence must add to the share of words to be quoted too.
const WORTH_QUOTING: f64 = 0.2;

/// Words that deny.
const DENIALS: &[&str] = &[
    "not", "no", "never", "none", "neither", "nor", "without", "cannot", "nobody", "nothing",
    "nicht", "kein", "keine", "nie", "ne", "pas", "jamais", "nunca", "não", "não", "не", "нет",
];

/// Small numbers as words.
const NUMBERS: &[&str] = &[
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve",
];

/// A claim held against the words of a passage.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The sentences of the passage that are closest to it, closest first, in
    /// bytes of its text; at most two.
    pub closest: Vec<Range<usize>>,
    /// What of the passage says it, in bytes of its text: the closest sentence,
    /// with the other one where that stands beside it and adds to it.
    pub quote: Range<usize>,
    /// The share of the claim's words that the passage has.
    words: f64,
    contradicted: bool,
}

/// Holds a claim against a passage that stands under `heading`.
pub fn compare(claim: &str, heading: &str, passage: &str) -> Comparison {
    let wanted = content_words(claim);
    let mut there = content_words(passage);
    there.extend(content_words(heading));
    let mut closest: Vec<(f64, Range<usize>)> = sentences(passage)
        .into_iter()
        .map(|range| {
            (
                share(&wanted, &content_words(&passage[range.clone()])),
                range,
            )
        })
        .collect();
    // A stable order: the first of several that are as close.
    closest.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    closest.truncate(CLOSEST);
    let denied = denials(claim, passage, &closest);
    let closest: Vec<Range<usize>> = closest.into_iter().map(|(_, range)| range).collect();
    Comparison {
        quote: quote(&wanted, passage, &closest),
        closest,
        words: share(&wanted, &there),
        contradicted: denied || !has_numbers(claim, heading, passage),
    }
}

impl Comparison {
    /// Whether nearness of meaning can change what is supported.
    pub fn needs_meaning(&self) -> bool {
        self.words > OTHER_WORDS && self.words < SAME_WORDS
    }

    /// How far the passage supports the claim, from 0 to 1. `nearness` is the
    /// cosine of the claim and the closest sentence, where that is known.
    pub fn support(&self, nearness: Option<f64>) -> f64 {
        let plain = match nearness {
            Some(nearness) => WORDS * self.words + MEANING * nearness.max(0.0),
            None => self.words,
        };
        let factor = if self.contradicted { CONTRADICTED } else { 1.0 };
        (plain * factor).clamp(0.0, 1.0)
    }
}

fn quote(wanted: &BTreeSet<String>, passage: &str, closest: &[Range<usize>]) -> Range<usize> {
    let [first, rest @ ..] = closest else {
        return 0..passage.len();
    };
    let words = |range: &Range<usize>| share(wanted, &content_words(&passage[range.clone()]));
    let beside = |other: &&Range<usize>| {
        let between = if other.start >= first.end {
            first.end..other.start
        } else {
            other.end..first.start
        };
        passage
            .get(between)
            .is_some_and(|gap| gap.trim().is_empty())
    };
    let wider = rest.iter().find(beside);
    let wider = wider.map(|other| first.start.min(other.start)..first.end.max(other.end));
    wider
        .filter(|wider| words(wider) >= words(first) + WORTH_QUOTING)
        .unwrap_or_else(|| first.clone())
}

/// Whether the claim denies what the passage says, or says what it denies.
fn denials(claim: &str, passage: &str, closest: &[(f64, Range<usize>)]) -> bool {
    let denying = |range: &Range<usize>| denies(&passage[range.clone()]);
    if denies(claim) {
        return !closest.iter().any(|(_, range)| denying(range));
    }
    // The closest sentence denies most of what is claimed.
    closest
        .first()
        .is_some_and(|(share, range)| *share >= 0.5 && denying(range))
}

fn denies(text: &str) -> bool {
    text.unicode_words().any(|word| {
        let word = word.to_lowercase();
        DENIALS.contains(&word.as_str()) || word.ends_with("n't") || word.ends_with("n’t")
    })
}

/// Whether every number of the claim is in the passage or its heading, as
/// digits or, where it is small, as a word.
fn has_numbers(claim: &str, heading: &str, passage: &str) -> bool {
    let there: BTreeSet<String> = [heading, passage]
        .iter()
        .flat_map(|text| text.unicode_words())
        .map(str::to_lowercase)
        .collect();
    let is_number = |word: &&str| word.starts_with(|letter: char| letter.is_ascii_digit());
    claim.unicode_words().filter(is_number).all(|number| {
        let small: Option<usize> = number.parse().ok();
        let word = small.and_then(|small| NUMBERS.get(small));
        there.contains(&number.to_lowercase()) || word.is_some_and(|word| there.contains(*word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSAGE: &str = "The arm lifts ten kilograms. It has six joints, none of which is \
                           greased. The arm was built in 1989 by Ada.";

    fn support(claim: &str) -> (f64, &'static str) {
        let comparison = compare(claim, "Robot › Arm", PASSAGE);
        let quote = comparison.quote.clone();
        (comparison.support(None), &PASSAGE[quote])
    }

    #[test]
    fn what_the_passage_says_is_supported_by_the_sentence_that_says_it() {
        for (claim, quote) in [
            (
                "The arm lifts ten kilograms.",
                "The arm lifts ten kilograms.",
            ),
            (
                "The robot’s arm lifts 10 kilograms.",
                "The arm lifts ten kilograms.",
            ),
            ("Ada built it in 1989.", "The arm was built in 1989 by Ada."),
            (
                "The arm lifts ten kilograms and has six joints",
                "The arm lifts ten kilograms. It has six joints, none of which is greased.",
            ),
        ] {
            let (support, quoted) = support(claim);
            assert!(support >= ENOUGH, "{claim}: {support}");
            assert_eq!(quoted, quote);
        }
    }

    #[test]
    fn other_numbers_denials_and_other_words_are_not() {
        for claim in [
            "The arm lifts 12 kilograms.",
            "The arm was built in 1998 by Ada.",
            "The arm doesn't lift ten kilograms.",
            "The six joints are greased.",
            "Wheels are made of rubber.",
            "",
        ] {
            let (support, _) = support(claim);
            assert!(support < ENOUGH, "{claim}: {support}");
        }
        assert!(compare("Anything", "", "").support(None) < ENOUGH);
    }

    #[test]
    fn meaning_makes_up_for_some_words() {
        let comparison = compare("The robot's arm can carry ten kilograms.", "Arm", PASSAGE);
        assert!(comparison.needs_meaning());
        assert!(comparison.support(Some(0.2)) < comparison.support(Some(0.9)));
        assert!(comparison.support(Some(0.9)) >= ENOUGH);
    }
}
