//! The canonical surface, through the whole router.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use auth_service::http::{WITHOUT_TOKEN, table};
use axum::{body::Body, http::Request};

use crate::support::{TestApp, TestDatabase, scenario};

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scenarios/v1");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 7, "the scenarios of v1 are gone");
    files
}

#[tokio::test]
async fn scenarios_on_sqlite() {
    for file in scenarios() {
        scenario::run(&file, TestDatabase::sqlite()).await;
    }
}

#[tokio::test]
async fn scenarios_on_postgres() {
    for file in scenarios() {
        scenario::run(&file, TestDatabase::postgres().await).await;
    }
}

#[tokio::test]
async fn every_route_needs_a_token_unless_it_is_listed() {
    let app = TestApp::sqlite().await;
    let open: BTreeSet<(&str, &str)> = WITHOUT_TOKEN.iter().copied().collect();
    let mut walked = BTreeSet::new();
    for (method, path) in table() {
        let request = Request::builder().method(method.clone()).uri(path);
        let (status, body) = app.ask(request.body(Body::empty()).unwrap()).await;
        let refused = status == 401 && body["code"] == "missing_token";
        let listed = open.iter().find(|route| **route == (method.as_str(), path));
        assert_eq!(
            refused,
            listed.is_none(),
            "{method} {path}: {status} {body}"
        );
        walked.extend(listed);
    }
    assert_eq!(walked, open, "the list names routes that are gone");
}
