//! The OpenAPI document, held against the table of routes, and the pages that
//! show it.

use std::collections::BTreeSet;

use auth_service::http::{WITHOUT_TOKEN, document, table};
use axum::{body::Body, http::Request};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use crate::support::TestApp;

#[tokio::test]
async fn the_document_is_known() {
    let app = TestApp::sqlite().await;
    let mut document = document(&app.app);
    document["info"]["version"] = "0.0.0".into();
    insta::assert_json_snapshot!(document);
}

#[tokio::test]
async fn every_route_is_described_and_nothing_else() {
    let app = TestApp::sqlite().await;
    let document = document(&app.app);
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let route = format!("{} {path}", method.to_uppercase());
            let open = WITHOUT_TOKEN
                .iter()
                .any(|(method, path)| route == format!("{method} {path}"));
            let credentials = operation["security"].as_array();
            let needed = credentials.is_some_and(|ways| ways.iter().all(|way| *way != json!({})));
            assert_eq!(needed, !open, "{route}: {credentials:?}");
            let answered = operation["responses"].as_object().unwrap();
            assert!(
                answered.keys().any(|status| status < &"500".to_owned()),
                "{route}"
            );
            described.insert(route);
        }
    }
    let table: BTreeSet<_> = table()
        .into_iter()
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    assert_eq!(described, table);
}

#[tokio::test]
async fn every_name_in_the_document_is_of_one_thing() {
    let app = TestApp::sqlite().await;
    let document = document(&app.app);
    let mut ids = BTreeSet::new();
    let methods = document["paths"].as_object().unwrap().values();
    for operation in methods.flat_map(|methods| methods.as_object().unwrap().values()) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "two operations are {id}");
    }
    // The generator numbers schemas whose types have one name.
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in schemas.keys() {
        assert!(
            !name.ends_with(|c: char| c.is_ascii_digit()),
            "{name}: rename one of the types by #[schemars(rename)]"
        );
    }
}

#[tokio::test]
async fn the_pages_need_no_other_server() {
    let app = TestApp::sqlite().await;
    for (path, program) in [("/docs", "SwaggerUIBundle("), ("/redoc", "Redoc.init(")] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = app.router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
        let page = answer.into_body().collect().await.unwrap().to_bytes();
        let page = String::from_utf8(page.to_vec()).unwrap();
        assert!(page.contains(program), "{path}");
        assert!(page.contains("openapi.json"), "{path}");
        for foreign in ["<script src", "<link rel=\"stylesheet\" href=\"http"] {
            assert!(!page.contains(foreign), "{path} has {foreign}");
        }
    }
}
