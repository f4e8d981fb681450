//! Bodies and queries, and what Better Auth says of those that break its rules:
//! `[body.email] Invalid email address`, every field's fault in one sentence.

use std::{borrow::Cow, sync::Arc};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::{error::BetterAuthError, origin::check_targets};
use crate::{app::App, domain::email::Email};

mod document;

use document::Wanted;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// What a body is read into.
pub trait FromFields: Sized {
    /// Whether the body may be a form's.
    const FORMS: bool = false;
    /// What Better Auth calls the body's shape.
    const SHAPE: &'static str = "object";

    /// Takes the fields in the order in which Better Auth names their faults.
    /// What it gives counts only where no field had any.
    fn read(fields: &mut Fields, app: &App) -> Result<Self, BetterAuthError>;
}

/// A body that was read into `T`. The places that it names to send the browser
/// to are trusted.
pub struct Body<T>(pub T);

impl<T: FromFields> FromRequest<Arc<App>> for Body<T> {
    type Rejection = BetterAuthError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, BetterAuthError> {
        let kind = content_type(request.headers());
        let bytes = Bytes::from_request(request, &())
            .await
            .map_err(|rejection| unreadable(&rejection))?;
        let value = parsed(&kind, &bytes, T::FORMS)?;
        let Some(Value::Object(fields)) = value else {
            let shape = T::SHAPE;
            let found = type_name(value.as_ref());
            let problem = format!("[body] Invalid input: expected {shape}, received {found}");
            return Err(BetterAuthError::invalid(&[problem]));
        };
        check_targets(app, |name| fields.get(name).and_then(Value::as_str))?;
        let mut fields = Fields {
            path: "body".to_owned(),
            values: fields,
            problems: Vec::new(),
            wanted: None,
        };
        let read = T::read(&mut fields, app);
        if fields.problems.is_empty() {
            read.map(Self)
        } else {
            Err(BetterAuthError::invalid(&fields.problems))
        }
    }
}

/// The fields of a body, and what is wrong with those that were taken.
pub struct Fields {
    /// Where they are, in Better Auth's spelling.
    path: String,
    values: Map<String, Value>,
    problems: Vec<String>,
    /// What is asked for, where nothing is read and only that is wanted.
    wanted: Option<Wanted>,
}

impl Fields {
    /// A text that must be there.
    pub fn text(&mut self, name: &str) -> String {
        self.wants(name, true, || json!({ "type": "string" }));
        match self.values.get(name) {
            Some(Value::String(text)) => return text.clone(),
            other => self.expected("string", name, type_name(other)),
        }
        String::new()
    }

    /// A text of one character or more that must be there.
    pub fn filled_text(&mut self, name: &str) -> String {
        self.wants(name, true, || json!({ "type": "string", "minLength": 1 }));
        let problems = self.problems.len();
        let text = self.text(name);
        if text.is_empty() && self.problems.len() == problems {
            self.wrong(name, "Too small: expected string to have >=1 characters");
        }
        text
    }

    /// An e-mail address that must be there.
    pub fn email(&mut self, name: &str) -> String {
        self.wants(
            name,
            true,
            || json!({ "type": "string", "format": "email" }),
        );
        let problems = self.problems.len();
        let email = self.text(name);
        if Email::parse(&email).is_err() && self.problems.len() == problems {
            self.wrong(name, "Invalid email address");
        }
        email
    }

    /// A text that may be missing.
    pub fn optional_text(&mut self, name: &str) -> Option<String> {
        self.wants(name, false, || json!({ "type": "string" }));
        self.values.contains_key(name).then(|| self.text(name))
    }

    /// A text that may be missing or `null`.
    pub fn nullable_text(&mut self, name: &str) -> Option<Option<String>> {
        self.wants(name, false, || json!({ "type": ["string", "null"] }));
        match self.values.get(name) {
            None => None,
            Some(Value::Null) => Some(None),
            Some(_) => Some(Some(self.text(name))),
        }
    }

    /// A truth value that may be missing.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        self.wants(name, false, || json!({ "type": "boolean" }));
        match self.values.get(name) {
            None => None,
            Some(Value::Bool(flag)) => Some(*flag),
            other => {
                self.expected("boolean", name, type_name(other));
                None
            }
        }
    }

    /// A whole number that may be missing or `null`.
    pub fn nullable_integer(&mut self, name: &str) -> Option<Option<i64>> {
        self.wants(name, false, || json!({ "type": ["integer", "null"] }));
        let given = self.values.get(name)?;
        match (given, given.as_i64()) {
            (Value::Null, _) => Some(None),
            (_, Some(number)) => Some(Some(number)),
            (other, None) => {
                let found = type_name(Some(other)).to_owned();
                self.expected("number", name, &found);
                None
            }
        }
    }

    /// Any value that may be missing.
    pub fn json(&mut self, name: &str) -> Option<Value> {
        self.wants(name, false, || json!({}));
        self.values.get(name).cloned()
    }

    /// Some of the fields, as texts: numbers and truth values are written out,
    /// as a text column would have them (golden 01), and `null` is nothing.
    pub fn texts<'a>(
        &mut self,
        names: impl Iterator<Item = &'a str>,
    ) -> Vec<(String, Option<String>)> {
        let mut texts = Vec::new();
        for name in names {
            self.wants(name, false, || json!({ "type": ["string", "null"] }));
            let text = match self.values.get(name) {
                None => continue,
                Some(Value::Null) => None,
                Some(Value::String(text)) => Some(text.clone()),
                Some(scalar @ (Value::Bool(_) | Value::Number(_))) => Some(scalar.to_string()),
                other => {
                    self.expected("string", name, type_name(other));
                    continue;
                }
            };
            texts.push((name.to_owned(), text));
        }
        texts
    }

    /// A text that must be there, of which Better Auth says no more.
    pub fn any_text(&mut self, name: &str) -> String {
        self.wants(name, true, || json!({ "type": "string" }));
        if let Some(Value::String(text)) = self.values.get(name) {
            return text.clone();
        }
        self.wrong(name, "Invalid input");
        String::new()
    }

    /// The texts of a list that may be missing.
    pub fn texts_in(&mut self, name: &str) -> Vec<String> {
        self.wants(
            name,
            false,
            || json!({ "type": "array", "items": { "type": "string" } }),
        );
        let items = match self.values.get(name) {
            None => Vec::new(),
            Some(Value::Array(items)) => items.clone(),
            other => {
                self.expected("array", name, type_name(other));
                Vec::new()
            }
        };
        let mut texts = Vec::new();
        for (place, item) in items.into_iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text),
                other => {
                    let name = format!("{name}.{place}");
                    self.expected("string", &name, type_name(Some(&other)));
                }
            }
        }
        texts
    }

    /// The texts by name of an object that may be missing.
    pub fn record(&mut self, name: &str) -> Vec<(String, String)> {
        self.wants(
            name,
            false,
            || json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        );
        let texts = match self.values.get(name) {
            None => Map::new(),
            Some(Value::Object(texts)) => texts.clone(),
            other => {
                self.expected("record", name, type_name(other));
                Map::new()
            }
        };
        let mut pairs = Vec::new();
        for (key, value) in texts {
            match value {
                Value::String(text) => pairs.push((key, text)),
                other => {
                    let name = format!("{name}.{key}");
                    self.expected("string", &name, type_name(Some(&other)));
                }
            }
        }
        pairs
    }

    /// An object that may be missing, as `read` takes its fields.
    pub fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.wanted.is_some() {
            let schema = document::schema_by(read);
            self.wants(name, false, || schema);
            return None;
        }
        match self.values.get(name) {
            None => None,
            Some(Value::Object(fields)) => {
                let mut inner = Self {
                    path: format!("{}.{name}", self.path),
                    values: fields.clone(),
                    problems: Vec::new(),
                    wanted: None,
                };
                let read = read(&mut inner);
                self.problems.append(&mut inner.problems);
                Some(read)
            }
            other => {
                self.expected("object", name, type_name(other));
                None
            }
        }
    }

    /// Whether there are no fields but these.
    pub fn are_among(&self, names: &[&str]) -> bool {
        self.values
            .keys()
            .all(|name| names.contains(&name.as_str()))
    }

    /// Whether there is a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    fn expected(&mut self, expected: &str, name: &str, found: &str) {
        let problem = format!("Invalid input: expected {expected}, received {found}");
        self.wrong(name, &problem);
    }

    /// Notes what is wrong with a field.
    pub fn wrong(&mut self, name: &str, problem: &str) {
        let path = &self.path;
        self.problems.push(format!("[{path}.{name}] {problem}"));
    }
}

/// A query string. The place that it names to send the browser to is trusted.
pub struct Params(Vec<(String, String)>);

impl Params {
    /// The first value with this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The first value with this name, if it is not empty.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// What a query or a form holds.
    pub fn parse(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// These, and of `others` those whose names are not among these.
    #[must_use]
    pub fn over(self, others: Self) -> Self {
        let more = others.0.into_iter();
        let more: Vec<_> = more.filter(|(name, _)| self.get(name).is_none()).collect();
        Self(more.into_iter().chain(self.0).collect())
    }

    /// All of them as a query.
    pub fn to_query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.0).finish()
    }

    /// Whether there is a value with this name that is not empty.
    pub fn has(&self, name: &str) -> bool {
        self.filled(name).is_some()
    }

    /// The first value with this name, which must be there.
    pub fn required(&self, name: &str) -> Result<&str, BetterAuthError> {
        let problem = || {
            let problem = "Invalid input: expected string, received undefined";
            BetterAuthError::invalid(&[format!("[query.{name}] {problem}")])
        };
        self.get(name).ok_or_else(problem)
    }
}

impl FromRequestParts<Arc<App>> for Params {
    type Rejection = BetterAuthError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, BetterAuthError> {
        let query = parts.uri.query().unwrap_or("");
        let params = Self::parse(query.as_bytes());
        check_targets(app, |name| params.get(name))?;
        Ok(params)
    }
}

fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE);
    value
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default()
}

/// The body as JSON; nothing where there is none. Without a content type there
/// is none, whatever was sent (golden 15).
fn parsed(kind: &str, bytes: &[u8], forms: bool) -> Result<Option<Value>, BetterAuthError> {
    let essence = kind.split(';').next().unwrap_or("").trim();
    if essence.is_empty() {
        return Ok(None);
    }
    if forms && essence.eq_ignore_ascii_case(FORM) {
        let fields = form_urlencoded::parse(bytes).into_owned();
        let fields = fields.map(|(name, value)| (name, Value::String(value)));
        return Ok(Some(Value::Object(fields.collect())));
    }
    if !essence.eq_ignore_ascii_case(JSON) {
        return Err(unsupported(kind, forms));
    }
    if bytes.is_empty() {
        return Ok(None);
    }
    let malformed = |_| {
        let message = "Invalid JSON in request body";
        BetterAuthError::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    };
    serde_json::from_slice(bytes).map(Some).map_err(malformed)
}

fn unsupported(kind: &str, forms: bool) -> BetterAuthError {
    let allowed: Cow<'static, str> = if forms {
        format!("{FORM}, {JSON}").into()
    } else {
        JSON.into()
    };
    let message = format!("Content-Type \"{kind}\" is not allowed. Allowed types: {allowed}");
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    BetterAuthError::new(status, "UNSUPPORTED_MEDIA_TYPE", message)
}

fn unreadable(rejection: &BytesRejection) -> BetterAuthError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let message = "Request body too large";
        return BetterAuthError::new(rejection.status(), "PAYLOAD_TOO_LARGE", message);
    }
    let message = "The request body can't be read";
    BetterAuthError::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
}

fn type_name(value: Option<&Value>) -> &'static str {
    match value {
        None => "undefined",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "boolean",
        Some(Value::Number(_)) => "number",
        Some(Value::String(_)) => "string",
        Some(Value::Array(_)) => "array",
        Some(Value::Object(_)) => "object",
    }
}
