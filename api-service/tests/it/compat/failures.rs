//! Surfaces times failures: each says each of them in its own words. The table
//! is `failures.yaml`; it has no empty cell.

#[path = "../../../../service-kit/tests/failures/mod.rs"]
mod cells;

use std::{
    collections::BTreeMap, num::NonZeroU32, panic::AssertUnwindSafe, sync::Arc, time::Duration,
};

use api_service::app::{add_document::Upload, rates::QuestionRates};
use futures::FutureExt;
use serde_json::json;

use cells::Table;

use crate::support::{
    Parts, TestApp, TestHome, caller,
    halting::{Fate, HaltingIndex, Switch},
    json_request,
    language_model::{LanguageModel, Script},
    scenario::{Step, step},
};

/// What goes wrong, and in what kind of service.
const FAILURES: [&str; 9] = [
    "bad_body",
    "unauthenticated",
    "forbidden",
    "not_found",
    "too_large",
    "rate_limited",
    "retrieval_down",
    "model_down",
    "model_breaks_off",
];

/// What a model sends that breaks off after its first words.
const BREAKS_OFF: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"The vault \"}}]}\n\n";

/// This crate's folder.
const SERVICE: &str = env!("CARGO_MANIFEST_DIR");

fn table() -> Table<Step> {
    cells::table(SERVICE, "tests/it/compat/failures.yaml")
}

#[test]
fn every_surface_has_every_failure() {
    cells::holds_all(&table(), SERVICE, &FAILURES);
}

/// A service where this goes wrong, and a switch for its index.
async fn failing(failure: &str) -> (TestApp, Arc<Switch>, Option<LanguageModel>) {
    let switch = Switch::new(Fate::Works);
    let inner = switch.clone();
    let mut parts = Parts {
        around_index: Some(Box::new(|index| {
            Arc::new(HaltingIndex {
                inner: index,
                switch: inner,
            })
        })),
        members_only: failure == "unauthenticated",
        ..Parts::default()
    };
    if failure == "rate_limited" {
        let one = NonZeroU32::new(1);
        parts.rates = QuestionRates {
            visitors: one,
            users: one,
        };
    }
    let mut model = None;
    if let "model_down" | "model_breaks_off" = failure {
        let scripts = match failure {
            "model_down" => vec![Script::Refuses(400); 40],
            _ => vec![Script::Sends(vec![BREAKS_OFF]); 40],
        };
        let server = LanguageModel::start(scripts).await;
        parts.generator = Some(server.client(Duration::from_secs(20)));
        model = Some(server);
    }
    (
        TestApp::with(TestHome::sqlite(), parts).await,
        switch,
        model,
    )
}

/// Ada's document and, where something is forbidden, one that she may not
/// change: its id.
async fn documents(app: &TestApp, failure: &str) -> BTreeMap<String, String> {
    let body = json!({"text": "The vault opens at nine.", "path": "vault.md"});
    app.add("ada", &body).await;
    app.work().await;
    if failure != "forbidden" {
        return BTreeMap::new();
    }
    let admin = caller("admin");
    let upload = Upload {
        content: b"Parking is free.".to_vec(),
        ..Upload::default()
    };
    let batch = app.app.add_documents(&admin, "book", vec![upload]).await;
    let public = batch.unwrap().documents[0].0.clone();
    BTreeMap::from([("public".to_owned(), public)])
}

#[tokio::test]
async fn each_surface_says_each_failure_in_its_own_words() {
    let table = table();
    let mut wrong = 0;
    for failure in FAILURES {
        // A model that fails too often is left alone: each surface has its own.
        let each = if failure.starts_with("model_") {
            1
        } else {
            table.len()
        };
        let cells: Vec<_> = table.iter().collect();
        for surfaces in cells.chunks(each) {
            let (app, switch, _model) = failing(failure).await;
            let known = documents(&app, failure).await;
            match failure {
                "rate_limited" => {
                    let body = json!({"message": "vault?"});
                    let (status, body) = app.ask(json_request("ada", "POST /v1/chat", &body)).await;
                    assert!(status.is_success(), "{body}");
                }
                "retrieval_down" => switch.set(Fate::Fails),
                _ => {}
            }
            for (surface, cells) in surfaces {
                let place = format!("{surface}: {failure}");
                // All that is wrong is told at once, each where it panics.
                let said = AssertUnwindSafe(step(&app, &cells[failure], known.clone(), &place));
                wrong += usize::from(said.catch_unwind().await.is_err());
            }
        }
    }
    assert_eq!(wrong, 0, "cells are wrong");
}
