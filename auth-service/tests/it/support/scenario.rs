//! Scenarios: requests and the whole answers to them, as data.
//!
//! `${name}` in a scenario is what an earlier step captured, or a token of
//! [`super::forge`] as `${forged.name}`, made of the captured `token`. In an
//! expected value `<id>`, `<token>`, `<api key>`, `<letters>`, `<signed>`, `<time>`,
//! `<number>` and `<text>` stand for any such value; a header that is
//! `<absent>` must not be there. An answer sets the cookies that its step names
//! and no others.

use std::{collections::BTreeMap, fs, path::Path};

use cookie::Cookie;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Request, StatusCode, request},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http_body_util::BodyExt;
use proto::api_key::is_api_key;
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
    /// What every request sends, unless its step says otherwise; `<absent>` is
    /// not sent.
    #[serde(default)]
    send_headers: BTreeMap<String, String>,
    steps: Vec<Step>,
}

/// A request and the whole answer to it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    #[serde(default)]
    say: String,
    /// Seconds that pass before.
    #[serde(default)]
    wait: i64,
    /// The id of an account that is disabled before.
    disable: Option<String>,
    /// The id of an account that is made an administrator before.
    promote: Option<String>,
    request: String,
    #[serde(default)]
    send_headers: BTreeMap<String, String>,
    json: Option<Value>,
    text: Option<String>,
    /// The fields of a form, as they are sent.
    form: Option<String>,
    base64: Option<String>,
    /// So many bytes of `a`.
    bytes: Option<usize>,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Every cookie that is set: its value, then its attributes by name.
    #[serde(default)]
    cookies: BTreeMap<String, String>,
    /// The whole body.
    body: Option<Value>,
    /// Short for the whole body of a problem with this code.
    problem: Option<String>,
    detail: Option<String>,
    /// Names for JSON pointers into the answer.
    #[serde(default)]
    capture: BTreeMap<String, String>,
    /// Names for headers of the answer.
    #[serde(default)]
    capture_headers: BTreeMap<String, String>,
    /// Names for cookies of the answer, as a request sends them.
    #[serde(default)]
    capture_cookies: BTreeMap<String, String>,
    /// How many mails were sent by then.
    mails: Option<usize>,
    /// The whole newest mail.
    mail: Option<Value>,
    /// Names for JSON pointers into the newest mail.
    #[serde(default)]
    capture_mail: BTreeMap<String, String>,
}

/// Every scenario of a surface, in the folder of its name.
pub async fn run_all(surface: &str, postgres: bool) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scenarios");
    let files = fs::read_dir(folder.join(surface)).unwrap();
    let mut files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let home = if postgres {
            TestDatabase::postgres().await
        } else {
            TestDatabase::sqlite()
        };
        run(&file, home).await;
    }
}

async fn run(file: &Path, home: TestDatabase) {
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
    for mut step in scenario.steps {
        for (name, value) in &scenario.send_headers {
            let sent = step.send_headers.entry(name.clone());
            sent.or_insert_with(|| value.clone());
        }
        let place = format!("{}: {}", file.display(), step.say);
        walk(&app, &step, &mut captured, &place).await;
    }
}

/// Does one step by itself, where this is known.
pub async fn step(app: &TestApp, step: &Step, mut known: BTreeMap<String, String>, place: &str) {
    walk(app, step, &mut known, place).await;
}

async fn walk(app: &TestApp, step: &Step, captured: &mut BTreeMap<String, String>, place: &str) {
    app.clock.advance(step.wait * 1000);
    if let Some(id) = &step.disable {
        app.disable(&fill(app, captured, id).await).await;
    }
    if let Some(id) = &step.promote {
        app.promote(&fill(app, captured, id).await).await;
    }
    let request = request(app, step, captured).await;
    let response = app.router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    assert_eq!(parts.status.as_u16(), step.status, "{place}: {body}");
    assert_headers(app, step, captured, &parts.headers, place).await;
    let cookies = cookies(&parts.headers);
    assert_cookies(step, &cookies, place);
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
    for (name, header) in &step.capture_headers {
        let value = parts.headers[header].to_str().unwrap();
        captured.insert(name.clone(), value.to_owned());
    }
    for (name, cookie) in &step.capture_cookies {
        let cookie = cookies.iter().find(|set| set.name() == cookie).unwrap();
        captured.insert(name.clone(), cookie.stripped().to_string());
    }
    look_at_mails(app, step, captured, place).await;
}

async fn look_at_mails(
    app: &TestApp,
    step: &Step,
    captured: &mut BTreeMap<String, String>,
    place: &str,
) {
    let mails = app.mails().await;
    if let Some(expected) = step.mails {
        assert_eq!(mails.len(), expected, "{place}: {mails:#?}");
    }
    let newest = mails.last().unwrap_or(&Value::Null);
    for (name, pointer) in &step.capture_mail {
        let value = newest.pointer(pointer).and_then(Value::as_str).unwrap();
        captured.insert(name.clone(), value.to_owned());
    }
    if let Some(expected) = &step.mail {
        let expected = fill(app, captured, &expected.to_string()).await;
        let expected: Value = serde_json::from_str(&expected).unwrap();
        assert!(
            matches(&expected, newest),
            "{place}\nexpected {expected:#}\nbut got {newest:#}"
        );
    }
}

fn cookies(headers: &HeaderMap) -> Vec<Cookie<'static>> {
    let set = headers.get_all("set-cookie").iter();
    set.map(|cookie| Cookie::parse(cookie.to_str().unwrap().to_owned()).unwrap())
        .collect()
}

fn assert_cookies(step: &Step, cookies: &[Cookie<'static>], place: &str) {
    let names: Vec<&str> = cookies.iter().map(Cookie::name).collect();
    assert_eq!(names.len(), step.cookies.len(), "{place}: {names:?}");
    for (name, expected) in &step.cookies {
        let cookie = cookies.iter().find(|cookie| cookie.name() == name);
        let text = cookie.map(ToString::to_string).unwrap_or_default();
        let mut parts: Vec<&str> = text.split("; ").collect();
        parts[1..].sort_unstable();
        let (value, attributes) = expected.split_once("; ").unwrap();
        let set = parts[0].split_once('=').map_or("", |(_, value)| value);
        let is_right = matches_text(value, &json!(set)) && parts[1..].join("; ") == attributes;
        assert!(is_right, "{place}: {name} is {parts:?}, not {expected}");
    }
}

async fn request(app: &TestApp, step: &Step, captured: &BTreeMap<String, String>) -> Request<Body> {
    let line = fill(app, captured, &step.request).await;
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = request::Builder::new().method(method).uri(path);
    let body = match (&step.json, &step.text, &step.base64, step.bytes) {
        _ if step.form.is_some() => {
            let form = step.form.as_deref().unwrap_or_default();
            request = request.header("content-type", "application/x-www-form-urlencoded");
            fill(app, captured, form).await.into_bytes()
        }
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
        if value == "<absent>" {
            continue;
        }
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
            expected => value.is_some_and(|value| matches_text(expected, &json!(value))),
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
        "<letters>" => text.is_some_and(is_random),
        // A random text, a dot, and a signature in percent-encoded base64.
        "<signed>" => text
            .and_then(|text| text.split_once('.'))
            .is_some_and(|(random, signature)| is_random(random) && signature.ends_with("%3D")),
        "<api key>" => text.is_some_and(is_api_key),
        "<time>" => text.is_some_and(|text| text.len() == 24 && text.ends_with('Z')),
        literal => text == Some(literal),
    }
}

fn is_random(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
