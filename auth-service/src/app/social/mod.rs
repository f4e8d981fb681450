//! Sign-in with the accounts that people have elsewhere.

pub mod ports;
pub mod refusal;
