//! Counts requests, and says when there are too many. The arithmetic is the
//! generic cell rate algorithm of the crate `governor`; the counts are shared
//! by all replicas.

use std::{cell::Cell, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference},
    middleware::{StateInformationMiddleware, StateSnapshot},
    nanos::Nanos,
    state::{NotKeyed, StateStore},
};

use super::{App, client::Client, error::Error, ports::Count};
use crate::domain::{
    Millis,
    throttling::{Rate, RateClass},
};

/// How often a count is tried to be changed while others change it too.
pub(super) const TRIES: usize = 32;

/// How a request stands to its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// How many requests may come at once, and again in each window.
    pub limit: u32,
    /// The window, in seconds.
    pub window: u64,
    /// How many may still come at once.
    pub remaining: u32,
    /// In how many seconds all of them may.
    pub reset: u64,
    /// In how many seconds the next may, where this one may not.
    pub retry_after: Option<u64>,
}

impl App {
    /// Counts a request of `client` in its class. Nothing where requests are
    /// not limited.
    pub async fn count_request(
        &self,
        class: RateClass,
        client: &Client,
    ) -> Result<Option<Allowance>, Error> {
        let Some(rules) = self.policy.rates else {
            return Ok(None);
        };
        let key = format!("{} {}", class.as_str(), client.network());
        let allowance = self.count(&key, rules.rate(class)).await?;
        if allowance.retry_after.is_some() {
            tracing::warn!(class = class.as_str(), "too many requests of one network");
        }
        Ok(Some(allowance))
    }

    /// Counts one use of what `key` names. A use that comes too early is not
    /// counted: it does not make the wait longer.
    pub(super) async fn count(&self, key: &str, rate: Rate) -> Result<Allowance, Error> {
        self.count_owing(key, rate, 0).await
    }

    /// The same, after so many uses that were made before anybody asked: they
    /// count in any case.
    pub(super) async fn count_owing(
        &self,
        key: &str,
        rate: Rate,
        owed: u32,
    ) -> Result<Allowance, Error> {
        for _ in 0..TRIES {
            let now = self.clock.now();
            let before = self.counts.read(key).await?;
            let owing = owing(rate, before, owed, now);
            let (allowance, after) = weigh(rate, owing, now);
            let after = after.or(owing);
            if after == before || self.counts.swap(key, before, after).await? {
                return Ok(allowance);
            }
        }
        Err(Error::TooManyRequests(1))
    }
}

/// What is to be kept after so many uses that can't be refused any more. There
/// is never more to wait for than one window.
fn owing(rate: Rate, before: Option<Count>, owed: u32, now: Millis) -> Option<Count> {
    let times = rate.times.get();
    let owed = i64::from(owed.min(times));
    if owed == 0 {
        return before;
    }
    let full_at = before.map_or(now, |count| count.until.max(now));
    let until = (full_at + rate.within * owed / i64::from(times)).min(now + rate.within);
    Some(Count {
        times: 0,
        until,
        expires_at: until,
    })
}

/// Whether one more use fits into the rate, and what is kept if so.
fn weigh(rate: Rate, before: Option<Count>, now: Millis) -> (Allowance, Option<Count>) {
    let window = Duration::from(nanos(rate.within));
    let quota = Quota::with_period(window / rate.times.get())
        .unwrap_or_else(|| Quota::per_minute(rate.times))
        .allow_burst(rate.times);
    let kept = Kept {
        before: before.map(|count| nanos(count.until)),
        after: Cell::new(None),
    };
    // It counts from what its clock tells first: the epoch, as what is kept.
    let told = Told(Cell::new(Nanos::default()));
    let limiter: RateLimiter<_, _, _, StateInformationMiddleware> =
        RateLimiter::new(quota, kept, told);
    limiter.clock().0.set(nanos(now));
    let decision = limiter.check();
    let kept = limiter.into_state_store();
    let full_at = kept.after.get().or(kept.before).unwrap_or_default();
    let allowance = Allowance {
        limit: rate.times.get(),
        window: window.as_secs(),
        remaining: decision
            .as_ref()
            .map_or(0, StateSnapshot::remaining_burst_capacity),
        reset: seconds(full_at.duration_since(nanos(now)).into()),
        retry_after: decision
            .err()
            .map(|early| seconds(early.wait_time_from(nanos(now))).max(1)),
    };
    let after = kept.after.get().map(|full_at| {
        let until = Millis::try_from(full_at.as_u64() / NANOS_PER_MILLI).unwrap_or(Millis::MAX);
        Count {
            times: 0,
            until,
            expires_at: until,
        }
    });
    (allowance, after)
}

const NANOS_PER_MILLI: u64 = 1_000_000;

fn nanos(moment: Millis) -> Nanos {
    let moment = u64::try_from(moment).unwrap_or_default();
    Nanos::new(moment.saturating_mul(NANOS_PER_MILLI))
}

/// Whole seconds that are not too few.
fn seconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000_000)).unwrap_or(u64::MAX)
}

/// The time as it was told, for [`governor`].
struct Told(Cell<Nanos>);

impl Clock for Told {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.get()
    }
}

/// What was kept of one key, for [`governor`].
struct Kept {
    before: Option<Nanos>,
    after: Cell<Option<Nanos>>,
}

impl StateStore for Kept {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (answer, after) = decide(self.before)?;
        self.after.set(Some(after));
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const NOON: Millis = 1_793_534_400_123;

    /// The rates' state after so many uses at the same moment, each of which
    /// fits.
    fn used_up(rate: Rate) -> Option<Count> {
        let mut kept = None;
        for used in 1..=rate.times.get() {
            let (allowance, after) = weigh(rate, kept, NOON);
            assert_eq!(allowance.retry_after, None, "use {used}");
            assert_eq!(allowance.remaining, rate.times.get() - used);
            kept = after;
        }
        kept
    }

    #[test]
    fn a_minutes_worth_may_come_at_once_and_comes_back_evenly() {
        let rate = Rate::per_minute(NonZeroU32::new(10).unwrap());
        let kept = used_up(rate);
        let (refused, after) = weigh(rate, kept, NOON);
        assert_eq!((refused.remaining, refused.reset), (0, 60));
        assert_eq!((refused.retry_after, after), (Some(6), None));
        let (refused, _) = weigh(rate, kept, NOON + 5001);
        assert_eq!((refused.retry_after, refused.reset), (Some(1), 55));
        let (allowed, after) = weigh(rate, kept, NOON + 6000);
        assert_eq!((allowed.retry_after, allowed.remaining), (None, 0));
        assert_eq!(after.unwrap().until, NOON + 66_000);
        let (allowed, _) = weigh(rate, kept, NOON + 60_000);
        assert_eq!((allowed.remaining, allowed.reset), (9, 6));
    }

    #[test]
    fn what_is_owed_counts_in_any_case() {
        let rate = Rate::per_minute(NonZeroU32::new(10).unwrap());
        let kept = owing(rate, None, 7, NOON);
        assert_eq!(weigh(rate, kept, NOON).0.remaining, 2);
        let kept = owing(rate, kept, u32::MAX, NOON);
        assert_eq!(weigh(rate, kept, NOON).0.retry_after, Some(6));
        assert_eq!(weigh(rate, kept, NOON + 6000).0.retry_after, None);
        assert_eq!(owing(rate, None, 0, NOON), None);
    }

    #[test]
    fn any_rate_lets_through_as_much_as_it_says() {
        for times in [1, 2, 3, 7, 60, 999, 10_000] {
            let rate = Rate::per_minute(NonZeroU32::new(times).unwrap());
            let kept = used_up(rate);
            let (refused, _) = weigh(rate, kept, NOON);
            assert!(refused.retry_after.is_some(), "{times}");
        }
    }
}
