//! A circuit breaker: a model that failed again and again is left alone for a
//! while, so that nobody waits for it; then one request tries.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use service_kit::clock::{Clock, Millis};

/// Failures in a row after which a model is left alone.
const FAILURES: u32 = 5;

/// How long it is left alone, in milliseconds, and how long a request that tries
/// has for its answer before another one may.
const REST: Millis = 30_000;

/// The longest that a provider's wish to be left alone is followed.
const LONGEST_REST: Millis = 10 * 60_000;

/// The breaker of one model.
pub(super) struct Breaker {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Failures since the last success.
    failures: u32,
    /// Until when nobody may ask; 0 for never.
    closed_until: Millis,
}

impl Breaker {
    /// A breaker that lets everybody ask.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: Mutex::default(),
        }
    }

    /// Whether the model may be asked. After a rest, one asker is let through,
    /// and the others when it has succeeded.
    pub(super) fn lets_through(&self) -> bool {
        let now = self.clock.now();
        self.with(|state| {
            if now < state.closed_until {
                return false;
            }
            if state.closed_until > 0 && state.failures >= FAILURES {
                state.closed_until = now + REST;
            }
            true
        })
    }

    /// The model answered.
    pub(super) fn succeeded(&self) {
        self.with(|state| *state = State::default());
    }

    /// The model failed, and may have asked to be left alone for a while.
    pub(super) fn failed(&self, asked: Option<Duration>) {
        let now = self.clock.now();
        let asked = asked.map_or(0, |asked| {
            Millis::try_from(asked.as_millis()).unwrap_or(LONGEST_REST)
        });
        self.with(|state| {
            state.failures = state.failures.saturating_add(1);
            let rest = if state.failures >= FAILURES { REST } else { 0 };
            let rest = rest.max(asked.min(LONGEST_REST));
            if rest > 0 {
                state.closed_until = state.closed_until.max(now + rest);
            }
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use service_kit::clock::FixedClock;

    use super::*;

    fn breaker() -> (Arc<FixedClock>, Breaker) {
        let clock = Arc::new(FixedClock::at(1_000));
        (clock.clone(), Breaker::new(clock))
    }

    #[test]
    fn only_failures_in_a_row_count() {
        let (_, breaker) = breaker();
        for _ in 0..3 {
            for _ in 1..FAILURES {
                breaker.failed(None);
            }
            assert!(breaker.lets_through());
            breaker.succeeded();
        }
        for _ in 0..FAILURES {
            breaker.failed(None);
        }
        assert!(!breaker.lets_through());
    }

    #[test]
    fn after_a_rest_one_tries_for_all() {
        let (clock, breaker) = breaker();
        for _ in 0..FAILURES {
            breaker.failed(None);
        }
        clock.advance(REST - 1);
        assert!(!breaker.lets_through());
        clock.advance(1);
        assert!(breaker.lets_through());
        assert!(!breaker.lets_through(), "one tries already");
        breaker.failed(None);
        clock.advance(REST - 1);
        assert!(!breaker.lets_through());
        clock.advance(1);
        assert!(breaker.lets_through());
        breaker.succeeded();
        assert!(breaker.lets_through() && breaker.lets_through());
    }

    #[test]
    fn one_that_tries_and_never_tells_keeps_others_away_for_one_rest_only() {
        let (clock, breaker) = breaker();
        for _ in 0..FAILURES {
            breaker.failed(None);
        }
        clock.advance(REST);
        assert!(breaker.lets_through());
        clock.advance(REST);
        assert!(breaker.lets_through());
    }

    #[test]
    fn a_wish_to_be_left_alone_is_followed_at_once_but_not_for_ever() {
        let (clock, breaker) = breaker();
        breaker.failed(Some(Duration::from_secs(7)));
        clock.advance(6_999);
        assert!(!breaker.lets_through());
        clock.advance(1);
        assert!(breaker.lets_through() && breaker.lets_through());
        breaker.failed(Some(Duration::from_secs(u64::MAX)));
        clock.advance(LONGEST_REST);
        assert!(breaker.lets_through());
    }
}
