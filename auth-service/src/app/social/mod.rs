//! Sign-in with the accounts that people have elsewhere.

pub mod accounts;
pub mod begin;
pub mod callback;
mod link;
pub mod ports;
pub mod refusal;
pub mod sign_in;
