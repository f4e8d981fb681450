//! How long a provider asks to be left alone.

use std::time::Duration;

use http::{HeaderMap, header::RETRY_AFTER};
use service_kit::clock::Millis;

/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap, now: Millis) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = value.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = chrono::DateTime::parse_from_rfc2822(value).ok()?;
    let wait = date.timestamp_millis() - now;
    Some(Duration::from_millis(
        u64::try_from(wait).unwrap_or_default(),
    ))
}
