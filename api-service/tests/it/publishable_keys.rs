//! What the pages of others may do with a publishable key, and who reads what.

use api_service::http::{publishable::WIDGET_ROUTES, routes};
use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode, request},
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{TestApp, TestHome, json_request, plain_request, read, request};

const DOCS: &str = "https://docs.example.com";
/// An origin that the key lists with a star, and `ALLOWED_ORIGINS` does not list.
const BELOW: &str = "https://a.example.org";
const KETTLE: &str = "The kettle is red.";

/// Makes a key of Ada's for her private notes, with these terms beside the
/// usual ones; gives it and the id of the one document in them.
async fn adas_key(app: &TestApp, terms: Value) -> (Value, String) {
    let base = json!({"name": "notes"});
    app.ask(json_request("ada", "POST /v1/knowledge-bases", &base))
        .await;
    let notes = json!({"text": KETTLE, "path": "kettle.md", "knowledge_base": "notes"});
    let document = app.add("ada", &notes).await;
    app.work().await;
    let mut body = json!({"name": "Notes", "knowledge_base": "notes",
        "origins": [DOCS, "https://*.example.org"]});
    let terms = terms.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(terms);
    let made = json_request("ada", "POST /v1/publishable-keys", &body);
    let (status, key) = app.ask(made).await;
    assert_eq!(status, StatusCode::CREATED, "{key}");
    (key, document["id"].as_str().unwrap().to_owned())
}

/// Public knowledge, and something of Ada's that is not in her notes.
async fn others(app: &TestApp) {
    let admin = crate::support::caller("admin");
    app.app.public_base(&admin, "book").await.unwrap();
    let public = json!({"text": "The kettle is public.", "knowledge_base": "book"});
    app.add("admin", &public).await;
    app.add("ada", &json!({"text": "The kettle is personal."}))
        .await;
    app.work().await;
}

fn from_page(name: &str, key: &Value, line: &str) -> request::Builder {
    let key = key["key"].as_str().unwrap();
    let asked = request(name, line).header("x-publishable-key", key);
    asked
        .header("origin", DOCS)
        .header("content-type", "application/json")
}

async fn told(app: &TestApp, name: &str, key: &Value, line: &str, body: &Value) -> (u16, Value) {
    let asked = from_page(name, key, line);
    let asked = asked.body(Body::from(body.to_string())).unwrap();
    let (status, body) = app.ask(asked).await;
    (status.as_u16(), body)
}

fn question() -> Value {
    json!({"message": "Which kettle?"})
}

/// What the first event of a stream says under this name.
fn field(stream: &Value, name: &str) -> String {
    let text = stream.as_str().unwrap();
    let (_, rest) = text.split_once(&format!("\"{name}\":\"")).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

async fn walk(app: &TestApp) {
    let (key, document) = adas_key(app, json!({})).await;
    others(app).await;
    let ask = "POST /v1/chat/stream";
    let (status, answer) = told(app, "", &key, ask, &question()).await;
    assert_eq!(status, 200, "{answer}");
    let text = answer.to_string();
    assert!(text.contains("kettle is red"), "{text}");
    assert!(
        !text.contains("public") && !text.contains("personal"),
        "{text}"
    );
    let (conversation, message) = (
        field(&answer, "conversation_id"),
        field(&answer, "message_id"),
    );
    let goes_on = json!({"message": "Which kettle?", "conversation_id": conversation,
        "knowledge_base": "book"});
    let (status, answer) = told(app, "", &key, ask, &goes_on).await;
    assert_eq!(status, 200, "{answer}");
    assert!(
        !answer.to_string().contains("public"),
        "the key's base alone: {answer}"
    );
    let none = json!({});
    for (line, body, wanted) in [
        (format!("GET /v1/conversations/{conversation}"), &none, 200),
        (
            format!("GET /v1/conversations/{conversation}/stream"),
            &none,
            204,
        ),
        (format!("GET /v1/messages/{message}/events"), &none, 200),
        (format!("POST /v1/messages/{message}/stop"), &none, 204),
        (
            format!("PUT /v1/messages/{message}/feedback"),
            &json!({"rating": "up"}),
            204,
        ),
        (
            format!("DELETE /v1/messages/{message}/feedback"),
            &none,
            204,
        ),
        (format!("GET /v1/documents/{document}/chunks"), &none, 403),
    ] {
        let (status, told) = told(app, "", &key, &line, body).await;
        assert_eq!(status, wanted, "{line}: {told}");
    }
    // Neither Ada nor a visitor with another key has the visitor's conversation.
    let line = format!("GET /v1/conversations/{conversation}");
    assert_eq!(app.ask(plain_request("ada", &line)).await.0, 404);
    let other = json!({"name": "Other", "knowledge_base": "notes", "origins": [DOCS]});
    let made = json_request("ada", "POST /v1/publishable-keys", &other);
    let (_, other) = app.ask(made).await;
    assert_eq!(told(app, "", &other, &line, &none).await.0, 404);
    let disable = format!("PATCH /v1/publishable-keys/{}", key["id"].as_str().unwrap());
    let disabled = json_request("ada", &disable, &json!({"enabled": false}));
    assert_eq!(app.ask(disabled).await.0, 200);
    let (status, refused) = told(app, "", &key, ask, &question()).await;
    assert_eq!(
        (status, &refused["code"]),
        (401, &json!("disabled_publishable_key"))
    );
}

#[tokio::test]
async fn a_page_asks_one_knowledge_base_and_nothing_else() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        walk(&TestApp::on(home).await).await;
    }
}

#[tokio::test]
async fn a_key_is_good_for_the_routes_of_widgets_alone() {
    let app = TestApp::sqlite().await;
    let (key, _) = adas_key(&app, json!({})).await;
    let mut walked = 0;
    for route in routes() {
        if route.scope.is_none() {
            continue;
        }
        let id = "018bcfe5-6800-7000-8000-00000000dead";
        let path = route.path.replace("{id}", id).replace("{session_id}", id);
        let line = format!("{} {}", route.method, path.replace("{user_id}", id));
        let listed = WIDGET_ROUTES
            .iter()
            .any(|(method, path)| *method == route.method.as_str() && *path == route.path);
        for name in ["", "ada"] {
            let (status, body) = told(&app, name, &key, &line, &json!({})).await;
            assert_eq!(
                status == 403,
                !listed,
                "{line} by {name:?}: {status} {body}"
            );
            walked += 1;
        }
    }
    assert!(walked >= 80, "only {walked} requests");
}

/// The status and the code of a question with these headers.
async fn asked_with(app: &TestApp, headers: &[(&str, &str)]) -> (u16, String) {
    let mut asked = request("", "POST /v1/chat/stream").header("content-type", "application/json");
    for (name, value) in headers {
        asked = asked.header(*name, *value);
    }
    let asked = asked.body(Body::from(question().to_string())).unwrap();
    let (status, body) = app.ask(asked).await;
    let code = body["code"].as_str().unwrap_or_default();
    (status.as_u16(), code.to_owned())
}

#[tokio::test]
async fn a_key_is_taken_from_its_pages_alone() {
    let app = TestApp::sqlite().await;
    let (key, _) = adas_key(&app, json!({})).await;
    let key = key["key"].as_str().unwrap();
    let unknown = format!("pk_{}", "0".repeat(32));
    let with = |origin: &'static str| vec![("x-publishable-key", key), ("origin", origin)];
    for (headers, status, code) in [
        (with(DOCS), 200, ""),
        (with("https://a.b.example.org"), 200, ""),
        (with("https://example.org"), 403, "origin_not_listed"),
        (
            with("https://docs.example.com.evil.test"),
            403,
            "origin_not_listed",
        ),
        (with("http://docs.example.com"), 403, "origin_not_listed"),
        (with("null"), 403, "origin_not_listed"),
        (vec![("x-publishable-key", key)], 403, "origin_missing"),
        (
            vec![
                ("x-publishable-key", key),
                ("sec-fetch-site", "same-origin"),
            ],
            200,
            "",
        ),
        (
            vec![("x-publishable-key", key), ("sec-fetch-site", "cross-site")],
            403,
            "origin_missing",
        ),
        (
            vec![("x-publishable-key", &unknown), ("origin", DOCS)],
            401,
            "invalid_publishable_key",
        ),
        (
            vec![("x-publishable-key", "key"), ("origin", DOCS)],
            401,
            "invalid_publishable_key",
        ),
        (
            vec![
                ("x-publishable-key", key),
                ("x-publishable-key", key),
                ("origin", DOCS),
            ],
            401,
            "invalid_publishable_key",
        ),
        (vec![("origin", DOCS)], 401, "missing_token"),
    ] {
        let told = asked_with(&app, &headers).await;
        assert_eq!(told, (status, code.to_owned()), "{headers:?}");
    }
}

#[tokio::test]
async fn questions_with_a_key_come_only_so_often() {
    let app = TestApp::sqlite().await;
    let limits = json!({"questions_per_minute": 2, "questions_per_day": 3});
    let (key, _) = adas_key(&app, limits).await;
    let key = key["key"].as_str().unwrap();
    let headers = [("x-publishable-key", key), ("origin", DOCS)];
    let day = 24 * 60 * 60 * 1000;
    for (passes, status, code) in [
        (0, 200, ""),
        (0, 200, ""),
        (0, 429, "too_many_questions"),
        (60_000, 200, ""),
        (60_000, 429, "publishable_key_spent"),
        (day, 200, ""),
    ] {
        app.home.clock.advance(passes);
        let told = asked_with(&app, &headers).await;
        assert_eq!(told, (status, code.to_owned()));
    }
}

#[tokio::test]
async fn a_token_of_the_hosts_goes_before_the_visitor() {
    let app = TestApp::sqlite().await;
    let (key, _) = adas_key(&app, json!({})).await;
    others(&app).await;
    let ask = "POST /v1/chat/stream";
    let (status, answer) = told(&app, "ada", &key, ask, &question()).await;
    assert_eq!(status, 200, "{answer}");
    let text = answer.to_string();
    assert!(text.contains("kettle is red"), "{text}");
    assert!(
        !text.contains("public") && !text.contains("personal"),
        "{text}"
    );
    let line = format!(
        "GET /v1/conversations/{}",
        field(&answer, "conversation_id")
    );
    assert_eq!(app.ask(plain_request("ada", &line)).await.0, 200);
    // A key lets no user in where they may not read.
    let (status, refused) = told(&app, "ben", &key, ask, &question()).await;
    assert_eq!(
        (status, &refused["code"]),
        (404, &json!("knowledge_base_not_found"))
    );
    let expired = from_page("", &key, ask).header("authorization", "Bearer no.token.really");
    let expired = expired.body(Body::from(question().to_string())).unwrap();
    assert_eq!(app.ask(expired).await.0, 401);
}

async fn answered(app: &TestApp, line: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap) {
    let (method, path) = line.split_once(' ').unwrap();
    let mut asked = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        asked = asked.header(*name, *value);
    }
    let asked = asked.body(Body::empty()).unwrap();
    let answer = app.router.clone().oneshot(asked).await.unwrap();
    let headers = answer.headers().clone();
    (read(answer).await.0.as_u16(), headers)
}

#[tokio::test]
async fn pages_that_a_key_lists_read_what_its_routes_answer() {
    let app = TestApp::sqlite().await;
    let (key, _) = adas_key(&app, json!({})).await;
    let asks = ("access-control-request-method", "POST");
    let first = answered(&app, "OPTIONS /v1/chat/stream", &[("origin", BELOW), asks]).await;
    let (status, headers) = first;
    assert_eq!(status, 204);
    for (name, value) in [
        ("access-control-allow-origin", BELOW),
        ("access-control-allow-methods", "POST"),
        (
            "access-control-allow-headers",
            "authorization, content-type, last-event-id, x-publishable-key",
        ),
        ("vary", "origin"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    assert!(!headers.contains_key("access-control-allow-credentials"));
    let reads = async |line: &str, origin: &str| {
        let (_, headers) = answered(&app, line, &[("origin", origin)]).await;
        headers.get("access-control-allow-origin").cloned()
    };
    assert_eq!(
        reads("GET /v1/conversations/some-id", BELOW).await.unwrap(),
        BELOW
    );
    for (line, origin) in [
        ("GET /v1/conversations/some-id", "https://evil.test"),
        ("GET /v1/conversations", BELOW),
        ("GET /v1/documents", BELOW),
        ("OPTIONS /v1/documents", BELOW),
    ] {
        assert_eq!(reads(line, origin).await, None, "{line} from {origin}");
    }
    let delete = format!(
        "DELETE /v1/publishable-keys/{}",
        key["id"].as_str().unwrap()
    );
    app.ask(plain_request("ada", &delete)).await;
    assert_eq!(reads("GET /v1/conversations/some-id", BELOW).await, None);
}

#[tokio::test]
async fn the_widgets_page_shows_itself_to_the_keys_pages() {
    let app = TestApp::sqlite().await;
    let (key, _) = adas_key(&app, json!({})).await;
    let path = format!("GET /embed?key={}&label=Ask", key["key"].as_str().unwrap());
    let (status, headers) = answered(&app, &path, &[]).await;
    assert_eq!(
        (status, &headers["content-type"]),
        (200, &"text/html; charset=utf-8".parse().unwrap())
    );
    assert_eq!(
        headers["content-security-policy"],
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors https://docs.example.com https://*.example.org; \
         require-trusted-types-for 'script'; trusted-types dompurify"
    );
    for query in ["", "?key=", "?key=pk_00000000000000000000000000000000"] {
        let (status, headers) = answered(&app, &format!("GET /embed{query}"), &[]).await;
        assert_eq!(status, 200, "{query}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none';"), "{policy}");
    }
    let (status, headers) = answered(&app, "GET /widget.js", &[]).await;
    assert_eq!(
        (status, &headers["access-control-allow-origin"]),
        (200, &"*".parse().unwrap())
    );
    let tag = headers["etag"].to_str().unwrap().to_owned();
    let again = answered(&app, "GET /widget.js", &[("if-none-match", &tag)]).await;
    assert_eq!(again.0, 304);
}
