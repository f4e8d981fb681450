//! The OpenAPI document, held against the table of routes, and the pages that
//! show it.

use std::collections::BTreeSet;

use api_service::http::{PUBLIC_ROUTES, VISITORS_ROUTES, document, routes};
use axum::{body::Body, http::Request};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use crate::support::TestApp;

const TOKEN_URL: &str = "https://auth.example.com/auth/token";

#[test]
fn the_document_is_known() {
    let mut document = document(TOKEN_URL);
    document["info"]["version"] = "0.0.0".into();
    insta::assert_json_snapshot!(document);
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let document = document(TOKEN_URL);
    let open_routes = [PUBLIC_ROUTES, VISITORS_ROUTES].concat();
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let route = format!("{} {path}", method.to_uppercase());
            let open = open_routes
                .iter()
                .any(|(method, path)| route == format!("{method} {}", path.replace("{*", "{")));
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
    let health = ["/healthz", "/readyz", "/health"].map(|path| format!("GET {path}"));
    let mut table = BTreeSet::from(health);
    for route in routes() {
        let path = route.path.replace("{*", "{");
        table.insert(format!("{} {path}", route.method));
    }
    let missing: Vec<_> = table.difference(&described).collect();
    let help = "make these routes with Route::described, as the README says";
    assert!(missing.is_empty(), "{help}: {missing:#?}");
    assert_eq!(described, table);
}

#[test]
fn every_name_in_the_document_is_of_one_thing() {
    let document = document(TOKEN_URL);
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
