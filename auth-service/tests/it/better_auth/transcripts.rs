//! What curl was told and what it printed, as exchanges like the others.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::golden::Exchange;

const SERVER: &str = "http://127.0.0.1:3901";

#[derive(Deserialize)]
pub struct Transcript {
    name: String,
    cmd: String,
    output: String,
}

/// The exchanges of these calls, which came one after the other and shared a
/// cookie jar. As recorded, that curl kept a cookie that was cleared.
pub fn exchanges(transcripts: &[Transcript]) -> Vec<Exchange> {
    let mut jar = BTreeMap::new();
    let mut read = |transcript: &Transcript| {
        let exchange = transcript.exchange(&mut jar);
        serde_json::from_value(exchange).unwrap()
    };
    transcripts.iter().map(&mut read).collect()
}

impl Transcript {
    fn exchange(&self, jar: &mut BTreeMap<String, String>) -> Value {
        let words = words(&self.cmd);
        let after = |option: &'static str| {
            let places = words.windows(2).filter(move |two| two[0] == option);
            places.map(|two| two[1].clone())
        };
        let sent = after("-d").next();
        let mut headers = Map::new();
        headers.insert("user-agent".to_owned(), "curl/7.88.1".into());
        if sent.is_some() {
            let form = "application/x-www-form-urlencoded";
            headers.insert("content-type".to_owned(), form.into());
        }
        for header in after("-H") {
            let (name, value) = header.split_once(": ").unwrap();
            headers.insert(name.to_lowercase(), value.into());
        }
        let has_jar = after("-b").next().is_some();
        if has_jar && !jar.is_empty() {
            let cookies = jar.iter().map(|(name, value)| format!("{name}={value}"));
            let cookies = cookies.collect::<Vec<_>>().join("; ");
            headers.insert("cookie".to_owned(), cookies.into());
        }
        let method = match &sent {
            _ if words.iter().any(|word| word == "-I") => "HEAD",
            Some(_) => "POST",
            None => "GET",
        };
        let response = self.response();
        for cookie in response["setCookie"].as_array().unwrap() {
            let text = |name: &str| cookie[name].as_str().unwrap().to_owned();
            if has_jar && !text("value").is_empty() {
                jar.insert(text("name"), text("value"));
            }
        }
        let as_json = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
        json!({
            "name": self.name,
            "request": {
                "method": method,
                "path": words.last().unwrap().strip_prefix(SERVER).unwrap(),
                "headers": headers,
                "body": sent.map(as_json),
            },
            "response": response,
        })
    }

    fn response(&self) -> Value {
        let (head, body) = self.output.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        });
        let (set, headers): (Vec<_>, Vec<_>) = headers.partition(|(name, _)| name == "set-cookie");
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        json!({
            "status": status.parse::<u16>().unwrap(),
            "headers": headers,
            "setCookie": set.iter().map(|(_, text)| cookie(text)).collect::<Vec<_>>(),
            "bodyShape": shape("", &body),
            "body": body,
        })
    }
}

/// The words of a command line in which quotes are single ones.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}

fn cookie(text: &str) -> Value {
    let mut parts = text.split("; ");
    let (name, value) = parts.next().unwrap().split_once('=').unwrap();
    let attributes = parts.map(|part| match part.split_once('=') {
        Some((name, value)) => (name.to_owned(), Value::from(value)),
        None => (part.to_owned(), Value::Bool(true)),
    });
    json!({ "name": name, "value": value, "attrs": attributes.collect::<Map<_, _>>() })
}

/// The shape of a body, as the other recordings give it.
fn shape(name: &str, body: &Value) -> Value {
    match body {
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| (name.clone(), shape(name, value)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.iter().map(|item| shape(name, item)).collect(),
        Value::String(text) => {
            let is_random =
                text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
            match (name, text) {
                ("token", _) if is_random => "<token: 32 alnum>".into(),
                ("token", _) => "<jwt>".into(),
                _ if is_random => "<id: 32 alnum>".into(),
                ("createdAt" | "updatedAt" | "expiresAt", _) => "<iso8601 ms Z>".into(),
                _ => body.clone(),
            }
        }
        other => other.clone(),
    }
}
