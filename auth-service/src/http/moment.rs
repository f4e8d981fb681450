//! Moments, as every surface writes them.

use chrono::{DateTime, SecondsFormat};

use crate::domain::Millis;

/// A moment in UTC with exactly three digits of a second: Better Auth's clients
/// take the digits for milliseconds, however many there are.
pub fn rfc_3339(moment: Millis) -> String {
    DateTime::from_timestamp_millis(moment)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}
