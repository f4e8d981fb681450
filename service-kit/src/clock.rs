//! Time, ids and randomness, given to the code that needs them and never taken
//! by it, so that a test can assert whole values.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use uuid::{Builder, Uuid};

/// Milliseconds since the Unix epoch, UTC.
pub type Millis = i64;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Millis;
}

/// Makes what must not be guessed or must not repeat.
pub trait Randomness: Send + Sync {
    /// Fills `buffer` with random bytes.
    fn fill(&self, buffer: &mut [u8]);
}

/// A UUIDv7 (RFC 9562, section 5.7) in lower-case text.
pub fn new_id(clock: &dyn Clock, randomness: &dyn Randomness) -> String {
    let mut bytes = [0; 10];
    randomness.fill(&mut bytes);
    let millis = u64::try_from(clock.now()).unwrap_or_default();
    Builder::from_unix_timestamp_millis(millis, &bytes)
        .into_uuid()
        .to_string()
}

/// The id that these bytes make: a UUID of version 8, whose meaning is its
/// maker's (RFC 9562, section 5.8).
pub fn id_of(bytes: [u8; 16]) -> String {
    uuid::Builder::from_custom_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// Whether `text` is a UUID. What comes from a caller is checked before it
/// reaches a query.
pub fn is_id(text: &str) -> bool {
    Uuid::parse_str(text).is_ok()
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock")]
    fn now(&self) -> Millis {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| {
                Millis::try_from(elapsed.as_millis()).unwrap_or(Millis::MAX)
            })
    }
}

/// The operating system's source of randomness.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    #[expect(clippy::panic, reason = "a process without randomness must not go on")]
    fn fill(&self, buffer: &mut [u8]) {
        if let Err(error) = getrandom::fill(buffer) {
            panic!("the operating system gives no randomness: {error}");
        }
    }
}

/// A clock that stands where it is put. For tests.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// Stands at `now`.
    pub const fn at(now: Millis) -> Self {
        Self(AtomicI64::new(now))
    }

    /// Moves on by `millis`.
    pub fn advance(&self, millis: Millis) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }
}

/// A source of numbers that never repeat and always come in the same order.
/// For tests: nothing about it is secret.
#[derive(Debug, Default)]
pub struct CountingRandomness(AtomicU64);

impl Randomness for CountingRandomness {
    fn fill(&self, buffer: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        buffer.fill(0);
        for (place, byte) in buffer.iter_mut().rev().zip(number.to_le_bytes()) {
            *place = byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_7_sorted_by_time_and_parse() {
        let (clock, randomness) = (
            FixedClock::at(1_700_000_000_000),
            CountingRandomness::default(),
        );
        let first = new_id(&clock, &randomness);
        clock.advance(1);
        let second = new_id(&clock, &randomness);
        assert_eq!(first, "018bcfe5-6800-7000-8000-000000000001");
        assert!(first < second);
        assert!(is_id(&first));
        assert!(!is_id("' OR 1=1"));
    }
}
