//! How good answers are: whether what can't be answered is refused, and whether
//! what is answered cites the right sources.

use std::ops::Range;

use super::{scoring::Spans, words::ratio};
use crate::domain::analytics::Percentiles;

/// What became of a question whose answer is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Whether the documents answer it.
    pub answerable: bool,
    /// The documents that do, by id or path; may be unknown.
    pub sources: Vec<String>,
    /// Where they do; may be unknown.
    pub spans: Spans,
    /// Whether the answer was that there is none.
    pub refused: bool,
    /// What was cited.
    pub cited: Vec<Cited>,
    /// How near the best passage and sentence were, from 0 to 1.
    pub nearness: f32,
    /// The time from question to answer, in milliseconds.
    pub took_ms: i64,
}

/// A citation, as it is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Cited {
    /// The document's id.
    pub document: String,
    /// The document's path; may be empty.
    pub path: String,
    /// The bytes of its content.
    pub span: Range<usize>,
    /// Whether they support the sentence.
    pub supported: bool,
}

impl Cited {
    fn is_of(&self, source: &str) -> bool {
        self.document == source || (!self.path.is_empty() && self.path == source)
    }
}

/// The measures of answers, by name, in the order of a report.
pub const MEASURES: &[&str] = &[
    "refusal-precision",
    "refusal-recall",
    "answered",
    "citation-precision",
    "citation-recall",
    "citation-hit",
    "citation-support",
    "span-hit",
    "latency-p50",
    "latency-p95",
    "latency-p99",
];

/// The measures that these outcomes allow, by name; latencies in milliseconds.
pub fn judge(outcomes: &[Outcome]) -> Vec<(&'static str, f64)> {
    let unanswerable = || outcomes.iter().filter(|one| !one.answerable);
    let answerable = || outcomes.iter().filter(|one| one.answerable);
    let refused = outcomes.iter().filter(|one| one.refused).count();
    let rightly = unanswerable().filter(|one| one.refused).count();
    let answered = answerable().filter(|one| !one.refused).count();
    let known = || answerable().filter(|one| !one.sources.is_empty());
    let placed = || answerable().filter(|one| !one.spans.is_empty());
    let cited: Vec<&Cited> = outcomes.iter().flat_map(|one| &one.cited).collect();
    let citations: usize = known().map(|one| one.cited.len()).sum();
    let right: usize = known().map(right_citations).sum();
    let recall: f64 = known().map(sources_cited).sum();
    let mut measures = vec![
        ("refusal-precision", part(rightly, refused)),
        ("refusal-recall", part(rightly, unanswerable().count())),
        ("answered", part(answered, answerable().count())),
        ("citation-precision", part(right, citations)),
        (
            "citation-recall",
            part(1, known().count()).map(|one| one * recall),
        ),
        (
            "citation-hit",
            part(
                known().filter(|one| right_citations(one) > 0).count(),
                known().count(),
            ),
        ),
        (
            "citation-support",
            part(
                cited.iter().filter(|one| one.supported).count(),
                cited.len(),
            ),
        ),
        (
            "span-hit",
            part(
                placed().filter(|one| hits_a_span(one)).count(),
                placed().count(),
            ),
        ),
    ];
    #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
    let told = |time: i64| time as f64;
    let times = Percentiles::of(outcomes.iter().map(|one| one.took_ms));
    for (name, time) in [
        ("latency-p50", times.map(|times| times.p50)),
        ("latency-p95", times.map(|times| times.p95)),
        ("latency-p99", times.map(|times| times.p99)),
    ] {
        measures.push((name, time.map(told)));
    }
    let allowed = |(name, value): (&'static str, Option<f64>)| Some((name, value?));
    measures.into_iter().filter_map(allowed).collect()
}

/// The nearness below which refusing is right most often: of questions that have
/// answers and questions that have none.
pub fn best_threshold(outcomes: &[Outcome]) -> Option<f32> {
    if outcomes.iter().all(|one| one.answerable) || outcomes.iter().all(|one| !one.answerable) {
        return None;
    }
    let right = |threshold: f32| {
        let fits = |one: &&Outcome| (one.nearness >= threshold) == one.answerable;
        outcomes.iter().filter(fits).count()
    };
    let thresholds = outcomes.iter().map(|one| one.nearness);
    thresholds.max_by_key(|threshold| right(*threshold))
}

fn right_citations(one: &Outcome) -> usize {
    let names = |cited: &&Cited| one.sources.iter().any(|source| cited.is_of(source));
    one.cited.iter().filter(names).count()
}

fn sources_cited(one: &Outcome) -> f64 {
    let is_cited = |source: &&String| one.cited.iter().any(|cited| cited.is_of(source));
    ratio(
        one.sources.iter().filter(is_cited).count(),
        one.sources.len(),
    )
}

fn hits_a_span(one: &Outcome) -> bool {
    one.cited.iter().any(|cited| {
        one.spans.iter().any(|(document, span)| {
            cited.is_of(document) && cited.span.start < span.end && span.start < cited.span.end
        })
    })
}

fn part(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| ratio(part, whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(answerable: bool, cited: &[(&str, Range<usize>)], nearness: f32) -> Outcome {
        let cited: Vec<Cited> = cited
            .iter()
            .map(|(document, span)| Cited {
                document: (*document).to_owned(),
                path: format!("{document}.md"),
                span: span.clone(),
                supported: *document != "c",
            })
            .collect();
        Outcome {
            answerable,
            sources: if answerable {
                vec!["a".to_owned(), "b.md".to_owned()]
            } else {
                vec![]
            },
            spans: if answerable {
                Spans::from([("a".to_owned(), 10..20)])
            } else {
                Spans::default()
            },
            refused: cited.is_empty(),
            cited,
            nearness,
            took_ms: 10,
        }
    }

    #[test]
    fn the_measures_are_those_worked_out_by_hand() {
        let outcomes = [
            outcome(true, &[("a", 0..11), ("b", 0..9)], 0.9),
            outcome(true, &[("c", 0..9), ("a", 20..30)], 0.7),
            outcome(true, &[], 0.3),
            outcome(false, &[], 0.4),
            outcome(false, &[("c", 0..5)], 0.6),
            Outcome {
                took_ms: 90,
                ..outcome(false, &[], 0.2)
            },
        ];
        let third = 1.0 / 3.0;
        let expected = [
            ("refusal-precision", 2.0 * third),
            ("refusal-recall", 2.0 * third),
            ("answered", 2.0 * third),
            ("citation-precision", 0.75),
            ("citation-recall", 0.5),
            ("citation-hit", 2.0 * third),
            ("citation-support", 0.6),
            ("span-hit", third),
            ("latency-p50", 10.0),
            ("latency-p95", 90.0),
            ("latency-p99", 90.0),
        ];
        let measures = judge(&outcomes);
        let names: Vec<&str> = measures.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, MEASURES);
        for ((name, value), (_, expected)) in measures.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-9, "{name}: {value}");
        }
        // Above 0.6 and up to 0.7, only the third one is wrong.
        assert_eq!(best_threshold(&outcomes), Some(0.7));
    }

    #[test]
    fn what_was_not_asked_is_not_measured() {
        let names = |outcomes: &[Outcome]| -> Vec<&str> {
            let measures = judge(outcomes);
            measures.into_iter().map(|(name, _)| name).collect()
        };
        assert!(names(&[]).is_empty());
        let latencies = ["latency-p50", "latency-p95", "latency-p99"];
        assert_eq!(
            names(&[outcome(false, &[], 0.1)]),
            [
                ["refusal-precision", "refusal-recall"].as_slice(),
                &latencies
            ]
            .concat()
        );
        assert_eq!(best_threshold(&[outcome(true, &[], 0.1)]), None);
    }
}
