//! Agents: what a key of theirs is for, how pages are told apart, and how many
//! documents a page of resources has.

use auth_service::app::{
    api_keys::{KeyTerms, NewApiKey},
    client::Client,
};
use axum::http::{Request, StatusCode};
use proto::api_key::KeyScope;
use serde_json::{Value, json};

use crate::support::{TestApp, TestHome, accounts::Both, token_of};

async fn post(
    app: &TestApp,
    credentials: &str,
    page: Option<&str>,
    message: &Value,
) -> (StatusCode, Value) {
    let mut request = Request::post("/mcp")
        .header("authorization", format!("Bearer {credentials}"))
        .header("host", "docs.example.com")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream");
    if let Some(page) = page {
        request = request.header("origin", page);
    }
    app.ask(request.body(message.to_string().into()).unwrap())
        .await
}

fn call(tool: &str, arguments: &Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
}

#[tokio::test]
async fn a_key_is_for_the_tools_of_its_scopes() {
    let both = Both::on(TestHome::sqlite()).await;
    let (auth, app) = (&both.auth, &both.app);
    let ada = auth.sign_up("ada").await;
    let new = NewApiKey {
        terms: KeyTerms {
            scopes: Some(vec![KeyScope::Search.as_str().to_owned()]),
            ..KeyTerms::default()
        },
        ..NewApiKey::default()
    };
    let made = auth
        .app
        .make_api_key(&ada.user, new, &Client::default())
        .await;
    let key = made.unwrap().secret;
    let search = call("search", &json!({"query": "vault"}));
    let (status, told) = post(app, &key, None, &search).await;
    assert_eq!(status, StatusCode::OK);
    let results = json!({"results": []});
    assert_eq!(told["result"]["structuredContent"], results, "{told}");
    for (tool, arguments, scope) in [
        ("ask", json!({"question": "vault?"}), "chat"),
        ("fetch", json!({"id": "vault"}), "documents:read"),
    ] {
        let (status, told) = post(app, &key, None, &call(tool, &arguments)).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(told["result"]["isError"], true, "{told}");
        let text = told["result"]["content"][0]["text"].as_str().unwrap();
        let lacks = format!("The API key lacks the scope {scope};");
        assert!(text.starts_with(&lacks), "{text}");
    }
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/list"});
    let (_, told) = post(app, &key, None, &list).await;
    assert_eq!(told["error"]["code"], -32600, "{told}");
    both.ears.cover().await;
}

#[tokio::test]
async fn pages_of_other_origins_are_turned_away() {
    let app = TestApp::sqlite().await;
    let token = token_of("ada");
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    for (page, expected) in [
        (None, StatusCode::OK),
        (Some("https://docs.example.com"), StatusCode::OK),
        (Some("https://evil.example"), StatusCode::FORBIDDEN),
        (Some("null"), StatusCode::FORBIDDEN),
    ] {
        let (status, told) = post(&app, &token, page, &list).await;
        assert_eq!(status, expected, "{page:?}: {told}");
    }
}

#[tokio::test]
async fn resources_come_in_pages() {
    let app = TestApp::sqlite().await;
    for number in 0..53 {
        app.add("ada", &json!({"text": format!("Number {number}.")}))
            .await;
    }
    let token = token_of("ada");
    let mut seen = vec![];
    let mut cursor = Value::Null;
    for size in [50, 3] {
        let mut params = json!({});
        if !cursor.is_null() {
            params["cursor"] = cursor;
        }
        let list = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/list", "params": params});
        let (_, told) = post(&app, &token, None, &list).await;
        let resources = told["result"]["resources"].as_array().unwrap();
        assert_eq!(resources.len(), size, "{told}");
        seen.extend(resources.iter().map(|one| one["uri"].to_string()));
        cursor = told["result"]["nextCursor"].clone();
    }
    assert!(cursor.is_null());
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 53);
}
