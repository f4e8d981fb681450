//! The canonical surface, through the whole router.

use std::{
    fs,
    path::{Path, PathBuf},
};

use axum::{body::Body, http::StatusCode};
use tower::ServiceExt;

use crate::support::{
    Parts, TestApp, TestHome,
    halting::{Fate, HaltingIndex, Switch},
    json_request, plain_request, read, scenario,
};

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scenarios/v1");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 8, "the scenarios of v1 are gone");
    files
}

#[tokio::test]
async fn scenarios_on_sqlite() {
    for file in scenarios() {
        scenario::run(&file, TestHome::sqlite()).await;
    }
}

#[tokio::test]
async fn scenarios_on_postgres() {
    for file in scenarios() {
        scenario::run(&file, TestHome::postgres().await).await;
    }
}

#[tokio::test]
async fn an_index_out_of_reach_is_said_to_be_and_comes_back() {
    let switch = Switch::new(Fate::Works);
    let inner = switch.clone();
    let parts = Parts {
        around_index: Some(Box::new(|index| {
            std::sync::Arc::new(HaltingIndex {
                inner: index,
                switch: inner,
            })
        })),
        ..Parts::default()
    };
    let app = TestApp::with(TestHome::sqlite(), parts).await;
    switch.set(Fate::Fails);
    let question = serde_json::json!({"message": "what is there?"});
    let search = serde_json::json!({"query": "what is there?"});
    for (line, body) in [
        ("POST /v1/search", &search),
        ("POST /v1/chat", &question),
        ("POST /v1/chat/stream", &question),
    ] {
        let response = app.router.clone().oneshot(json_request("ada", line, body));
        let response = response.await.unwrap();
        assert_eq!(response.headers()["retry-after"], "5");
        let (status, body) = read(response).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body["code"], "search_unavailable");
        assert!(!body.to_string().contains("qdrant.internal"), "{body}");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM conversations").await, 0);
    let (status, ready) = app.ask(plain_request("", "GET /readyz")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready["dependencies"]["vector_index"]["status"], "down");
    assert_eq!(app.ask(plain_request("", "GET /health")).await.0, 200);
    assert_eq!(app.ask(plain_request("", "GET /healthz")).await.0, 200);
    switch.set(Fate::Works);
    let request = json_request("ada", "POST /v1/chat", &question);
    assert_eq!(app.ask(request).await.0, StatusCode::OK);
}

/// The tables go, as they do when somebody restores the wrong backup.
#[tokio::test]
async fn a_database_that_fails_does_not_show_its_cause() {
    let app = TestApp::sqlite().await;
    sqlx::query("DROP TABLE conversations")
        .execute(&app.database.pool)
        .await
        .unwrap();
    let question = serde_json::json!({"message": "what is there?"});
    let asked = json_request("ada", "POST /v1/chat", &question);
    let (status, body) = app.ask(asked).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["code"], "database_unavailable");
    assert!(!body.to_string().contains("conversations"), "{body}");
}

#[tokio::test]
async fn the_route_table_has_each_route_once_and_ids_in_braces() {
    let mut seen = std::collections::BTreeSet::new();
    for route in api_service::http::routes() {
        let (method, path) = (route.method.to_string(), route.path);
        // Two frontends ask there; their bodies tell them apart.
        let is_shared = path == "/api/v1/chat";
        assert!(seen.insert((method, path)) || is_shared, "{path} twice");
        assert!(path.starts_with('/') && !path.contains(':'), "{path}");
    }
    let public = api_service::http::PUBLIC_ROUTES.iter();
    for (method, path) in public.filter(|(_, path)| !path.contains('{')) {
        let app = TestApp::sqlite().await;
        let request = axum::http::Request::builder().method(*method).uri(*path);
        let (status, body) = app.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
    }
}
