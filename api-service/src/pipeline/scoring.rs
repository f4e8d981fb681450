//! How good a ranking is: the measures of information retrieval, as
//! `trec_eval` and BEIR define them.

use std::{
    collections::{BTreeMap, HashSet},
    ops::Range,
};

/// The judged documents of a query and how relevant they are.
pub type Judgements = BTreeMap<String, u32>;

/// Means over queries.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Scores {
    /// Normalised discounted cumulative gain of the first 10, linear gain.
    pub ndcg_10: f64,
    /// The share of relevant documents among the first 10.
    pub recall_10: f64,
    /// The share of relevant documents among the first 100.
    pub recall_100: f64,
    /// The reciprocal rank of the first relevant one within 10.
    pub mrr_10: f64,
    /// The queries averaged over: those with a relevant document.
    pub queries: usize,
}

/// Where answers stand: document and bytes.
pub type Spans = Vec<(String, Range<usize>)>;

/// Means over the queries with known answers, of the first 5 passages, as
/// `chunking_evaluation` defines them (Smith and Troynikov 2024).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SpanScores {
    /// The share of the answers' text that the passages hold.
    pub recall_5: f64,
    /// The share of the passages' text that is of answers; text that is found
    /// twice counts twice.
    pub precision_5: f64,
}

/// Scores passages, best first, against the spans of answers.
pub fn score_spans(
    answers: &BTreeMap<String, Spans>,
    found: &BTreeMap<String, Spans>,
) -> SpanScores {
    let mut sum = SpanScores::default();
    for (query, wanted) in answers {
        let found = found.get(query).map_or(&[][..], Vec::as_slice);
        let found = &found[..found.len().min(5)];
        let (wanted, distinct) = (united(wanted), united(found));
        let hit: usize = wanted
            .iter()
            .flat_map(|one| distinct.iter().map(move |other| shared(one, other)))
            .sum();
        sum.recall_5 += float(hit) / float(length(&wanted).max(1));
        sum.precision_5 += float(hit) / float(length(found).max(1));
    }
    let queries = float(answers.len().max(1));
    SpanScores {
        recall_5: sum.recall_5 / queries,
        precision_5: sum.precision_5 / queries,
    }
}

fn length(spans: &[(String, Range<usize>)]) -> usize {
    spans.iter().map(|(_, span)| span.len()).sum()
}

/// The same text in spans that do not touch.
fn united(spans: &[(String, Range<usize>)]) -> Spans {
    let mut sorted = spans.to_vec();
    sorted.sort_by(|(one, a), (other, b)| (one, a.start).cmp(&(other, b.start)));
    let mut united: Spans = vec![];
    for (document, span) in sorted {
        match united.last_mut() {
            Some((last, open)) if *last == document && span.start <= open.end => {
                open.end = open.end.max(span.end);
            }
            _ => united.push((document, span)),
        }
    }
    united
}

/// How many bytes two spans have in common.
fn shared(one: &(String, Range<usize>), other: &(String, Range<usize>)) -> usize {
    if one.0 != other.0 {
        return 0;
    }
    let (start, end) = (one.1.start.max(other.1.start), one.1.end.min(other.1.end));
    end.saturating_sub(start)
}

/// Scores rankings (documents, best first) against judgements, over every
/// query that has a relevant document.
pub fn score(
    judgements: &BTreeMap<String, Judgements>,
    rankings: &BTreeMap<String, Vec<String>>,
) -> Scores {
    let mut sum = Scores::default();
    for (query, judged) in judgements {
        if judged.values().all(|relevance| *relevance == 0) {
            continue;
        }
        let ranking = distinct(rankings.get(query).map_or(&[], Vec::as_slice));
        sum.ndcg_10 += ndcg(&ranking, judged, 10);
        sum.recall_10 += recall(&ranking, judged, 10);
        sum.recall_100 += recall(&ranking, judged, 100);
        sum.mrr_10 += reciprocal_rank(&ranking, judged, 10);
        sum.queries += 1;
    }
    let queries = float(sum.queries.max(1));
    Scores {
        ndcg_10: sum.ndcg_10 / queries,
        recall_10: sum.recall_10 / queries,
        recall_100: sum.recall_100 / queries,
        mrr_10: sum.mrr_10 / queries,
        queries: sum.queries,
    }
}

fn distinct(ranking: &[String]) -> Vec<&String> {
    let mut seen = HashSet::new();
    ranking
        .iter()
        .filter(|document| seen.insert(*document))
        .collect()
}

fn ndcg(ranking: &[&String], judged: &Judgements, cutoff: usize) -> f64 {
    let gain = |relevance: u32, rank: usize| f64::from(relevance) / float(rank + 2).log2();
    let relevance = |document: &&&String| judged.get(**document).copied().unwrap_or(0);
    let gained: f64 = ranking
        .iter()
        .take(cutoff)
        .enumerate()
        .map(|(rank, document)| gain(relevance(&document), rank))
        .sum();
    let mut best: Vec<u32> = judged.values().copied().collect();
    best.sort_unstable_by(|one, other| other.cmp(one));
    let ideal: f64 = best
        .into_iter()
        .take(cutoff)
        .enumerate()
        .map(|(rank, value)| gain(value, rank))
        .sum();
    gained / ideal
}

fn recall(ranking: &[&String], judged: &Judgements, cutoff: usize) -> f64 {
    let relevant = judged.values().filter(|relevance| **relevance > 0).count();
    let found = ranking
        .iter()
        .take(cutoff)
        .filter(|document| is_relevant(document, judged));
    float(found.count()) / float(relevant)
}

fn reciprocal_rank(ranking: &[&String], judged: &Judgements, cutoff: usize) -> f64 {
    let first = ranking
        .iter()
        .take(cutoff)
        .position(|document| is_relevant(document, judged));
    first.map_or(0.0, |rank| 1.0 / float(rank + 1))
}

fn is_relevant(document: &str, judged: &Judgements) -> bool {
    judged.get(document).is_some_and(|relevance| *relevance > 0)
}

#[expect(clippy::cast_precision_loss, reason = "counts of queries and ranks")]
const fn float(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranking(documents: &[&str]) -> Vec<String> {
        documents
            .iter()
            .map(|document| (*document).to_owned())
            .collect()
    }

    #[test]
    fn spans_are_scored_as_worked_out_by_hand() {
        let spans = |spans: &[(&str, Range<usize>)]| -> Spans {
            let owned = spans
                .iter()
                .map(|(id, span)| ((*id).to_owned(), span.clone()));
            owned.collect()
        };
        let answers = BTreeMap::from([
            ("q".to_owned(), spans(&[("d", 10..20), ("d", 40..50)])),
            ("p".to_owned(), spans(&[("d", 0..5)])),
        ]);
        // 15 of 20 found; 15 of 60, since 25..30 counts twice.
        let found = spans(&[("d", 0..30), ("d", 25..45), ("other", 10..20)]);
        let scores = score_spans(&answers, &BTreeMap::from([("q".to_owned(), found)]));
        assert!((scores.recall_5 - 0.75 / 2.0).abs() < 1e-9);
        assert!((scores.precision_5 - 0.25 / 2.0).abs() < 1e-9);
    }

    #[test]
    fn the_measures_are_those_worked_out_by_hand() {
        let judged = [("a", 2), ("b", 1), ("c", 1)];
        let judged = judged
            .into_iter()
            .map(|(id, value)| (id.to_owned(), value))
            .collect();
        let judgements = BTreeMap::from([("q".to_owned(), judged)]);
        let rankings = BTreeMap::from([("q".to_owned(), ranking(&["x", "a", "b", "b"]))]);
        let scores = score(&judgements, &rankings);
        // DCG 2/log2(3) + 1/2 = 1.7618595; ideal 2 + 1/log2(3) + 1/2 = 3.1309298.
        assert!((scores.ndcg_10 - 0.562_727_2).abs() < 1e-6);
        assert!((scores.recall_10 - 2.0 / 3.0).abs() < 1e-9);
        assert!((scores.mrr_10 - 0.5).abs() < 1e-9);
        assert_eq!(scores.queries, 1);
    }
}
