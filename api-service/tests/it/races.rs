//! Readers beside those who write: what they find is one version, and whole.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::{
    ingest::long_document,
    support::{TestApp, TestHome, json_request, plain_request},
};

const PARTS: usize = 6;

fn version(number: usize) -> String {
    let part = |part| format!("## Part {part}\n\nThe lamp glows in version {number}.\n\n");
    (0..PARTS).map(part).collect()
}

/// The versions of the passages that are found, each once.
async fn versions(app: &TestApp) -> Vec<String> {
    let texts = app.find("ada", "which version of the lamp glows").await;
    let number = |text: &String| {
        text.split("version ")
            .nth(1)
            .map(|rest| rest[..1].to_owned())
    };
    let mut numbers: Vec<String> = texts.iter().filter_map(number).collect();
    numbers.dedup();
    numbers
}

#[tokio::test]
async fn readers_find_one_version_at_any_moment() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = TestApp::on(home).await;
        let put = async |number: usize| {
            let body = json!({"text": version(number), "external_id": "lamp"});
            app.add("ada", &body).await;
            app.work().await;
        };
        put(0).await;
        let over = AtomicBool::new(false);
        let write = async {
            for number in 1..8 {
                put(number).await;
            }
            over.store(true, Ordering::Relaxed);
        };
        let read = async || {
            while !over.load(Ordering::Relaxed) {
                let found = versions(&app).await;
                assert_eq!(found.len(), 1, "{found:?}");
            }
        };
        futures::join!(write, read(), read());
        assert_eq!(versions(&app).await, ["7"]);
    }
}

/// Its points are still there, and would take all places.
#[tokio::test]
async fn what_was_deleted_hides_nothing() {
    let app = TestApp::sqlite().await;
    app.add("ada", &json!({"text": "The frame of the door is red."}))
        .await;
    let long = json!({"text": long_document(40, None)});
    let long = app.add("ada", &long).await;
    app.work().await;
    let search = json!({"query": "sensors mounted on the frame", "limit": 1});
    let find = async || {
        let (_, found) = app
            .ask(json_request("ada", "POST /v1/search", &search))
            .await;
        found["results"][0]["text"].clone()
    };
    assert!(find().await.to_string().contains("sensors"));
    let delete = format!("DELETE /v1/documents/{}", long["id"].as_str().unwrap());
    assert_eq!(app.ask(plain_request("ada", &delete)).await.0, 204);
    assert_eq!(find().await, "The frame of the door is red.");
}
