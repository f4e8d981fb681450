//! All integration tests of auth-service, as one binary.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "tests"
)]

mod access_tokens;
mod account_events;
mod api_keys;
mod bad_input;
mod better_auth;
mod clean_up;
mod client_address;
mod failing;
mod failures;
mod grpc;
mod import;
mod isolation;
mod mail;
mod openapi;
mod origins;
mod process;
mod signing_keys;
mod social;
mod starting;
mod store;
mod store_linked_accounts;
mod store_one_time_tokens;
mod support;
mod throttling;
mod tidy;
mod together;
mod v1;
