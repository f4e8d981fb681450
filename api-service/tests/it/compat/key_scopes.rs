//! A key that begins as OpenAI's do, asking on protocols that it was not made for.

use auth_service::app::{
    api_keys::{KeyTerms, NewApiKey},
    client::Client,
};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{TestHome, accounts::Both, json_request};

const WORDS: &str = "The API key lacks the scope chat; give it the scope, or use another key.";

/// Questions, and how each protocol refuses them.
fn refusals() -> [(&'static str, Value); 2] {
    let error = json!({"type": "invalid_request_error", "param": null, "code": "missing_scope",
        "message": WORDS});
    [
        ("POST /v1/chat/completions", json!({"error": error})),
        ("POST /v1/ui/chat", WORDS.into()),
    ]
}

#[tokio::test]
async fn a_key_that_was_made_for_something_else_is_refused() {
    let both = Both::on(TestHome::sqlite()).await;
    let ada = both.auth.sign_up("ada").await;
    let new = NewApiKey {
        terms: KeyTerms {
            scopes: Some(vec!["search".to_owned()]),
            ..KeyTerms::default()
        },
        prefix: Some("sk-".to_owned()),
        ..NewApiKey::default()
    };
    let key = both
        .auth
        .app
        .make_api_key(&ada.user, new, &Client::default())
        .await
        .unwrap()
        .secret;
    assert!(key.starts_with("sk-"));
    for (line, refusal) in refusals() {
        let mut request = json_request("", line, &json!({}));
        let bearer = format!("Bearer {key}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        let answer = both.app.ask(request).await;
        assert_eq!(answer, (StatusCode::FORBIDDEN, refusal));
    }
    both.ears.cover().await;
}
