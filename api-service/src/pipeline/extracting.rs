//! Answers without a language model: the sentences of the passages that fit
//! the question best, to the letter.

use std::collections::HashSet;

use unicode_segmentation::UnicodeSegmentation;

use super::sentences::sentences;
use crate::domain::chunk::Passage;

/// A sentence that may be part of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The passage it stands in, from 0.
    pub passage: usize,
    /// Its place in the passage, from 0.
    pub place: usize,
    /// The sentence.
    pub text: String,
}

/// More sentences than this are not looked at: each costs an embedding.
const MOST_CANDIDATES: usize = 48;

/// Shorter sentences say too little on their own.
const SHORTEST: usize = 20;

/// Longer ones are code or tables.
const LONGEST: usize = 600;

/// How many sentences an answer has.
const MOST_SENTENCES: usize = 4;

/// How near to the question a sentence must be, as a cosine, for the answer to
/// have it, and how near to the best one.
const NEAR_ENOUGH: f32 = 0.30;
const BESIDE_THE_BEST: f32 = 0.15;

/// The sentences of the passages, best passages first.
pub fn candidates(passages: &[Passage]) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = vec![];
    let mut seen: HashSet<&str> = HashSet::new();
    for (passage, content) in passages.iter().enumerate() {
        for (place, range) in sentences(&content.text).into_iter().enumerate() {
            let text = content.text[range]
                .trim_start_matches(['-', '*', ' '])
                .trim();
            let fits = (SHORTEST..=LONGEST).contains(&text.len());
            if fits && says_something(text) && seen.insert(text) {
                found.push(Candidate {
                    passage,
                    place,
                    text: text.to_owned(),
                });
            }
        }
    }
    found.truncate(MOST_CANDIDATES);
    found
}

/// Whether a line reads as a sentence rather than as code or a table's row.
fn says_something(text: &str) -> bool {
    let letters = text.chars().filter(|letter| letter.is_alphabetic()).count();
    letters * 10 >= text.chars().count() * 6
        && text.unicode_words().count() >= 4
        && !text.contains(" | ")
        && !text.ends_with([':', '?'])
}

/// Picks the sentences of an answer. `nearness` gives for each candidate the
/// cosine of its vector and the question's. Empty where none is near enough.
pub fn pick(question: &str, candidates: &[Candidate], nearness: &[f32]) -> Vec<Candidate> {
    let asked = content_words(question);
    let mut ranked: Vec<(f32, &Candidate)> = candidates
        .iter()
        .zip(nearness)
        .map(|(candidate, near)| (near + shared(&asked, &candidate.text), candidate))
        .collect();
    ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
    let Some((best, _)) = ranked.first() else {
        return vec![];
    };
    let least = NEAR_ENOUGH.max(best - BESIDE_THE_BEST);
    let mut picked: Vec<Candidate> = vec![];
    for (score, candidate) in &ranked {
        let fresh = picked
            .iter()
            .all(|other| !says_the_same(&other.text, &candidate.text));
        if *score >= least && fresh && picked.len() < MOST_SENTENCES {
            picked.push((*candidate).clone());
        }
    }
    // In the order of the passages, and of the sentences in each.
    picked.sort_by_key(|candidate| (candidate.passage, candidate.place));
    picked
}

/// What the words that question and sentence share add to the nearness.
fn shared(asked: &HashSet<String>, sentence: &str) -> f32 {
    if asked.is_empty() {
        return 0.0;
    }
    let said = content_words(sentence);
    let both = asked.iter().filter(|word| said.contains(*word)).count();
    #[expect(clippy::cast_precision_loss, reason = "a sentence's number of words")]
    let share = both as f32 / asked.len() as f32;
    0.2 * share
}

/// Lower-case words of three letters and more, cut to their first seven letters:
/// a stem that serves any language alike.
fn content_words(text: &str) -> HashSet<String> {
    let words = text
        .unicode_words()
        .filter(|word| word.chars().count() >= 3);
    words
        .map(|word| word.to_lowercase().chars().take(7).collect())
        .collect()
}

fn says_the_same(one: &str, other: &str) -> bool {
    let (one, other) = (content_words(one), content_words(other));
    let both = one.intersection(&other).count();
    both * 10 >= one.len().min(other.len()) * 9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(passage: usize, place: usize, text: &str) -> Candidate {
        Candidate {
            passage,
            place,
            text: text.to_owned(),
        }
    }

    #[test]
    fn the_nearest_sentences_come_in_reading_order_and_once() {
        let all = [
            candidate(0, 0, "The sensor measures distance with light."),
            candidate(0, 1, "Lunch is served at noon in the hall."),
            candidate(1, 0, "The sensor measures distance with a light."),
            candidate(1, 2, "Its range is forty metres in daylight."),
        ];
        let picked = pick(
            "How does the sensor measure?",
            &all,
            &[0.7, 0.05, 0.69, 0.75],
        );
        assert_eq!(picked, [all[0].clone(), all[3].clone()]);
    }

    #[test]
    fn nothing_near_is_no_answer() {
        let all = [candidate(0, 0, "Lunch is served at noon in the hall.")];
        assert!(pick("What is a manifold?", &all, &[0.1]).is_empty());
        assert!(pick("?", &[], &[]).is_empty());
    }
}
