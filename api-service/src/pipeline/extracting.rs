//! Answers without a language model: the sentences of the passages that fit
//! the question best, to the letter.

use std::collections::HashSet;

use unicode_segmentation::UnicodeSegmentation;

use super::sentences::sentences;
use crate::domain::chunk::Passage;

/// A sentence that may be part of the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The passage it stands in, from 0.
    pub passage: usize,
    /// Its place in the passage, from 0.
    pub place: usize,
    /// The sentence.
    pub text: String,
    /// How well its passage fits the question, from 0 to 1.
    pub passage_score: f64,
}

/// More sentences than this are not looked at: each costs an embedding.
const MOST_CANDIDATES: usize = 40;

/// No passage brings more than this, so that the next ones are heard too.
const MOST_OF_A_PASSAGE: usize = 12;

/// Shorter sentences say too little on their own.
const SHORTEST: usize = 20;

/// Longer ones are code or tables.
const LONGEST: usize = 600;

/// How many sentences an answer has.
const MOST_SENTENCES: usize = 4;

/// How near to the question a sentence must be, as a cosine with what shared
/// words add, for the answer to have it, and how near to the best one.
const NEAR_ENOUGH: f32 = 0.30;
const BESIDE_THE_BEST: f32 = 0.15;

/// What a passage's score and shared words weigh beside the cosine.
const PASSAGE_WEIGHT: f32 = 0.2;
const WORDS_WEIGHT: f32 = 0.2;

/// The sentences of the passages, best passages first.
pub fn candidates(passages: &[Passage]) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = vec![];
    let mut seen: HashSet<&str> = HashSet::new();
    for (passage, content) in passages.iter().enumerate() {
        let all = sentences(&content.text).into_iter().enumerate();
        let all = all.filter_map(|(place, range)| {
            let text = sentence(&content.text[range])?;
            seen.insert(text).then(|| Candidate {
                passage,
                place,
                text: text.to_owned(),
                passage_score: content.score,
            })
        });
        found.extend(all.take(MOST_OF_A_PASSAGE));
    }
    found.truncate(MOST_CANDIDATES);
    found
}

/// The text of a line that reads as a sentence or as an item of a list, not
/// as a heading, code or a table's row.
fn sentence(line: &str) -> Option<&str> {
    let item = line.trim_start().starts_with("- ");
    let text = line.trim().trim_start_matches(['-', '*', ' ']).trim();
    let ends = text.ends_with(['.', '!', '。', '．', '！']) || text.ends_with(".)");
    let letters = text.chars().filter(|letter| letter.is_alphabetic()).count();
    let code = ["= ", "();", "import ", "://", " | ", "{", "</"];
    let reads = (SHORTEST..=LONGEST).contains(&text.len())
        && (ends || item)
        && letters * 10 >= text.chars().count() * 6
        && text.unicode_words().count() >= 4
        && !text.starts_with('#')
        && !text.ends_with([':', '?'])
        && !code.iter().any(|mark| text.contains(mark));
    reads.then_some(text)
}

/// Picks the sentences of an answer. `nearness` gives for each candidate the
/// cosine of its vector and the question's. Empty where none is near enough.
pub fn pick(question: &str, candidates: &[Candidate], nearness: &[f32]) -> Vec<Candidate> {
    let asked = content_words(question);
    let near_enough = candidates
        .iter()
        .zip(nearness)
        .filter_map(|(candidate, near)| {
            let near = near + WORDS_WEIGHT * shared(&asked, &candidate.text);
            #[expect(clippy::cast_possible_truncation, reason = "a score from 0 to 1")]
            let passage = candidate.passage_score as f32;
            (near >= NEAR_ENOUGH).then_some((near + PASSAGE_WEIGHT * passage, candidate))
        });
    let mut ranked: Vec<(f32, &Candidate)> = near_enough.collect();
    ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
    let least = ranked
        .first()
        .map_or(0.0, |(best, _)| best - BESIDE_THE_BEST);
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

/// The share of the question's words that the sentence has.
fn shared(asked: &HashSet<String>, sentence: &str) -> f32 {
    if asked.is_empty() {
        return 0.0;
    }
    let said = content_words(sentence);
    let both = asked.iter().filter(|word| said.contains(*word)).count();
    #[expect(clippy::cast_precision_loss, reason = "a sentence's number of words")]
    let share = both as f32 / asked.len() as f32;
    share
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
            passage_score: 0.5,
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
