//! How often somebody may ask. The arithmetic is the generic cell rate algorithm
//! of the crate `governor`; each process counts for itself.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
};

use governor::{
    Quota, RateLimiter, clock::Clock as _, middleware::NoOpMiddleware, nanos::Nanos,
    state::keyed::HashMapStateStore,
};
use service_kit::clock::{Clock, Millis};

use super::{App, error::Error, ports::UnverifiedToken};
use crate::domain::principal::Principal;

const NANOS_PER_MILLI: u64 = 1_000_000;

/// From how many callers on those are forgotten who could ask freely again.
const MANY: usize = 10_000;

/// What people may do who have not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visitors {
    /// Whether they are answered at all, where a surface allows it.
    pub welcome: bool,
    /// How long their conversations are kept after the last question.
    pub kept: Millis,
}

/// How many questions a minute are answered; without a number, any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuestionRates {
    /// Of the visitors in one network.
    pub visitors: Option<NonZeroU32>,
    /// Of one user.
    pub users: Option<NonZeroU32>,
}

/// Counts questions.
pub struct QuestionLimits {
    visitors: Option<Limit>,
    users: Option<Limit>,
    /// Of visitors with publishable keys, by what their keys allow a minute.
    keys: Mutex<HashMap<NonZeroU32, Limit>>,
    clock: Told,
}

type Limit = RateLimiter<String, HashMapStateStore<String>, Told, NoOpMiddleware<Nanos>>;

/// Our clock, for [`governor`].
#[derive(Clone)]
struct Told(Arc<dyn Clock>);

impl governor::clock::Clock for Told {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let now = u64::try_from(self.0.now()).unwrap_or_default();
        Nanos::new(now.saturating_mul(NANOS_PER_MILLI))
    }
}

impl QuestionLimits {
    /// Counts by this clock.
    pub fn new(rates: QuestionRates, clock: Arc<dyn Clock>) -> Self {
        let told = Told(clock);
        let limit = |rate: Option<NonZeroU32>| rate.map(|times| a_minute(times, &told));
        Self {
            visitors: limit(rates.visitors),
            users: limit(rates.users),
            keys: Mutex::default(),
            clock: told,
        }
    }

    /// Counts a question of the caller's; one that comes too early is refused,
    /// and does not make the wait longer.
    pub(super) fn count(&self, caller: &Principal) -> Result<(), Error> {
        if let (Some(network), Some(key)) = (caller.network(), caller.key_use()) {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            let limit = keys.entry(key.per_minute);
            let limit = limit.or_insert_with(|| a_minute(key.per_minute, &self.clock));
            return count_in(limit, &format!("{} {network}", key.id.0));
        }
        let (limit, key) = match (caller.network(), caller.user_id()) {
            (Some(network), _) => (&self.visitors, network),
            (None, Some(user)) => (&self.users, user.0.as_str()),
            (None, None) => return Ok(()),
        };
        match limit {
            Some(limit) => count_in(limit, key),
            None => Ok(()),
        }
    }
}

fn a_minute(times: NonZeroU32, clock: &Told) -> Limit {
    RateLimiter::hashmap_with_clock(Quota::per_minute(times), clock.clone())
}

fn count_in(limit: &Limit, key: &str) -> Result<(), Error> {
    if limit.len() > MANY {
        limit.retain_recent();
    }
    limit.check_key(&key.to_owned()).map_err(|early| {
        let wait = early.wait_time_from(limit.clock().now());
        let seconds = wait.as_millis().div_ceil(1_000);
        Error::TooManyQuestions(u64::try_from(seconds).unwrap_or(u64::MAX).max(1))
    })
}

impl App {
    /// Somebody who asks from this network and has not signed in, where such are
    /// answered.
    pub fn visitor(&self, network: String) -> Result<Principal, Error> {
        if self.visitors.welcome {
            Ok(Principal::visitor(network))
        } else {
            Err(UnverifiedToken::Missing.into())
        }
    }
}
