//! Nouns and their rules. No I/O, no wire format, no clock.

pub mod account_change;
pub mod account_event;
pub mod api_key;
pub mod audit;
pub mod email;
pub mod mail;
pub mod one_time_token;
pub mod password;
pub mod profile;
pub mod provider;
pub mod session;
pub mod signing_key;
pub mod throttling;
pub mod token_lifetime;
pub mod user;

/// Milliseconds since the Unix epoch, UTC.
pub type Millis = i64;
