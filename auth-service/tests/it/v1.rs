//! The canonical surface, through the whole router.

use std::collections::BTreeSet;

use auth_service::http::{WITHOUT_TOKEN, table};
use axum::{body::Body, http::Request};

use crate::support::{TestApp, scenario};

#[tokio::test]
async fn scenarios_on_sqlite() {
    scenario::run_all("v1", false).await;
}

#[tokio::test]
async fn scenarios_on_postgres() {
    scenario::run_all("v1", true).await;
}

#[tokio::test]
async fn every_route_needs_a_token_unless_it_is_listed() {
    let app = TestApp::sqlite().await;
    let open: BTreeSet<(&str, &str)> = WITHOUT_TOKEN.iter().copied().collect();
    let mut walked = BTreeSet::new();
    for (method, path) in table() {
        let request = Request::builder().method(method.clone()).uri(path);
        let (status, body) = app.ask(request.body(Body::empty()).unwrap()).await;
        let is_unknown = if path.starts_with("/api/auth/") {
            matches!(
                body["code"].as_str(),
                Some("UNAUTHORIZED" | "UNAUTHORIZED_SESSION")
            )
        } else if path.starts_with("/auth/") || path.starts_with("/api/v1/") {
            body["detail"] == "Not authenticated"
        } else {
            // Introspection speaks OAuth's words and wants the service token.
            body["code"] == "missing_token" || body["error"] == "invalid_client"
        };
        let refused = status == 401 && is_unknown;
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
