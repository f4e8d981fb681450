//! Surfaces times failures: each says each of them in its own words. The table
//! is `failures.yaml`; it has no empty cell.

#[path = "../../../service-kit/tests/failures/mod.rs"]
mod cells;

use std::{collections::BTreeMap, panic::AssertUnwindSafe};

use futures::FutureExt;
use serde_json::json;

use cells::Table;

use crate::support::{
    TestApp, TestDatabase, json_request,
    scenario::{Step, step},
};

/// What goes wrong.
const FAILURES: [&str; 7] = [
    "bad_body",
    "unauthenticated",
    "forbidden",
    "not_found",
    "too_large",
    "rate_limited",
    "database_down",
];

/// This crate's folder.
const SERVICE: &str = env!("CARGO_MANIFEST_DIR");

fn table() -> Table<Step> {
    cells::table(SERVICE, "tests/it/failures.yaml")
}

#[test]
fn every_surface_has_every_failure() {
    cells::holds_all(&table(), SERVICE, &FAILURES);
}

/// A service where this goes wrong, and Ada's token.
async fn failing(failure: &str) -> (TestApp, BTreeMap<String, String>) {
    let limited = (failure == "rate_limited").to_string();
    let settings = [
        ("RATE_LIMIT_ENABLED", limited.as_str()),
        ("RATE_LIMIT_REQUESTS_PER_MINUTE", "1"),
    ];
    let app = TestApp::on(TestDatabase::sqlite(), &settings).await;
    let account = json!({
        "email": "ada@example.com",
        "password": "a long enough one",
        "name": "Ada",
    });
    let (status, told) = app
        .ask(json_request("POST", "/v1/accounts", &account))
        .await;
    assert!(status.is_success(), "{told}");
    if failure == "rate_limited" {
        let path = "/v1/sessions";
        let (status, told) = app.ask(json_request("POST", path, &account)).await;
        assert!(status.is_success(), "{told}");
    }
    if failure == "database_down" {
        let lost = sqlx::query("ALTER TABLE users RENAME TO lost");
        lost.execute(&app.database.pool).await.unwrap();
    }
    let token = told["access_token"].as_str().unwrap().to_owned();
    (app, BTreeMap::from([("token".to_owned(), token)]))
}

#[tokio::test]
async fn each_surface_says_each_failure_in_its_own_words() {
    let table = table();
    let mut wrong = 0;
    for failure in FAILURES {
        let (app, known) = failing(failure).await;
        for (surface, cells) in &table {
            let place = format!("{surface}: {failure}");
            // All that is wrong is told at once, each where it panics.
            let said = AssertUnwindSafe(step(&app, &cells[failure], known.clone(), &place));
            wrong += usize::from(said.catch_unwind().await.is_err());
        }
    }
    assert_eq!(wrong, 0, "cells are wrong");
}
