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

/// A passage that stands under a heading, made ready for claims to be held
/// against it.
#[derive(Debug)]
pub struct Ground<'a> {
    heading: String,
    text: &'a str,
    /// The words of both.
    words: BTreeSet<String>,
    /// The sentences, in bytes of the text, with their words.
    sentences: Vec<(Range<usize>, BTreeSet<String>)>,
}

impl<'a> Ground<'a> {
    /// The passage `text` under `heading`.
    pub fn new(heading: String, text: &'a str) -> Self {
        let sentences = sentences(text).into_iter();
        let sentences = sentences.map(|range| (range.clone(), content_words(&text[range])));
        let mut words = content_words(text);
        words.extend(content_words(&heading));
        Self {
            sentences: sentences.collect(),
            heading,
            text,
            words,
        }
    }

    /// Holds a claim against it.
    pub fn compare(&self, claim: &str) -> Comparison {
        let wanted = content_words(claim);
        let mut closest: Vec<Close<'_>> = self
            .sentences
            .iter()
            .map(|(range, words)| Close {
                range,
                words,
                share: share(&wanted, words),
            })
            .collect();
        // A stable order: the first of several that are as close.
        closest.sort_by(|one, other| other.share.total_cmp(&one.share));
        closest.truncate(CLOSEST);
        let denied = self.denies(claim, &closest);
        Comparison {
            quote: self.quote(&wanted, &closest),
            words: share(&wanted, &self.words),
            contradicted: denied || !self.has_numbers_of(claim),
            closest: closest.iter().map(|close| close.range.clone()).collect(),
        }
    }

    fn quote(&self, wanted: &BTreeSet<String>, closest: &[Close<'_>]) -> Range<usize> {
        let [first, rest @ ..] = closest else {
            return 0..self.text.len();
        };
        let beside = |other: &&Close<'_>| {
            let between = if other.range.start >= first.range.end {
                first.range.end..other.range.start
            } else {
                other.range.end..first.range.start
            };
            let gap = self.text.get(between);
            gap.is_some_and(|gap| gap.trim().is_empty())
        };
        let wider = rest.iter().find(beside).filter(|other| {
            let both = first.words.union(other.words).cloned().collect();
            share(wanted, &both) >= first.share + WORTH_QUOTING
        });
        wider.map_or_else(
            || first.range.clone(),
            |other| first.range.start.min(other.range.start)..first.range.end.max(other.range.end),
        )
    }

    /// Whether the claim denies what the passage says, or says what it denies.
    fn denies(&self, claim: &str, closest: &[Close<'_>]) -> bool {
        let denying = |close: &Close<'_>| denies(&self.text[close.range.clone()]);
        if denies(claim) {
            return !closest.iter().any(denying);
        }
        // The closest sentence denies most of what is claimed.
        let first = closest.first();
        first.is_some_and(|first| first.share >= 0.5 && denying(first))
    }

    /// Whether every number of the claim is in the passage or its heading, as
    /// digits or, where it is small, as a word.
    fn has_numbers_of(&self, claim: &str) -> bool {
        let is_number = |word: &&str| word.starts_with(|letter: char| letter.is_ascii_digit());
        let mut numbers = claim.unicode_words().filter(is_number).peekable();
        if numbers.peek().is_none() {
            return true;
        }
        let words = [&self.heading, self.text].into_iter();
        let words = words.flat_map(|text| text.unicode_words());
        let there: BTreeSet<String> = words.map(str::to_lowercase).collect();
        numbers.all(|number| {
            let small: Option<usize> = number.parse().ok();
            let word = small.and_then(|small| NUMBERS.get(small));
            there.contains(&number.to_lowercase()) || word.is_some_and(|word| there.contains(*word))
        })
    }
}

/// A sentence of a passage, and how close it is to a claim.
struct Close<'a> {
    range: &'a Range<usize>,
    words: &'a BTreeSet<String>,
    /// The share of the claim's words that it has.
    share: f64,
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

fn denies(text: &str) -> bool {
    text.unicode_words().any(|word| {
        let word = word.to_lowercase();
        DENIALS.contains(&word.as_str()) || word.ends_with("n't") || word.ends_with("n’t")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSAGE: &str = "The arm lifts ten kilograms. It has six joints, none of which is \
                           greased. The arm was built in 1989 by Ada.";

    fn support(claim: &str) -> (f64, &'static str) {
        let comparison = Ground::new("Robot › Arm".to_owned(), PASSAGE).compare(claim);
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
        let nothing = Ground::new(String::new(), "");
        assert!(nothing.compare("Anything").support(None) < ENOUGH);
    }

    #[test]
    fn meaning_makes_up_for_some_words() {
        let ground = Ground::new("Arm".to_owned(), PASSAGE);
        let comparison = ground.compare("The robot's arm can carry ten kilograms.");
        assert!(comparison.needs_meaning());
        assert!(comparison.support(Some(0.2)) < comparison.support(Some(0.9)));
        assert!(comparison.support(Some(0.9)) >= ENOUGH);
    }
}
