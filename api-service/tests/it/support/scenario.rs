//! Scenarios: requests and the whole answers to them, as data.
//!
//! `${name}` in a scenario is what an earlier step captured, a token of
//! [`super::forge`] as `${forged.name}`, or so many letters as `${long.9}`. In
//! an expected value `<id>`, `<number>`, `<score>` and `<text>` stand for any
//! such value, and `<text>…` for a text with this end; a header that is `<absent>` must not be there. The body of an
//! event stream is the list of its events.

use std::{collections::BTreeMap, fs, path::Path};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Request, StatusCode, header::CONTENT_TYPE},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value, json};
use service_kit::clock::is_id;
use tower::ServiceExt;

use super::{TestApp, TestHome, forge::forge, request};

/// What stands between the parts of a form.
const BOUNDARY: &str = "----a-boundary";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    steps: Vec<Step>,
}

/// A request and the whole answer to it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    #[serde(default)]
    say: String,
    /// Whether the worker does what is to be done before.
    #[serde(default)]
    work: bool,
    /// Seconds that pass before.
    #[serde(default)]
    wait: i64,
    request: String,
    /// Whose token is sent; nobody's where it is missing.
    #[serde(default)]
    by: String,
    #[serde(default)]
    send_headers: BTreeMap<String, String>,
    json: Option<Value>,
    text: Option<String>,
    base64: Option<String>,
    /// So many bytes of `a`.
    bytes: Option<usize>,
    form: Option<Vec<Part>>,
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
    /// How many rows tables have afterwards.
    #[serde(default)]
    rows: BTreeMap<String, i64>,
}

/// A part of a form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    name: String,
    file: Option<String>,
    r#type: Option<String>,
    text: Option<String>,
    base64: Option<String>,
    /// So many bytes of `a`.
    bytes: Option<usize>,
}

pub async fn run(file: &Path, home: TestHome) {
    let text = fs::read_to_string(file).unwrap();
    let scenario: Scenario = serde_yaml_ng::from_str(&text)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let app = TestApp::on(home).await;
    let mut captured = BTreeMap::new();
    for step in &scenario.steps {
        let place = format!("{}: {}", file.display(), step.say);
        walk(&app, step, &mut captured, &place).await;
    }
}

/// Does one step by itself, where this is known.
pub async fn step(app: &TestApp, step: &Step, mut known: BTreeMap<String, String>, place: &str) {
    walk(app, step, &mut known, place).await;
}

async fn walk(app: &TestApp, step: &Step, captured: &mut BTreeMap<String, String>, place: &str) {
    if step.work {
        app.work().await;
    }
    app.home.clock.advance(step.wait * 1000);
    let asked = asked(step, captured);
    let response = app.router.clone().oneshot(asked).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = read(&parts.headers, &bytes);
    assert_eq!(parts.status.as_u16(), step.status, "{place}: {body}");
    assert_headers(step, captured, &parts.headers, place);
    if let Some(expected) = expected_body(step) {
        let expected = fill(captured, &expected.to_string());
        let expected: Value = serde_json::from_str(&expected).unwrap();
        assert!(
            matches(&expected, &body),
            "{place}\nexpected {expected:#}\nbut got {body:#}"
        );
    }
    for (name, pointer) in &step.capture {
        let value = body.pointer(pointer).and_then(Value::as_str);
        let value = value.unwrap_or_else(|| panic!("{place}: no text at {pointer} in {body:#}"));
        captured.insert(name.clone(), value.to_owned());
    }
    for (table, expected) in &step.rows {
        let query = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        let counted = sqlx::query_as(query).fetch_one(&app.database.pool).await;
        let (found,): (i64,) = counted.unwrap();
        assert_eq!(found, *expected, "{place}: rows of {table}");
    }
}

fn asked(step: &Step, captured: &BTreeMap<String, String>) -> Request<Body> {
    let mut request = request(&step.by, &fill(captured, &step.request));
    let body = match (step, &step.form) {
        (_, Some(parts)) => {
            let kind = format!("multipart/form-data; boundary={BOUNDARY}");
            request = request.header(CONTENT_TYPE, kind);
            form(parts, captured)
        }
        (step, _) => {
            if step.json.is_some() {
                request = request.header(CONTENT_TYPE, "application/json");
            }
            let (json, text) = (step.json.as_ref().map(Value::to_string), step.text.clone());
            let text = json.or(text).map(|text| fill(captured, &text));
            content(text, step.base64.as_deref(), step.bytes)
        }
    };
    for (name, value) in &step.send_headers {
        let value = fill(captured, value);
        request = request.header(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    request.body(Body::from(body)).unwrap()
}

fn content(text: Option<String>, base64: Option<&str>, bytes: Option<usize>) -> Vec<u8> {
    match (text, base64, bytes) {
        (Some(text), ..) => text.into_bytes(),
        (_, Some(base64), _) => STANDARD.decode(base64).unwrap(),
        (.., Some(bytes)) => vec![b'a'; bytes],
        _ => vec![],
    }
}

fn form(parts: &[Part], captured: &BTreeMap<String, String>) -> Vec<u8> {
    let mut body = vec![];
    for part in parts {
        let file = part.file.as_ref();
        let file = file.map_or(String::new(), |file| format!("; filename=\"{file}\""));
        let kind = part.r#type.as_ref();
        let kind = kind.map_or(String::new(), |kind| format!("content-type: {kind}\r\n"));
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{}\"{file}\r\n{kind}\r\n",
            part.name
        );
        body.extend(head.into_bytes());
        let text = part.text.as_ref().map(|text| fill(captured, text));
        body.extend(content(text, part.base64.as_deref(), part.bytes));
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
    body
}

fn read(headers: &HeaderMap, bytes: &[u8]) -> Value {
    let text = String::from_utf8_lossy(bytes);
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if kind.is_some_and(|kind| kind.starts_with(b"text/event-stream")) {
        return Value::Array(text.split("\n\n").filter_map(event).collect());
    }
    serde_json::from_slice(bytes).unwrap_or_else(|_| Value::String(text.into_owned()))
}

/// An event of a stream, as its name and its data, or as its data alone where it
/// has no name; comments are none.
pub fn event(text: &str) -> Option<Value> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let data = field("data: ")?;
    let data = serde_json::from_str(data).unwrap_or_else(|_| Value::String(data.to_owned()));
    match field("event: ") {
        Some(name) => Some(json!({"event": name, "data": data})),
        None => Some(data),
    }
}

fn assert_headers(
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
        let expected = fill(captured, expected);
        let value = headers.get(name).map(|value| value.to_str().unwrap());
        let is_right = match expected.as_str() {
            "<absent>" => value.is_none(),
            expected => value == Some(expected),
        };
        assert!(is_right, "{place}: {name} is {value:?}, not {expected}");
    }
    if step.problem.is_some() {
        let kind = headers.get(CONTENT_TYPE).unwrap();
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

fn fill(captured: &BTreeMap<String, String>, text: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').unwrap();
        filled.push_str(before);
        match name.split_once('.') {
            Some(("forged", forged)) => filled.push_str(&forge(forged)),
            Some(("long", letters)) => filled.push_str(&"é".repeat(letters.parse().unwrap())),
            _ => filled.push_str(&captured[name]),
        }
        rest = after;
    }
    filled + rest
}

fn matches(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let same = |(key, value): (&String, &Value)| {
                found.get(key).is_some_and(|found| matches(value, found))
            };
            expected.len() == found.len() && expected.iter().all(same)
        }
        (Value::Array(expected), Value::Array(found)) => {
            let mut pairs = expected.iter().zip(found);
            expected.len() == found.len() && pairs.all(|(one, other)| matches(one, other))
        }
        (Value::String(pattern), found) => matches_text(pattern, found),
        (expected, found) => expected == found,
    }
}

fn matches_text(pattern: &str, found: &Value) -> bool {
    let text = found.as_str();
    match pattern {
        "<number>" => found.is_number(),
        "<score>" => found
            .as_f64()
            .is_some_and(|score| score > 0.0 && score <= 1.0),
        "<text>" => text.is_some_and(|text| !text.is_empty()),
        "<id>" => text.is_some_and(is_id),
        literal => match literal.strip_prefix("<text>") {
            Some(end) => text.is_some_and(|text| text.len() > end.len() && text.ends_with(end)),
            None => text == Some(literal),
        },
    }
}
