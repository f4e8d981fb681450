//! What the log of interactions tells: how much is asked, what is asked most,
//! what is left unanswered, how long it takes and what it costs.

use std::collections::{BTreeMap, HashMap};

use service_kit::clock::Millis;

use super::{
    answer::{AnswerKind, TokenUsage},
    conversation::Rating,
    interaction::{Logged, LoggedAnswer, Timings},
    token_budget::Day,
};

/// What a model's tokens cost, in dollars a million.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Tokens of prompts.
    pub prompt: f64,
    /// Tokens of answers.
    pub completion: f64,
}

impl Price {
    /// What these tokens cost, in dollars.
    pub fn of(self, usage: TokenUsage) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "tokens of answers")]
        let cost = usage.prompt as f64 * self.prompt + usage.completion as f64 * self.completion;
        cost / 1_000_000.0
    }
}

/// What models cost, by their names.
pub type Prices = BTreeMap<String, Price>;

/// How interactions are logged.
#[derive(Debug, Clone, Default)]
pub struct InteractionLog {
    /// What is logged.
    pub logged: Logged,
    /// How long it is kept, in milliseconds.
    pub retention: Millis,
    /// What models cost.
    pub prices: Prices,
}

/// What a number of interactions tells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// How many of each kind there were.
    pub answers: Totals,
    /// How many on each day on which there were any.
    pub days: BTreeMap<Day, usize>,
    /// The questions that were asked most, first the one that was asked most.
    pub top_questions: Vec<AskedQuestion>,
    /// Those that found no answer, or one that was of no use, most of them first.
    pub unanswered: Vec<AskedQuestion>,
    /// How long answers took.
    pub latency: Latency,
    /// What was used of each model, in the order of their names; first what was
    /// used for answers that none wrote in the end.
    pub models: Vec<ModelUse>,
    /// What all of that cost as far as it is known, in dollars; none where
    /// nothing is.
    pub cost: Option<f64>,
    /// Answers that were of use to their readers.
    pub rated_up: usize,
    /// Answers that were of none.
    pub rated_down: usize,
}

/// How many answers there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// All of them.
    pub total: usize,
    /// Those that a language model wrote.
    pub generated: usize,
    /// Those of the sources' own sentences.
    pub extractive: usize,
    /// Those for which nothing was found.
    pub nothing_found: usize,
    /// Those, of whatever kind, that ended before their end.
    pub broken: usize,
}

/// A question, however it was spelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedQuestion {
    /// The beginning of the question as it was asked last.
    pub question: String,
    /// How often it was asked.
    pub asked: usize,
    /// How often nothing was found, or the answer was of no use.
    pub unanswered: usize,
    /// How often nothing was found.
    pub nothing_found: usize,
    /// How often the answer was of no use to its reader.
    pub rated_down: usize,
    /// When it was asked last.
    pub last_asked_at: Millis,
}

/// The time that a share of answers took at most, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentiles {
    /// Half of them.
    pub p50: Millis,
    /// 95 %.
    pub p95: Millis,
    /// 99 %.
    pub p99: Millis,
}

/// How long the stages took, where there were any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    /// Making questions stand alone.
    pub rewrite: Option<Percentiles>,
    /// Searching, ranking and gathering.
    pub retrieve: Option<Percentiles>,
    /// From the question to the first word.
    pub first_word: Option<Percentiles>,
    /// From the question to the end.
    pub total: Option<Percentiles>,
}

/// What was used of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelUse {
    /// Its name; none for what was used where no model wrote the answer.
    pub model: Option<String>,
    /// How many answers.
    pub answers: usize,
    /// How many tokens.
    pub usage: TokenUsage,
    /// What they cost, in dollars, where that is known.
    pub cost: Option<f64>,
}

impl Percentiles {
    /// Those of these times, by nearest rank; none of none.
    pub fn of(times: impl Iterator<Item = Millis>) -> Option<Self> {
        let mut times: Vec<Millis> = times.collect();
        times.sort_unstable();
        let at = |percent: usize| {
            let rank = (times.len() * percent).div_ceil(100).max(1);
            times.get(rank - 1).copied()
        };
        Some(Self {
            p50: at(50)?,
            p95: at(95)?,
            p99: at(99)?,
        })
    }
}

impl Report {
    /// What interactions tell, which come newest first; at most `limit` questions
    /// of each sort.
    pub fn of(interactions: &[LoggedAnswer], prices: &Prices, limit: usize) -> Self {
        let mut report = Self {
            latency: Latency::of(interactions),
            models: models(interactions, prices),
            ..Self::default()
        };
        for one in interactions {
            report.answers.count(one);
            *report.days.entry(Day::of(one.asked_at)).or_default() += 1;
            report.rated_up += usize::from(one.rating == Some(Rating::Up));
            report.rated_down += usize::from(one.rating == Some(Rating::Down));
        }
        let costs: Vec<f64> = report.models.iter().filter_map(|one| one.cost).collect();
        report.cost = (!costs.is_empty()).then(|| costs.iter().sum());
        let asked = questions(interactions);
        report.top_questions = most(asked.clone(), limit, |question| question.asked);
        report.unanswered = most(asked, limit, |question| question.unanswered);
        report
    }
}

impl Totals {
    const fn count(&mut self, one: &LoggedAnswer) {
        self.total += 1;
        match one.kind {
            AnswerKind::Generated => self.generated += 1,
            AnswerKind::Extractive => self.extractive += 1,
            AnswerKind::NothingFound => self.nothing_found += 1,
        }
        self.broken += one.broken as usize;
    }
}

impl Latency {
    fn of(interactions: &[LoggedAnswer]) -> Self {
        let of = |stage: fn(&Timings) -> Option<Millis>| {
            Percentiles::of(interactions.iter().filter_map(|one| stage(&one.timings)))
        };
        Self {
            rewrite: of(|timings| timings.rewrite),
            retrieve: of(|timings| Some(timings.retrieve)),
            first_word: of(|timings| timings.first_word),
            total: of(|timings| Some(timings.total)),
        }
    }
}

fn models(interactions: &[LoggedAnswer], prices: &Prices) -> Vec<ModelUse> {
    let mut models: BTreeMap<Option<&str>, (usize, TokenUsage)> = BTreeMap::new();
    let used = |one: &&LoggedAnswer| one.model.is_some() || one.usage.total() > 0;
    for one in interactions.iter().filter(used) {
        let (answers, usage) = models.entry(one.model.as_deref()).or_default();
        *answers += 1;
        usage.prompt = usage.prompt.saturating_add(one.usage.prompt);
        usage.completion = usage.completion.saturating_add(one.usage.completion);
    }
    let each = models.into_iter().map(|(model, (answers, usage))| {
        let price = model.and_then(|model| prices.get(model));
        ModelUse {
            model: model.map(str::to_owned),
            answers,
            usage,
            cost: price.map(|price| price.of(usage)),
        }
    });
    each.collect()
}

/// Each question that was logged, by its words.
fn questions(interactions: &[LoggedAnswer]) -> Vec<AskedQuestion> {
    let mut asked: HashMap<String, AskedQuestion> = HashMap::new();
    for one in interactions {
        let Some(question) = &one.question else {
            continue;
        };
        let known = asked.entry(words(question));
        let known = known.or_insert_with(|| AskedQuestion {
            question: question.clone(),
            asked: 0,
            unanswered: 0,
            nothing_found: 0,
            rated_down: 0,
            last_asked_at: one.asked_at,
        });
        let nothing_found = one.kind == AnswerKind::NothingFound;
        let rated_down = one.rating == Some(Rating::Down);
        known.asked += 1;
        known.unanswered += usize::from(nothing_found || rated_down);
        known.nothing_found += usize::from(nothing_found);
        known.rated_down += usize::from(rated_down);
    }
    asked.into_values().collect()
}

/// What two spellings of a question have in common: its words in lower case.
fn words(question: &str) -> String {
    let lower = question.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    // Signs alone may be a question too.
    if words.is_empty() {
        return lower.trim().to_owned();
    }
    words.join(" ")
}

/// Those with the most of something, if there is any: of equals the newest.
fn most(
    mut questions: Vec<AskedQuestion>,
    limit: usize,
    of: fn(&AskedQuestion) -> usize,
) -> Vec<AskedQuestion> {
    questions.retain(|question| of(question) > 0);
    questions.sort_unstable_by(|one, other| {
        let key = |question: &AskedQuestion| (of(question), question.last_asked_at);
        let order = key(other).cmp(&key(one));
        order.then_with(|| one.question.cmp(&other.question))
    });
    questions.truncate(limit);
    questions
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Millis = 1_793_534_400_123;

    fn asked(at: Millis, question: &str, kind: AnswerKind) -> LoggedAnswer {
        LoggedAnswer {
            asked_at: NOON + at,
            question: Some(question.to_owned()),
            kind,
            broken: false,
            timings: Timings::default(),
            model: None,
            usage: TokenUsage::default(),
            rating: None,
        }
    }

    #[test]
    fn spellings_of_a_question_are_one() {
        for (one, other) in [
            ("How do I  install it?", "how do i install it"),
            ("¿Qué es, «esto»?", "qué es esto"),
            ("C'est où ?", "c’est où"),
            ("李?", "李"),
            (" ?? ", "??"),
        ] {
            assert_eq!(words(one), words(other), "{one}");
        }
        assert_ne!(words("what is 1"), words("what is 11"));
        assert_ne!(words("??"), words("!"));
    }

    #[test]
    fn questions_come_by_how_often_and_then_how_lately() {
        let mut down = asked(3, "Why?", AnswerKind::NothingFound);
        down.rating = Some(Rating::Down);
        let log = [
            down,
            asked(2, "what?", AnswerKind::Extractive),
            asked(1, "How?", AnswerKind::Generated),
            asked(0, "What", AnswerKind::NothingFound),
        ];
        let report = Report::of(&log, &Prices::new(), 2);
        let top = report.top_questions.iter();
        let top: Vec<_> = top.map(|one| (one.question.as_str(), one.asked)).collect();
        assert_eq!(top, [("what?", 2), ("Why?", 1)]);
        assert_eq!(report.top_questions[0].last_asked_at, NOON + 2);
        let unanswered = report.unanswered.iter();
        let unanswered: Vec<_> = unanswered
            .map(|one| {
                (
                    one.question.as_str(),
                    one.unanswered,
                    one.nothing_found,
                    one.rated_down,
                )
            })
            .collect();
        // What was not found and is of no use is unanswered once.
        assert_eq!(unanswered, [("Why?", 1, 1, 1), ("what?", 1, 1, 0)]);
        let expected = Totals {
            total: 4,
            generated: 1,
            extractive: 1,
            nothing_found: 2,
            broken: 0,
        };
        assert_eq!((report.answers, report.rated_down), (expected, 1));
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        assert_eq!(Percentiles::of([].into_iter()), None);
        let same = |time| Percentiles {
            p50: time,
            p95: time,
            p99: time,
        };
        assert_eq!(Percentiles::of([7].into_iter()), Some(same(7)));
        let hundred = Percentiles {
            p50: 50,
            p95: 95,
            p99: 99,
        };
        assert_eq!(Percentiles::of((1..=100).rev()), Some(hundred));
    }

    #[test]
    fn what_has_no_price_costs_nothing_that_is_known() {
        let with = |model: Option<&str>, prompt| LoggedAnswer {
            model: model.map(str::to_owned),
            usage: TokenUsage {
                prompt,
                completion: 10,
            },
            ..asked(0, "?", AnswerKind::Generated)
        };
        let log = [
            with(Some("dear"), 500_000),
            with(Some("dear"), 500_000),
            with(Some("own"), u64::MAX),
            with(Some("own"), 1),
            with(None, 5),
            asked(0, "?", AnswerKind::Extractive),
        ];
        let price = Price {
            prompt: 2.0,
            completion: 50_000.0,
        };
        let prices = Prices::from([("dear".to_owned(), price)]);
        let report = Report::of(&log, &prices, 1);
        let costs: Vec<_> = report
            .models
            .iter()
            .map(|one| {
                (
                    one.model.as_deref(),
                    one.answers,
                    one.usage.prompt,
                    one.cost,
                )
            })
            .collect();
        let expected = [
            (None, 1, 5, None),
            (Some("dear"), 2, 1_000_000, Some(3.0)),
            (Some("own"), 2, u64::MAX, None),
        ];
        assert_eq!((costs, report.cost), (expected.to_vec(), Some(3.0)));
        assert_eq!(Report::of(&log, &Prices::new(), 1).cost, None);
    }
}
