//! People who have not signed in: where they are answered, from what, how
//! often, and who sees what they asked.

use std::num::NonZeroU32;

use api_service::app::rates::QuestionRates;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Parts, TestApp, TestHome, json_request, plain_request};

async fn chat(app: &TestApp, name: &str) -> (StatusCode, Value) {
    let body = json!({"query": "When does the vault open?"});
    app.ask(json_request(name, "POST /chat", &body)).await
}

#[tokio::test]
async fn visitors_are_answered_from_public_knowledge_alone() {
    let app = TestApp::sqlite().await;
    app.add("ada", &json!({"text": "The vault opens at nine."}))
        .await;
    app.work().await;
    let (status, answer) = chat(&app, "").await;
    assert_eq!((status, &answer["sources"]), (StatusCode::OK, &json!([])));
    let documents = json!({"documents": [
        {"title": "Vault", "path": "vault.md", "content": "The vault opens at ten."}
    ]});
    let (status, queued) = app
        .ask(json_request("admin", "POST /ingest", &documents))
        .await;
    assert_eq!(status, StatusCode::ACCEPTED, "{queued}");
    app.work().await;
    let (_, answer) = chat(&app, "").await;
    let paths: Vec<_> = answer["sources"].as_array().unwrap().iter().collect();
    assert_eq!(paths.len(), 1, "{answer}");
    assert_eq!(paths[0]["path"], "vault.md");
}

#[tokio::test]
async fn visitors_may_be_turned_away() {
    let parts = Parts {
        members_only: true,
        ..Parts::default()
    };
    let app = TestApp::with(TestHome::sqlite(), parts).await;
    let (status, body) = chat(&app, "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(body, json!({"detail": "Not authenticated"}));
    assert_eq!(chat(&app, "ada").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_token_that_does_not_hold_is_not_taken_for_none() {
    let app = TestApp::sqlite().await;
    let mut request = json_request("", "POST /chat", &json!({"query": "vault?"}));
    let token = "Bearer no.token.really".parse().unwrap();
    request.headers_mut().insert("authorization", token);
    let (status, body) = app.ask(request).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(body, json!({"detail": "Could not validate credentials"}));
}

#[tokio::test]
async fn questions_come_only_so_often() {
    let parts = Parts {
        rates: QuestionRates {
            visitors: NonZeroU32::new(2),
            users: NonZeroU32::new(3),
        },
        ..Parts::default()
    };
    let app = TestApp::with(TestHome::sqlite(), parts).await;
    for (name, times) in [("", 2), ("ada", 3), ("bob", 3)] {
        for _ in 0..times {
            assert_eq!(chat(&app, name).await.0, StatusCode::OK);
        }
        let (status, body) = chat(&app, name).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
        let wait = 60 / times;
        let detail = format!("You ask too often; ask again in {wait} s.");
        assert_eq!(body, json!({"detail": detail}));
    }
    app.home.clock.advance(30_000);
    assert_eq!(chat(&app, "").await.0, StatusCode::OK);
    assert_eq!(chat(&app, "").await.0, StatusCode::TOO_MANY_REQUESTS);
    let (status, _) = app.ask(plain_request("ada", "GET /v1/documents")).await;
    assert_eq!(status, StatusCode::OK, "only questions are counted");
}

#[tokio::test]
async fn what_visitors_asked_is_forgotten_after_a_week() {
    let app = TestApp::sqlite().await;
    for name in ["", "ada"] {
        assert_eq!(chat(&app, name).await.0, StatusCode::OK);
    }
    let week = 7 * 24 * 60 * 60 * 1000;
    for (passes, left) in [(week, 2), (1, 1)] {
        app.home.clock.advance(passes);
        app.app.tidy_up_answers().await;
        let count = app.count("SELECT COUNT(*) FROM conversations").await;
        assert_eq!(count, left);
    }
}
