//! How good a ranking is: the measures of information retrieval, as
//! `trec_eval` and BEIR define them.

use std::collections::{BTreeMap, HashSet};

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
