//! All integration tests of api-service, as one binary.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "tests"
)]

mod accounts;
mod analytics;
mod answers;
mod api_keys;
mod ask;
mod citing;
mod compat;
mod deployment;
mod environments;
mod erasing;
mod evaluating;
mod fetching;
mod formats;
mod gathering;
mod generating;
mod hostile;
mod index;
mod ingest;
mod injections;
mod isolation;
mod jobs;
mod languages;
mod links;
mod openapi;
mod page;
mod process;
mod profiles;
mod providers;
mod publishable_keys;
mod quotas;
mod races;
mod recovery;
mod reembed;
mod refused_callers;
mod reranking;
mod sharing;
mod sources;
mod starting;
mod store;
mod support;
mod tidy;
mod tls;
mod tokens;
mod v1;
mod who_sees_what;
