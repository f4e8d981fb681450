//! From passages that were found to the sources of an answer: nothing twice,
//! and what stands side by side in a document as one.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::ops::RangeInclusive;

use rustc_hash::FxBuildHasher;
use unicode_segmentation::UnicodeSegmentation;

use crate::domain::{
    chunk::{ChunkId, HEADING_SEPARATOR, Passage},
    document::DocumentId,
};

/// Passages of a document come together where they are no more than so many places
/// apart: what is missing between them, one at most, is put in.
const APART: i64 = 2;

/// A source has no more text than this, in bytes: four passages or so.
const LONGEST_SOURCE: usize = 4_000;

/// A neighbour comes in where it has this share of the best passage's score: in
/// a small document, every passage is somewhere among those that were found.
const GOOD_ENOUGH: f64 = 0.4;

/// How many words in a row are held against each other.
const SHINGLE: usize = 3;

/// The share of rows of words that two texts have in common, of all that either
/// has, from which on they are taken for copies. A changed word in 60 is less.
const SAME: f64 = 0.9;

/// Those of the passages found after which one is missing that would stand between
/// them and another one.
pub fn before_gaps(found: &[Passage]) -> Vec<ChunkId> {
    let documents = Documents::of(found, &[]);
    let is_there = |passage: &Passage, further: i64| {
        let place = passage.ordinal.map(|place| place + further);
        place.is_some_and(|place| documents.0.contains_key(&(&passage.document_id, place)))
    };
    let before = found
        .iter()
        .filter(|passage| is_there(passage, APART) && !is_there(passage, 1));
    before.map(|passage| passage.chunk_id.clone()).collect()
}

/// The sources that `found`, best first, come to, best first and at most `most`.
///
/// `gaps` has the passages that follow those of [`before_gaps`]. A source has the
/// id and the score of its best passage, and the headings and the page that it
/// begins with; its text is that of its passages in reading order, with the headings
/// between them, and its span reaches from the first to the last of them.
pub fn rank(found: &[Passage], gaps: &[Passage], most: usize) -> Vec<Passage> {
    let documents = Documents::of(found, gaps);
    let mut left = copies(found);
    let mut sources = vec![];
    while sources.len() < most && !left.is_empty() {
        let Some(best) = fittest(left.remove(0), &left) else {
            continue;
        };
        let Some(place) = best.ordinal else {
            sources.push(best.clone());
            continue;
        };
        let mut run = place..=place;
        while let Some(wider) = documents.wider(&run, best, &left) {
            let inside = |copy: &&Passage| stands_in(&wider, &best.document_id, copy);
            left.retain(|copies| !copies.iter().any(inside));
            run = wider;
        }
        sources.push(joined(best, &documents.passages(&best.document_id, run)));
    }
    sources
}

/// The passages in the order of these scores, each of a passage by its place.
/// Those without one, or with one that is no number, follow as they are.
pub fn reordered(found: Vec<Passage>, scores: &[(usize, f64)]) -> Vec<Passage> {
    let mut left: Vec<Option<Passage>> = found.into_iter().map(Some).collect();
    let mut ranked: Vec<Passage> = scores
        .iter()
        .filter(|(_, score)| score.is_finite())
        .filter_map(|(place, score)| {
            let passage = left.get_mut(*place)?.take()?;
            let score = score.clamp(0.0, 1.0);
            Some(Passage { score, ..passage })
        })
        .collect();
    ranked.sort_by(|one, other| other.score.total_cmp(&one.score));
    let least = ranked.last().map_or(1.0, |last| last.score);
    let rest = left.into_iter().flatten().map(|passage| Passage {
        score: passage.score.min(least),
        ..passage
    });
    ranked.extend(rest);
    ranked
}

/// All of these documents, a source each: those that the best passages of what
/// was found stand in come first, and of copies there is one.
pub fn whole(found: &[Passage], all: &[Passage]) -> Vec<Passage> {
    let mut documents: BTreeMap<&DocumentId, Vec<&Passage>> = BTreeMap::new();
    for passage in all {
        documents
            .entry(&passage.document_id)
            .or_default()
            .push(passage);
    }
    let mut sources = vec![];
    for passage in found {
        if let Some(run) = documents.remove(&passage.document_id) {
            sources.push(joined(passage, &run));
        }
    }
    let rest = documents.into_values();
    sources.extend(rest.filter_map(|run| Some(joined(run.first()?, &run))));
    let kept = copies(&sources).into_iter();
    kept.filter_map(|copies| copies.first().copied().cloned())
        .collect()
}

/// Of copies, the one whose document says most of what is left, too, so that
/// neighbours are not taken from one copy of a document each.
fn fittest<'a>(copies: Vec<&'a Passage>, left: &[Vec<&'a Passage>]) -> Option<&'a Passage> {
    let alone = copies.len() == 1;
    let others = |passage: &&Passage| {
        let same = |copy: &&Passage| copy.document_id == passage.document_id;
        let also = left.iter().filter(|copies| copies.iter().any(same));
        if alone { 0 } else { also.count() }
    };
    // The last of the best is taken: the first one in the order it came in.
    copies.into_iter().rev().max_by_key(others)
}

fn stands_in(run: &RangeInclusive<i64>, document: &DocumentId, passage: &Passage) -> bool {
    let in_run = passage.ordinal.is_some_and(|place| run.contains(&place));
    in_run && passage.document_id == *document
}

/// Passages by document and place.
struct Documents<'a>(BTreeMap<(&'a DocumentId, i64), &'a Passage>);

impl<'a> Documents<'a> {
    fn of(found: &'a [Passage], gaps: &'a [Passage]) -> Self {
        let placed = found.iter().chain(gaps).filter_map(|passage| {
            let place = passage.ordinal?;
            Some(((&passage.document_id, place), passage))
        });
        Self(placed.collect())
    }

    fn passages(&self, document: &DocumentId, run: RangeInclusive<i64>) -> Vec<&'a Passage> {
        run.filter_map(|place| self.0.get(&(document, place)).copied())
            .collect()
    }

    /// The run with the best of the passages left that is near to it and not far
    /// worse, if that does not make it too long.
    fn wider(
        &self,
        run: &RangeInclusive<i64>,
        best: &Passage,
        left: &[Vec<&Passage>],
    ) -> Option<RangeInclusive<i64>> {
        let near = run.start() - APART..=run.end() + APART;
        let others = left.iter().flatten();
        let others = others.filter(|other| other.document_id == best.document_id);
        let mut others = others.filter(|other| other.score >= best.score * GOOD_ENOUGH);
        others.find_map(|other| {
            let place = other.ordinal.filter(|place| near.contains(place))?;
            let wider = place.min(*run.start())..=place.max(*run.end());
            let passages = self.passages(&best.document_id, wider.clone());
            let length: usize = passages.iter().map(|passage| passage.text.len()).sum();
            let gapless = i64::try_from(passages.len()) == Ok(wider.end() - wider.start() + 1);
            (gapless && length <= LONGEST_SOURCE).then_some(wider)
        })
    }
}

/// One passage of several that follow each other, `best` the best of them.
fn joined(best: &Passage, run: &[&Passage]) -> Passage {
    let [first, rest @ ..] = run else {
        return Passage {
            ordinal: None,
            ..best.clone()
        };
    };
    let mut text = first.text.clone();
    let (mut above, mut end) = (&first.heading, first.span.end);
    for passage in rest {
        text.push_str("\n\n");
        for heading in new_headings(above, &passage.heading) {
            text.push_str(heading);
            text.push('\n');
        }
        text.push_str(&passage.text);
        (above, end) = (&passage.heading, end.max(passage.span.end));
    }
    Passage {
        text,
        heading: first.heading.clone(),
        span: first.span.start..end,
        page: first.page,
        ordinal: None,
        ..best.clone()
    }
}

/// The headings of a path below those that it shares with the one before.
fn new_headings<'a>(before: &str, path: &'a str) -> Vec<&'a str> {
    let mut before = before.split(HEADING_SEPARATOR);
    let path = path.split(HEADING_SEPARATOR);
    path.skip_while(|heading| before.next() == Some(heading))
        .filter(|heading| !heading.is_empty())
        .collect()
}

/// The passages with those that say the same, word for word.
fn copies(found: &[Passage]) -> Vec<Vec<&Passage>> {
    let mut kept: Vec<(Wording, Vec<&Passage>)> = vec![];
    for passage in found {
        let wording = Wording::of(&passage.text);
        match kept.iter_mut().find(|(better, _)| better.is_like(&wording)) {
            Some((_, copies)) => copies.push(passage),
            None => kept.push((wording, vec![passage])),
        }
    }
    kept.into_iter().map(|(_, copies)| copies).collect()
}

/// A text's rows of words, and its numbers.
struct Wording {
    /// Their hashes, in order, each once.
    rows: Vec<u64>,
    numbers: BTreeSet<String>,
}

impl Wording {
    fn of(text: &str) -> Self {
        let text = text.to_lowercase();
        let words: Vec<&str> = text.unicode_words().collect();
        let is_number = |word: &&&str| word.contains(|letter: char| letter.is_numeric());
        let by = FxBuildHasher;
        let hashes: Vec<u64> = words.iter().map(|word| by.hash_one(word)).collect();
        let mut rows: Vec<u64> = hashes
            .windows(SHINGLE.min(hashes.len()).max(1))
            .map(|row| by.hash_one(row))
            .collect();
        rows.sort_unstable();
        rows.dedup();
        Self {
            rows,
            numbers: words
                .iter()
                .filter(is_number)
                .map(|word| (*word).to_owned())
                .collect(),
        }
    }

    /// Whether one is a copy of the other. Texts from one mould that tell
    /// different numbers are not.
    fn is_like(&self, other: &Self) -> bool {
        let (one, two) = (self.rows.len(), other.rows.len());
        if share(one.min(two), one.max(two)) < SAME || self.numbers != other.numbers {
            return false;
        }
        let in_other = |row: &&u64| other.rows.binary_search(row).is_ok();
        let both = self.rows.iter().filter(in_other).count();
        share(both, one + two - both) >= SAME
    }
}

#[expect(clippy::cast_precision_loss, reason = "a passage's number of words")]
fn share(part: usize, all: usize) -> f64 {
    part as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The passage at a place of a document, whose text is `text`.
    fn placed(document: &str, ordinal: i64, heading: &str, text: &str) -> Passage {
        let start = usize::try_from(ordinal).unwrap() * 1000;
        Passage {
            chunk_id: ChunkId(format!("{document} {ordinal}")),
            document_id: DocumentId(document.to_owned()),
            external_id: document.to_owned(),
            title: document.to_uppercase(),
            path: String::new(),
            heading: heading.to_owned(),
            text: text.to_owned(),
            span: start..start + text.len(),
            page: u32::try_from(ordinal).ok(),
            ordinal: Some(ordinal),
            score: 0.0,
        }
    }

    fn found(all: &[Passage], best_first: &[usize]) -> Vec<Passage> {
        let scores = [0.9, 0.8, 0.7, 0.6, 0.5];
        let passages = best_first.iter().zip(scores);
        passages
            .map(|(at, score)| Passage {
                score,
                ..all[*at].clone()
            })
            .collect()
    }

    /// What `found` comes to, where what is missing between passages is looked up.
    fn ranked(found: &[Passage], all: &[Passage], most: usize) -> Vec<Passage> {
        let before = before_gaps(found);
        let follows = |passage: &&Passage| {
            let place = passage.ordinal.unwrap() - 1;
            before.contains(&ChunkId(format!("{} {place}", passage.document_id.0)))
        };
        let gaps: Vec<Passage> = all.iter().filter(follows).cloned().collect();
        assert_eq!(gaps.len(), before.len());
        rank(found, &gaps, most)
    }

    fn said(sources: &[Passage]) -> Vec<(&str, &str)> {
        let each = sources.iter();
        each.map(|source| (source.chunk_id.0.as_str(), source.text.as_str()))
            .collect()
    }

    fn book() -> Vec<Passage> {
        vec![
            placed("a", 0, "Arm", "The arm has six joints."),
            placed("a", 1, "Arm › Care", "Oil it every month."),
            placed("a", 2, "Arm › Care › Oil", "Take the thin one."),
            placed("a", 3, "Wheels", "They are made of rubber."),
            placed("a", 6, "Lamp", "It shines."),
            placed("b", 1, "Arm", "Another arm is here."),
        ]
    }

    #[test]
    fn neighbours_become_one_source_with_what_stands_between_them() {
        let all = book();
        let sources = ranked(&found(&all, &[2, 5, 0, 4]), &all, 6);
        assert_eq!(
            said(&sources),
            [
                (
                    "a 2",
                    "The arm has six joints.\n\nCare\nOil it every month.\n\nOil\nTake the thin one."
                ),
                ("b 1", "Another arm is here."),
                ("a 6", "It shines."),
            ]
        );
        let first = &sources[0];
        assert_eq!((first.heading.as_str(), first.page), ("Arm", Some(0)));
        assert_eq!(first.span, 0..all[2].span.end);
        assert!((first.score - 0.9).abs() < f64::EPSILON);
        assert_eq!(ranked(&found(&all, &[2, 5, 0, 4]), &all, 2), sources[..2]);
    }

    #[test]
    fn headings_that_end_between_passages_come_once() {
        let all = book();
        let sources = ranked(&found(&all, &[3, 2]), &all, 6);
        assert_eq!(
            said(&sources),
            [(
                "a 3",
                "Take the thin one.\n\nWheels\nThey are made of rubber."
            )]
        );
    }

    #[test]
    fn a_neighbour_that_fits_far_worse_stays_by_itself() {
        let all = book();
        let mut found = found(&all, &[2, 3]);
        found[1].score = 0.3;
        assert_eq!(ranked(&found, &all, 6).len(), 2);
    }

    #[test]
    fn a_source_does_not_grow_without_end() {
        let long = |ordinal| placed("a", ordinal, "", &format!("w{ordinal} ").repeat(400));
        let all: Vec<Passage> = (0..5).map(long).collect();
        let sources = ranked(&found(&all, &[2, 1, 0, 3, 4]), &all, 6);
        let lengths: Vec<usize> = sources.iter().map(|source| source.text.len()).collect();
        assert_eq!(lengths, [3604, 2402]);
    }

    #[test]
    fn what_was_found_and_no_longer_follows_in_the_database_is_not_joined() {
        let all = book();
        let found = found(&all, &[0, 2]);
        assert_eq!(before_gaps(&found), [ChunkId("a 0".to_owned())]);
        let apart = found.iter().map(|passage| joined(passage, &[]));
        assert_eq!(rank(&found, &[], 6), apart.collect::<Vec<_>>());
        assert!(rank(&[], &[], 6).is_empty());
    }

    #[test]
    fn copies_are_left_out_and_what_tells_other_numbers_is_none() {
        let text = "The pump of the north hall moves ten cubic metres of clear water in an hour, \
            and must be looked after by two people once in a month, with the thin oil alone.";
        let all = [
            placed("a", 0, "", text),
            placed("b", 0, "", &text.to_uppercase()),
            placed("c", 0, "", &format!("{text} See page 7.")),
            placed("d", 0, "", &text.replace("ten", "two")),
            placed("e", 0, "", "7"),
        ];
        let sources = ranked(&found(&all, &[0, 1, 2, 3, 4]), &all, 6);
        let kept: Vec<&str> = sources
            .iter()
            .map(|source| source.external_id.as_str())
            .collect();
        assert_eq!(kept, ["a", "c", "d", "e"]);
    }

    #[test]
    fn scores_of_any_kind_make_an_order_of_all_passages() {
        let all = book();
        let found = found(&all, &[0, 1, 2, 3]);
        let order = |scores: &[(usize, f64)]| -> Vec<(usize, f64)> {
            let ordered = reordered(found.clone(), scores);
            assert!(ordered.is_sorted_by(|one, other| one.score >= other.score));
            let place = |passage: &Passage| passage.span.start / 1000;
            ordered
                .iter()
                .map(|passage| (place(passage), passage.score))
                .collect()
        };
        let as_it_was = [(0, 0.9), (1, 0.8), (2, 0.7), (3, 0.6)];
        assert_eq!(order(&[]), as_it_was);
        assert_eq!(
            order(&[(9, 0.5), (0, f64::NAN), (1, f64::INFINITY)]),
            as_it_was
        );
        let whole = [(2, 0.4), (0, 0.3), (3, 0.99), (1, -0.2)];
        assert_eq!(order(&whole), [(3, 0.99), (2, 0.4), (0, 0.3), (1, 0.0)]);
        let part = [(2, 0.75), (2, 0.1), (usize::MAX, 1.0), (1, 17.0)];
        assert_eq!(order(&part), [(1, 1.0), (2, 0.75), (0, 0.75), (3, 0.6)]);
    }

    #[test]
    fn a_small_knowledge_base_is_given_as_its_documents() {
        let mut all = book();
        let mut copy = all[5].clone();
        copy.document_id = DocumentId("c".to_owned());
        all.push(copy);
        let sources = whole(&found(&all, &[5, 2]), &all);
        let text = "The arm has six joints.\n\nCare\nOil it every month.\n\nOil\n\
            Take the thin one.\n\nWheels\nThey are made of rubber.\n\nLamp\nIt shines.";
        let expected = [("b 1", "Another arm is here."), ("a 2", text)];
        assert_eq!(said(&sources), expected);
        assert_eq!(sources[1].span, 0..all[4].span.end);
        assert_eq!(whole(&[], &all).len(), 2);
        assert!(whole(&[], &[]).is_empty());
    }

    #[test]
    fn of_two_copies_of_a_document_one_is_taken_as_a_whole() {
        let mut all = book();
        for ordinal in 0..3 {
            let mut copy = all[ordinal].clone();
            copy.document_id = DocumentId("copy".to_owned());
            copy.chunk_id = ChunkId(format!("copy {ordinal}"));
            all.push(copy);
        }
        let sources = ranked(&found(&all, &[6, 1, 2, 7, 0]), &all, 6);
        assert_eq!(sources.len(), 1, "{:?}", said(&sources));
        assert_eq!(sources[0].chunk_id.0, "a 0");
        let expected = ranked(&found(&all, &[0, 1, 2]), &all, 6);
        assert_eq!(sources[0].text, expected[0].text);
    }
}
