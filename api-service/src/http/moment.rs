//! Moments as texts.

use chrono::{DateTime, SecondsFormat};
use service_kit::clock::Millis;

/// A moment as RFC 3339 with exactly three digits of a second: some clients take
/// the fraction for milliseconds, however many digits it has.
pub fn rfc_3339(millis: Millis) -> String {
    let time = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
