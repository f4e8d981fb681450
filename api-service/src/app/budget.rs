//! Places at the language model, and what is used there: tokens are reserved
//! when a question is asked, and counted when its answer ends, however it ends.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use futures::StreamExt;

use super::{
    App,
    error::Error,
    ports::{Generation, GenerationError, Generator, Piece, Place, Prompt, Settled},
};
use crate::domain::{
    answer::{AnswerEvent, TokenUsage},
    principal::{Principal, Scope},
    token_budget::{Day, Spent},
};

/// What is reserved for an answer, in tokens: six passages, some turns of the
/// conversation, and what is written.
const RESERVED: u64 = 4_000;

/// What a caller has used today, and may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// What they have used.
    pub spent: Spent,
    /// The most that they may use in a day, if there is a limit.
    pub limit: Option<u64>,
    /// What is left of it.
    pub left: Option<u64>,
    /// Today.
    pub day: Day,
}

/// A place at the language model where all that is used is counted.
pub(super) struct Metered {
    place: Box<dyn Place>,
    meter: Arc<Meter>,
    /// What the caller should know, where little is left.
    pub(super) notice: Option<AnswerEvent>,
}

/// Settles what was used when nobody can use any more.
struct Meter {
    app: Arc<App>,
    generator: Arc<dyn Generator>,
    scope: Scope,
    day: Day,
    reserved: u64,
    used: Mutex<TokenUsage>,
    /// Whether that was settled, or somebody has it who will.
    settled: AtomicBool,
}

/// One request to the language model.
struct Run {
    meter: Arc<Meter>,
    /// What the model said that it used.
    told: Option<TokenUsage>,
    /// What that is by our own count.
    counted: TokenUsage,
}

impl App {
    /// The caller's use of language models today.
    pub async fn usage(&self, caller: &Principal) -> Result<Usage, Error> {
        let day = Day::of(self.clock.now());
        let spent = self.tokens.spent_tokens(&caller.scope(), day).await?;
        Ok(Usage {
            spent,
            limit: self.token_budget.limit(),
            left: self.token_budget.left(spent),
            day,
        })
    }

    /// Counts what was used for an answer that is kept nowhere, if anything was.
    pub(super) async fn settle(&self, scope: &Scope, settled: Option<Settled>) {
        let Some(settled) = settled else {
            return;
        };
        if let Err(error) = self.tokens.settle_tokens(scope, settled).await {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "the tokens of an answer could not be counted");
        }
    }

    /// A place at the language model, if there is one. Whoever finds no room
    /// there, or has no tokens left, is turned away before anything is done.
    pub(super) async fn place(self: &Arc<Self>, scope: &Scope) -> Result<Option<Metered>, Error> {
        let Some(generator) = &self.generator else {
            return Ok(None);
        };
        let place = match generator.admit(scope) {
            Ok(place) => place,
            Err(GenerationError::Busy(after)) => {
                return Err(Error::AnswersBusy(after.as_secs().max(1)));
            }
            // Extracts are made without it.
            Err(_) => return Ok(None),
        };
        let now = self.clock.now();
        let mut meter = Meter {
            app: Arc::clone(self),
            generator: Arc::clone(generator),
            scope: scope.clone(),
            day: Day::of(now),
            reserved: 0,
            used: Mutex::default(),
            settled: AtomicBool::new(false),
        };
        let mut notice = None;
        if let Some(limit) = self.token_budget.limit() {
            let reserved = self
                .tokens
                .reserve_tokens(scope, meter.day, RESERVED, limit);
            let Some(spent) = reserved.await? else {
                let left = meter.day.end() - now;
                let seconds = u64::try_from(left).unwrap_or_default().div_ceil(1000);
                return Err(Error::TokensSpent(seconds));
            };
            meter.reserved = RESERVED;
            notice = self.token_budget.is_low(spent).then(|| low(spent, limit));
        }
        Ok(Some(Metered {
            place,
            meter: Arc::new(meter),
            notice,
        }))
    }
}

impl Metered {
    /// What was used there by requests that have ended.
    pub(super) fn used(&self) -> TokenUsage {
        self.meter.used()
    }

    /// What is to be settled, for whoever does so when all requests have ended: it
    /// is not done a second time.
    pub(super) fn settled(&self) -> Option<Settled> {
        self.meter.settled()
    }
}

impl Meter {
    fn used(&self) -> TokenUsage {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settled(&self) -> Option<Settled> {
        let before = self.settled.swap(true, Ordering::Relaxed);
        let used = self.used();
        let none = self.reserved == 0 && used.total() == 0;
        (!before && !none).then_some(Settled {
            day: self.day,
            reserved: self.reserved,
            used,
        })
    }
}

fn low(spent: Spent, limit: u64) -> AnswerEvent {
    let left = limit.saturating_sub(spent.used.total());
    AnswerEvent::Notice {
        code: "token_budget_low",
        message: format!("{left} of your {limit} tokens for today are left, before this answer."),
    }
}

#[async_trait]
impl Place for Metered {
    async fn generate(&self, prompt: Prompt) -> Result<Generation, GenerationError> {
        // Dropped while it is waited for, it has used its prompt.
        let mut run = Run::new(&self.meter, &prompt);
        let generation = match self.place.generate(prompt).await {
            Ok(generation) => generation,
            Err(error) => {
                run.counted = TokenUsage::default();
                return Err(error);
            }
        };
        let pieces = generation.pieces.inspect(move |piece| run.note(piece));
        Ok(Generation {
            model: generation.model,
            pieces: Box::pin(pieces),
        })
    }
}

impl Run {
    fn new(meter: &Arc<Meter>, prompt: &Prompt) -> Self {
        let turns = prompt.turns.iter().map(|turn| &turn.content);
        let texts = turns.chain([&prompt.system]);
        let tokens: usize = texts.map(|text| meter.generator.count_tokens(text)).sum();
        Self {
            meter: Arc::clone(meter),
            told: None,
            counted: TokenUsage {
                prompt: tokens as u64,
                completion: 0,
            },
        }
    }

    fn note(&mut self, piece: &Result<Piece, GenerationError>) {
        match piece {
            // Piece by piece it may be a little more than in one.
            Ok(Piece::Text(text)) => {
                let tokens = self.meter.generator.count_tokens(text);
                self.counted.completion += tokens as u64;
            }
            Ok(Piece::Usage(used)) => self.told = Some(*used),
            Ok(Piece::Limit) | Err(_) => {}
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let told = self.told.filter(|told| told.total() > 0);
        let run = told.unwrap_or(self.counted);
        let used = self.meter.used.lock();
        let mut used = used.unwrap_or_else(PoisonError::into_inner);
        used.prompt = used.prompt.saturating_add(run.prompt);
        used.completion = used.completion.saturating_add(run.completion);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let settled = self.settled();
        if settled.is_none() {
            return;
        }
        let (app, scope) = (Arc::clone(&self.app), self.scope.clone());
        // A stop waits for it, as it does for answers.
        self.app
            .answers
            .spawn(async move { app.settle(&scope, settled).await });
    }
}
