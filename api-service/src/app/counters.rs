//! What came of answers since this process began, for whoever watches it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::answer::{AnswerKind, Evidence};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The number now.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, more: usize) {
        let more = u64::try_from(more).unwrap_or(u64::MAX);
        self.0.fetch_add(more, Ordering::Relaxed);
    }
}

/// What came of answers.
#[derive(Debug, Default)]
pub struct AnswerCounters {
    /// Answers that a language model wrote.
    pub generated: Counter,
    /// Answers of extracts.
    pub extractive: Counter,
    /// Answers that say that there is none.
    pub nothing_found: Counter,
    /// Answers that ended before their end.
    pub broken: Counter,
    /// Citations whose source says what is claimed.
    pub supported: Counter,
    /// Citations whose source does not.
    pub unsupported: Counter,
    /// Sentences that claim something and that no source supports.
    pub unsupported_sentences: Counter,
}

impl AnswerCounters {
    /// Counts an answer that is over.
    pub(super) fn count(&self, kind: AnswerKind, broken: bool, evidence: &Evidence) {
        let of_kind = match kind {
            AnswerKind::Generated => &self.generated,
            AnswerKind::Extractive => &self.extractive,
            AnswerKind::NothingFound => &self.nothing_found,
        };
        if broken { &self.broken } else { of_kind }.add(1);
        let supported = evidence.citations.iter().filter(|one| one.supported);
        let supported = supported.count();
        self.supported.add(supported);
        self.unsupported.add(evidence.citations.len() - supported);
        self.unsupported_sentences.add(evidence.unsupported.len());
    }
}
