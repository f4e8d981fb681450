//! Answers without a language model: the sentences of the passages that fit
//! the question best, to the letter.
//!
//! The constants were found on the dev half of `ClapNQ`, with all-MiniLM-L6-v2, by
//! cross-validation: 143 questions with an answer and 132 without one.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
    ops::Range,
};

use unicode_segmentation::UnicodeSegmentation;

use super::{
    sentences::sentences,
    words::{content_words, ratio},
};
use crate::domain::chunk::Passage;

/// A sentence that may be part of the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The passage it stands in, from 0.
    pub passage: usize,
    /// Where it stands in the passage's text, in bytes.
    pub range: Range<usize>,
    /// The sentence; with the lines that it leads to, where it ends in a colon.
    pub text: String,
}

/// How near a sentence and its passage are to the question, as cosines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearness {
    /// The sentence.
    pub sentence: f32,
    /// Its passage, with the title and the headings.
    pub passage: f32,
    /// The sentence and what a follow-up says itself, which counts as much as
    /// what it means in its conversation.
    pub question: f32,
}

impl Nearness {
    /// Both together. Alone, either tells less of whether there is an answer:
    /// the area under the curve is 0.87 and 0.88, and 0.90 of both.
    fn mean(self) -> f32 {
        f32::midpoint(self.sentence, self.passage)
    }

    /// The same, for an order among sentences.
    fn rank(self) -> f32 {
        let sentence = f32::midpoint(self.sentence, self.question);
        f32::midpoint(sentence, self.passage)
    }
}

/// How near the nearest sentence with its passage is; 0 where there is none.
pub fn nearest(nearness: &[Nearness]) -> f32 {
    let all = nearness.iter().map(|near| near.mean());
    all.max_by(f32::total_cmp).unwrap_or_default()
}

/// More sentences than this are not looked at: each costs an embedding.
const MOST_CANDIDATES: usize = 40;

/// No passage brings more than this, so that the next ones are heard too.
const MOST_OF_A_PASSAGE: usize = 12;

/// Shorter sentences say too little on their own.
const SHORTEST: usize = 20;

/// Longer ones are code or tables.
const LONGEST: usize = 600;

/// How many lines of a list or of code go with the line that leads to them, and
/// how long they may be in bytes.
const LINES_LED_TO: usize = 4;
const LONGEST_LINE: usize = 200;

/// How many sentences an answer has.
const MOST_SENTENCES: usize = 5;

/// How near to the best sentence another one must be.
const BESIDE_THE_BEST: f32 = 0.12;

/// What shared words weigh beside nearness.
const WORDS_WEIGHT: f32 = 0.2;

/// The sentences of the passages, best passages first; of a long passage those
/// that have the most words of the question.
pub fn candidates(question: &str, passages: &[Passage]) -> Vec<Candidate> {
    let asked = content_words(question);
    let mut found: Vec<Candidate> = vec![];
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for (passage, content) in passages.iter().enumerate() {
        let ranges = sentences(&content.text);
        let all = ranges.iter().filter_map(|range| {
            let range = extract(&content.text, range)?;
            let text = content.text[range.clone()].to_owned();
            seen.insert(text.clone()).then_some(Candidate {
                passage,
                range,
                text,
            })
        });
        let mut all: Vec<Candidate> = all.collect();
        if all.len() > MOST_OF_A_PASSAGE {
            all.sort_by_cached_key(|said| {
                Reverse(content_words(&said.text).intersection(&asked).count())
            });
            all.truncate(MOST_OF_A_PASSAGE);
            all.sort_by_key(|said| said.range.start);
        }
        found.extend(all);
    }
    found.truncate(MOST_CANDIDATES);
    found
}

/// What of a sentence reads as one or as an item of a list, not as a heading,
/// code or a table's row; with the next lines, where it leads to them.
fn extract(text: &str, sentence: &Range<usize>) -> Option<Range<usize>> {
    let line = &text[sentence.clone()];
    let item = line.trim_start().starts_with("- ");
    let said = line.trim_start_matches(['-', '*', ' ']);
    let start = sentence.end - said.len();
    let leads = said.ends_with(':');
    let ends = leads || said.ends_with(['.', '!', '。', '．', '！']) || said.ends_with(".)");
    let letters = said.chars().filter(|letter| letter.is_alphabetic()).count();
    let code = ["= ", "();", "import ", "://", " | ", "{", "</"];
    let reads = (SHORTEST..=LONGEST).contains(&said.len())
        && (ends || item)
        && letters * 10 >= said.chars().count() * 6
        && said.unicode_words().count() >= if leads { 2 } else { 4 }
        && !said.starts_with('#')
        && !said.ends_with('?')
        && !code.iter().any(|mark| said.contains(mark));
    if !reads || !leads {
        return reads.then_some(start..sentence.end);
    }
    let led_to = lines_led_to(&text[sentence.end..]);
    (led_to > 0).then_some(start..sentence.end + led_to)
}

/// How many bytes the lines have that a colon leads to, from the end of its line.
fn lines_led_to(rest: &str) -> usize {
    let blanks = rest.len() - rest.trim_start().len();
    if !rest[..blanks].contains('\n') {
        return 0;
    }
    let mut length = 0;
    for line in rest[blanks..].split_inclusive('\n').take(LINES_LED_TO) {
        if line.trim().is_empty() || line.len() > LONGEST_LINE {
            break;
        }
        length += line.len();
    }
    let lines = rest[blanks..blanks + length].trim_end().len();
    if lines == 0 { 0 } else { blanks + lines }
}

/// What a question and sentences have in common, where words count more the
/// fewer sentences have them.
struct Wording {
    asked: HashMap<String, f32>,
    total: f32,
}

impl Wording {
    fn new(question: &str, said: &[BTreeSet<String>]) -> Self {
        let weight = |word: &String| {
            let have = said.iter().filter(|words| words.contains(word)).count();
            #[expect(clippy::cast_precision_loss, reason = "numbers of sentences")]
            let (have, all) = (have as f32, said.len() as f32);
            // As BM25 weighs words.
            (1.0 + (all - have + 0.5) / (have + 0.5)).ln()
        };
        let asked: HashMap<String, f32> = content_words(question)
            .into_iter()
            .map(|word| (word.clone(), weight(&word)))
            .collect();
        Self {
            total: asked.values().sum(),
            asked,
        }
    }

    /// The share of the question's words that these are, from 0 to 1.
    fn share(&self, words: &BTreeSet<String>) -> f32 {
        let both = self.asked.iter().filter(|(word, _)| words.contains(*word));
        let both: f32 = both.map(|(_, weight)| weight).sum();
        if self.total > 0.0 {
            both / self.total
        } else {
            0.0
        }
    }
}

/// Picks the sentences of an answer, by their words, and by their nearness where
/// that is known for each. Empty where the best one is not as near as `enough`.
pub fn pick(
    question: &str,
    passages: &[Passage],
    candidates: &[Candidate],
    nearness: Option<&[Nearness]>,
    enough: f32,
) -> Vec<Candidate> {
    let said: Vec<BTreeSet<String>> = candidates
        .iter()
        .map(|candidate| {
            let mut words = content_words(&candidate.text);
            words.extend(content_words(&passages[candidate.passage].title));
            words
        })
        .collect();
    let wording = Wording::new(question, &said);
    let shares: Vec<f32> = said.iter().map(|words| wording.share(words)).collect();
    let near = |index: usize, of: fn(Nearness) -> f32| match nearness {
        Some(nearness) => nearness.get(index).map_or(0.0, |near| of(*near)),
        None => shares[index],
    };
    if !(0..candidates.len()).any(|index| near(index, Nearness::mean) >= enough) {
        return vec![];
    }
    let score = |index: usize| near(index, Nearness::rank) + WORDS_WEIGHT * shares[index];
    let mut ranked: Vec<usize> = (0..candidates.len()).collect();
    ranked.sort_by(|one, other| score(*other).total_cmp(&score(*one)));
    let least = ranked
        .first()
        .map_or(0.0, |best| score(*best) - BESIDE_THE_BEST);
    let mut picked: Vec<usize> = vec![];
    for index in ranked {
        let fresh = |other: &usize| !says_the_same(&said[*other], &said[index]);
        let apart = |other: &usize| !overlap(&candidates[*other], &candidates[index]);
        if score(index) >= least
            && picked.len() < MOST_SENTENCES
            && picked.iter().all(|other| fresh(other) && apart(other))
        {
            picked.push(index);
        }
    }
    // In the order of the passages, and of the sentences in each.
    picked.sort_unstable();
    picked
        .into_iter()
        .map(|index| candidates[index].clone())
        .collect()
}

/// Whether one has words of the other: a line that leads to a list has its items.
fn overlap(one: &Candidate, other: &Candidate) -> bool {
    one.passage == other.passage
        && one.range.start < other.range.end
        && other.range.start < one.range.end
}

fn says_the_same(one: &BTreeSet<String>, other: &BTreeSet<String>) -> bool {
    ratio(one.intersection(other).count(), one.len().min(other.len())) >= 0.9
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{chunk::ChunkId, document::DocumentId};

    fn passage(text: &str) -> Passage {
        Passage {
            chunk_id: ChunkId(String::new()),
            document_id: DocumentId(String::new()),
            external_id: String::new(),
            title: "Sensors".to_owned(),
            path: String::new(),
            heading: String::new(),
            text: text.to_owned(),
            span: 0..text.len(),
            page: None,
            ordinal: None,
            score: 0.5,
        }
    }

    fn texts(candidates: &[Candidate]) -> Vec<&str> {
        candidates.iter().map(|said| said.text.as_str()).collect()
    }

    fn near(values: &[f32]) -> Vec<Nearness> {
        let both = |value: &f32| Nearness {
            sentence: *value,
            passage: *value,
            question: *value,
        };
        values.iter().map(both).collect()
    }

    #[test]
    fn the_nearest_sentences_come_in_reading_order_and_once() {
        let passages = [
            passage("The sensor measures distance with light. Lunch is served at noon here."),
            passage("The sensor measures distance with a light. Its range is forty metres."),
        ];
        let all = candidates("", &passages);
        assert_eq!(all.len(), 4);
        let question = "How does the sensor measure?";
        let nearness = near(&[0.7, 0.05, 0.69, 0.85]);
        let picked = pick(question, &passages, &all, Some(&nearness), 0.5);
        assert_eq!(picked, [all[0].clone(), all[3].clone()]);
        for said in picked {
            assert_eq!(passages[said.passage].text[said.range], said.text);
        }
        // Without a model's help, words tell.
        let picked = pick(question, &passages, &all, None, 0.5);
        assert_eq!(picked, [all[0].clone()]);
    }

    #[test]
    fn of_a_long_passage_the_sentences_that_share_words_are_heard() {
        let filler = |number| format!("Here is filler number {number} of them. ");
        let filler: String = (0..30).map(filler).collect();
        let text = format!("{filler}The manifold is cooled with water.");
        let all = candidates("What cools the manifold?", &[passage(&text)]);
        assert_eq!(all.len(), MOST_OF_A_PASSAGE);
        assert_eq!(all[11].text, "The manifold is cooled with water.");
    }

    #[test]
    fn nothing_near_is_no_answer() {
        let passages = [passage("Lunch is served at noon in the hall.")];
        let all = candidates("", &passages);
        let nearness = near(&[0.1]);
        assert!(pick("What is a manifold?", &passages, &all, Some(&nearness), 0.5).is_empty());
        assert!(pick("What is a manifold?", &passages, &all, None, 0.5).is_empty());
        assert!(pick("?", &[], &[], Some(&[]), 0.0).is_empty());
    }

    #[test]
    fn what_leads_to_a_list_or_to_code_brings_it() {
        let text = "Install the sensor with pip:\n\npip install sensor\n\nIt needs these parts:\n\
                    - one long cable of copper\n- two screws\n\nWhat is it? These lead nowhere:";
        assert_eq!(
            texts(&candidates("", &[passage(text)])),
            [
                "Install the sensor with pip:\n\npip install sensor",
                "It needs these parts:\n- one long cable of copper\n- two screws",
                "one long cable of copper",
            ]
        );
    }
}
