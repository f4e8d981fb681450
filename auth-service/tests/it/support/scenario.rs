//! Scenarios: requests and the whole answers to them, as data.
//!
//! `${name}` in a scenario is what an earlier step captured, or a token of
//! [`super::forge`] as `${forged.name}`, made of the captured `token`. In an
//! expected value `<id>`, `<token>`, `<time>`, `<number>` and `<text>` stand
//! for any such value; a header that is `<absent>` must not be there.

use std::{collections::BTreeMap, fs, path::Path};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Request, StatusCode, request},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value, json};
use service_kit::clock::is_id;
use tower::ServiceExt;

use super::{TestApp, TestDatabase, forge::forge};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[serde(default)]
    settings: BTreeMap<String, String>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    say: String,
    /// Seconds that pass before.
    #[serde(default)]
    wait: i64,
    /// The id of an account that is disabled before.
    disable: Option<String>,
    request: String,
    #[serde(default)]
    send_headers: BTreeMap<String, String>,
    json: Option<Value>,
    text: Option<String>,
    base64: Option<String>,
    /// So many bytes of `a`.
    bytes: Option<usize>,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The whole body.
    body: Option<Value>,
    /// Short for the whole body of a problem with this code.
    problem: Option<String>,
    detail: Option<String>,
    /// Names for JSON pointers into the answer.
    #[serde(default)]
    capture: BTreeMap<String, String>,
}

pub async fn run(file: &Path, home: TestDatabase) {
    let text = fs::read_to_string(file).unwrap();
    let scenario: Scenario = serde_yaml_ng::from_str(&text)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let settings: Vec<(&str, &str)> = scenario
        .settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let app = TestApp::on(home, &settings).await;
    let mut captured = BTreeMap::new();
    for step in &scenario.steps {
        let place = format!("{}: {}", file.display(), step.say);
        walk(&app, step, &mut captured, &place).await;
    }
}

async fn walk(app: &TestApp, step: &Step, captured: &mut BTreeMap<String, String>, place: &str) {
    app.clock.advance(step.wait * 1000);
    if let Some(id) = &step.disable {
        app.disable(&fill(app, captured, id).await).await;
    }
    let request = request(app, step, captured).await;
    let response = app.router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    assert_eq!(parts.status.as_u16(), step.status, "{place}: {body}");
    assert_headers(app, step, captured, &parts.headers, place).await;
    if let Some(expected) = expected_body(step) {
        let expected = fill(app, captured, &expected.to_string()).await;
        let expected: Value = serde_json::from_str(&expected).unwrap();
        assert!(
            matches(&expected, &body),
            "{place}\nexpected {expected:#}\nbut got {body:#}"
        );
    }
    for (name, pointer) in &step.capture {
        let value = body.pointer(pointer).and_then(Value::as_str);
        let value = value.unwrap_or_else(|| panic!("{place}: nothing at {pointer}"));
        captured.insert(name.clone(), value.to_owned());
    }
}

async fn request(app: &TestApp, step: &Step, captured: &BTreeMap<String, String>) -> Request<Body> {
    let (method, path) = step.request.split_once(' ').unwrap();
    let mut request = request::Builder::new().method(method).uri(path);
    let body = match (&step.json, &step.text, &step.base64, step.bytes) {
        (Some(json), ..) => {
            request = request.header("content-type", "application/json");
            fill(app, captured, &json.to_string()).await.into_bytes()
        }
        (_, Some(text), ..) => text.clone().into_bytes(),
        (_, _, Some(base64), _) => STANDARD.decode(base64).unwrap(),
        (_, _, _, Some(bytes)) => vec![b'a'; bytes],
        _ => Vec::new(),
    };
    for (name, value) in &step.send_headers {
        let value = fill(app, captured, value).await;
        request = request.header(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    request.body(Body::from(body)).unwrap()
}

async fn assert_headers(
    app: &TestApp,
    step: &Step,
    captured: &BTreeMap<String, String>,
    headers: &HeaderMap,
    place: &str,
) {
    // A browser's preflight is answered before anything else looks at it.
    let is_preflight = step.request.starts_with("OPTIONS ");
    assert!(
        is_preflight || headers.contains_key("x-request-id"),
        "{place}: no request id"
    );
    for (name, expected) in &step.headers {
        let expected = fill(app, captured, expected).await;
        let value = headers.get(name).map(|value| value.to_str().unwrap());
        let is_right = match expected.as_str() {
            "<absent>" => value.is_none(),
            expected => value == Some(expected),
        };
        assert!(is_right, "{place}: {name} is {value:?}, not {expected}");
    }
    if step.problem.is_some() {
        let kind = headers.get("content-type").unwrap();
        assert_eq!(kind, "application/problem+json", "{place}");
    }
}

fn expected_body(step: &Step) -> Option<Value> {
    let Some(code) = &step.problem else {
        return step.body.clone();
    };
    let title = StatusCode::from_u16(step.status).unwrap();
    Some(json!({
        "type": "about:blank",
        "title": title.canonical_reason().unwrap(),
        "status": step.status,
        "code": code,
        "detail": step.detail.as_deref().unwrap_or("<text>"),
    }))
}

async fn fill(app: &TestApp, captured: &BTreeMap<String, String>, text: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').unwrap();
        filled.push_str(before);
        match name.strip_prefix("forged.") {
            Some(forged) => filled.push_str(&forge(forged, app, &captured["token"]).await),
            None => filled.push_str(&captured[name]),
        }
        rest = after;
    }
    filled + rest
}

fn matches(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            expected.len() == found.len()
                && expected
                    .iter()
                    .all(|(key, value)| found.get(key).is_some_and(|found| matches(value, found)))
        }
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len()
                && expected
                    .iter()
                    .zip(found)
                    .all(|(one, other)| matches(one, other))
        }
        (Value::String(pattern), found) => matches_text(pattern, found),
        (expected, found) => expected == found,
    }
}

fn matches_text(pattern: &str, found: &Value) -> bool {
    let text = found.as_str();
    match pattern {
        "<number>" => found.is_number(),
        "<text>" => text.is_some_and(|text| !text.is_empty()),
        "<id>" => text.is_some_and(is_id),
        "<token>" => text.is_some_and(|text| text.split('.').count() == 3 && text.len() > 100),
        "<time>" => text.is_some_and(|text| text.len() == 24 && text.ends_with('Z')),
        literal => text == Some(literal),
    }
}
