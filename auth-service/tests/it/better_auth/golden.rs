//! What was recorded of the real Better Auth, and whether an answer is like it.

use std::{collections::BTreeMap, fs, path::PathBuf};

use axum::http::{HeaderMap, StatusCode};
use cookie::Cookie;
use serde::Deserialize;
use serde_json::Value;

use super::transcripts::{self, Transcript};

/// One file: requests that were sent in this order, with their answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flow {
    #[serde(rename = "flow")]
    pub name: String,
    #[serde(default)]
    pub server_env: BTreeMap<String, String>,
    pub exchanges: Vec<Exchange>,
    /// Calls of curl, in the place of exchanges.
    #[serde(default)]
    curl: Vec<Transcript>,
}

#[derive(Deserialize)]
pub struct Exchange {
    pub name: String,
    pub request: Request,
    pub response: Response,
}

#[derive(Deserialize)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    #[serde(default)]
    pub set_cookie: Vec<SetCookie>,
    #[serde(default)]
    pub body: Value,
    body_shape: Option<Value>,
}

#[derive(Deserialize)]
pub struct SetCookie {
    pub name: String,
    pub value: String,
    attrs: BTreeMap<String, Value>,
}

/// An answer of ours.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

/// The headers that an answer has where the recorded one has them, and only
/// there.
const TELLING: [&str; 5] = [
    "location",
    "set-auth-token",
    "set-auth-jwt",
    "content-type",
    "x-retry-after",
];

/// The headers that an answer has where the recorded one has them.
const KEPT: [&str; 2] = ["cache-control", "pragma"];

/// Every flow that was recorded; nothing where the recordings are not at hand.
pub fn flows() -> Option<Vec<Flow>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .ok()?
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
        .collect();
    files.sort();
    let read = |path: PathBuf| -> Flow {
        let text = fs::read_to_string(&path).unwrap();
        let flow = serde_json::from_str(&text);
        let mut flow: Flow = flow.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        flow.exchanges.extend(transcripts::exchanges(&flow.curl));
        flow
    };
    Some(files.into_iter().map(read).collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the tests says where the recordings are"
)]
fn folder() -> PathBuf {
    let beside = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/golden-better-auth"
    );
    std::env::var("GOLDEN_BETTER_AUTH").map_or_else(|_| beside.into(), PathBuf::from)
}

impl Response {
    /// What is not alike in `answer`, in words; `ours` turns recorded values
    /// into those of this run.
    pub fn unlike(&self, answer: &Answer, ours: impl Fn(&str) -> String) -> Vec<String> {
        let mut unlike = Vec::new();
        if answer.status.as_u16() != self.status {
            unlike.push(format!("status {}, not {}", answer.status, self.status));
        }
        for name in TELLING.into_iter().chain(KEPT) {
            let found = answer
                .headers
                .get(name)
                .map(|value| value.to_str().unwrap());
            let recorded = self.headers.iter().find(|(other, _)| other == name);
            let recorded = recorded.map(|(_, value)| value.as_str());
            let is_like = match (recorded, found) {
                (None, None) => true,
                (None, Some(_)) => {
                    KEPT.contains(&name) || (name, self.status) == ("content-type", 302)
                }
                (Some(_), Some(_)) if name.starts_with("set-auth") || name == "x-retry-after" => {
                    true
                }
                (Some(recorded), Some(found)) => ours(recorded) == found,
                (Some(_), None) => (name, self.status) == ("content-type", 302),
            };
            if !is_like {
                unlike.push(format!("{name} is {found:?}, not {recorded:?}"));
            }
        }
        let found = cookies(&answer.headers);
        let recorded = self.set_cookie.iter().map(SetCookie::described);
        let mut recorded: Vec<String> = recorded.collect();
        recorded.sort();
        if found != recorded {
            unlike.push(format!("cookies {found:?}, not {recorded:?}"));
        }
        let shape = self.body_shape.as_ref().unwrap_or(&self.body);
        if !(is_like(shape, &answer.body, &ours) || is_nothing(shape) && is_nothing(&answer.body)) {
            unlike.push(format!("body {}, not {shape}", answer.body));
        }
        unlike
    }
}

impl SetCookie {
    fn described(&self) -> String {
        let attributes = self.attrs.iter().map(|(name, value)| match value {
            Value::String(text) => format!("{name}={text}"),
            _ => name.clone(),
        });
        let mut attributes: Vec<String> = attributes.collect();
        attributes.sort();
        described(&self.name, self.value.is_empty(), &attributes)
    }
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let set = headers.get_all("set-cookie").iter();
    let mut cookies: Vec<String> = set
        .map(|text| {
            let text = text.to_str().unwrap();
            let cookie = Cookie::parse(text).unwrap();
            let mut attributes: Vec<String> = text.split("; ").skip(1).map(str::to_owned).collect();
            attributes.sort();
            described(cookie.name(), cookie.value().is_empty(), &attributes)
        })
        .collect();
    cookies.sort();
    cookies
}

fn described(name: &str, is_empty: bool, attributes: &[String]) -> String {
    let value = if is_empty { "" } else { "…" };
    format!("{name}={value}; {}", attributes.join("; "))
}

fn is_nothing(body: &Value) -> bool {
    body.is_null() || body == ""
}

/// The fields that are any value: of public keys, of id tokens, and the first
/// letters of API keys.
const ANY: [&str; 4] = ["x", "iat", "exp", "start"];

/// Whether `found` has the shape. What Better Auth leaves to the database is
/// any such value: ids, tokens, keys and times.
fn is_like(shape: &Value, found: &Value, ours: &impl Fn(&str) -> String) -> bool {
    match (shape, found) {
        (Value::Object(shape), Value::Object(found)) => {
            shape.len() == found.len()
                && shape.iter().all(|(name, shape)| {
                    let found = found.get(name);
                    found.is_some_and(|found| {
                        ANY.contains(&name.as_str()) || is_like(shape, found, ours)
                    })
                })
        }
        (Value::Array(shape), Value::Array(found)) => {
            let mut pairs = shape.iter().zip(found);
            shape.len() == found.len() && pairs.all(|(shape, found)| is_like(shape, found, ours))
        }
        (Value::String(shape), Value::String(found)) => match shape.as_str() {
            "<iso8601 ms Z>" => is_moment(found),
            "<jwt>" => found.split('.').count() == 3,
            "<token: 32 alnum>" => {
                found.len() == 32 && found.bytes().all(|byte| byte.is_ascii_alphanumeric())
            }
            shape if shape.starts_with('<') && shape.ends_with('>') => !found.is_empty(),
            shape => ours(shape) == *found,
        },
        (shape, found) => shape == found,
    }
}

/// `2026-11-01T12:00:00.123Z`, and nothing that is only like it.
fn is_moment(text: &str) -> bool {
    let pattern = "0000-00-00T00:00:00.000Z";
    let mut pairs = text.chars().zip(pattern.chars());
    text.len() == pattern.len()
        && pairs.all(|(c, like)| c == like || like == '0' && c.is_ascii_digit())
}
