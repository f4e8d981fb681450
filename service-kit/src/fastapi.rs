//! How services made with FastAPI read bodies and say what is wrong: `detail`
//! is a sentence, or for what breaks the rules of a body a list of `loc`, `msg`
//! and `type` (FastAPI 0.104 with Pydantic 2). Every surface whose origin was
//! made with it speaks so, and adds words of its own.
//!
//! Unlike the original, a fault never repeats what was sent (`input`): that may
//! be a password.

use std::ops::RangeInclusive;

use axum::{
    Json,
    body::Bytes,
    extract::{
        FromRequest, FromRequestParts, Multipart, Path, Request, multipart::MultipartError,
        rejection::PathRejection,
    },
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::refusal::with_headers;

mod document;

use document::Wanted;
pub use document::schema_of;

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// An error on its way to a client of FastAPI.
#[derive(Debug)]
pub struct FastApiError {
    status: StatusCode,
    detail: Value,
    retry_after: Option<u64>,
}

impl FastApiError {
    /// A refusal with this status and sentence.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: Value::String(detail.into()),
            retry_after: None,
        }
    }

    /// What is said of faults in a request.
    fn invalid(faults: Vec<Value>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            detail: Value::Array(faults),
            retry_after: None,
        }
    }

    /// What is said where the value at `place` breaks a rule of the core.
    pub fn refused(place: &[&str], error: &dyn std::fmt::Display) -> Self {
        let place: Vec<_> = place.iter().map(|name| Value::from(*name)).collect();
        Self::invalid(vec![fault(&place, "value_error", &error.to_string())])
    }

    /// The same, where it may be tried again in so many seconds.
    #[must_use]
    pub fn after(self, seconds: Option<u64>) -> Self {
        Self {
            retry_after: seconds,
            ..self
        }
    }

    /// What is said of a body that can't be read as what it says it is, or that
    /// is too large.
    pub fn unreadable(status: StatusCode) -> Self {
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::new(status, "Request body too large");
        }
        let message = "There was an error parsing the body";
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// What is said where a part of a body that must be there is not.
    pub fn missing(place: &[&str]) -> Self {
        let place: Vec<_> = place.iter().map(|name| Value::from(*name)).collect();
        Self::invalid(vec![fault(&place, "missing", "Field required")])
    }
}

impl IntoResponse for FastApiError {
    fn into_response(self) -> Response {
        let body = Json(json!({ "detail": self.detail }));
        with_headers((self.status, body).into_response(), self.retry_after)
    }
}

/// What is wrong with the value at `place`.
fn fault(place: &[Value], kind: &str, message: &str) -> Value {
    json!({ "type": kind, "loc": place, "msg": message })
}

/// What a body or a query is read into.
pub trait FromFields: Sized {
    /// Takes the fields in the order in which their faults are listed. What it
    /// gives counts only where no field had any.
    fn read(fields: &mut Fields) -> Self;
}

/// The fields of a body or a query, and what is wrong with them so far. Fields
/// that nobody takes are ignored, as Pydantic does.
pub struct Fields {
    place: Vec<Value>,
    values: Map<String, Value>,
    faults: Vec<Value>,
    /// What is asked for, where nothing is read and only that is wanted.
    wanted: Option<Wanted>,
}

impl Fields {
    fn new(place: &'static str, values: Map<String, Value>) -> Self {
        Self {
            place: vec![place.into()],
            values,
            faults: Vec::new(),
            wanted: None,
        }
    }

    /// A form's fields or a query's. An empty one counts as not given, and none
    /// may stand there twice (RFC 6749, section 3.2).
    fn of_pairs(place: &'static str, pairs: impl Iterator<Item = (String, String)>) -> Self {
        let mut fields = Self::new(place, Map::new());
        for (name, value) in pairs.filter(|(_, value)| !value.is_empty()) {
            if fields.values.contains_key(&name) {
                fields.fault(&name, "value_error", "Field must be sent only once");
            }
            fields.values.insert(name, Value::String(value));
        }
        fields
    }

    fn into<T: FromFields>(mut self) -> Result<T, FastApiError> {
        let read = T::read(&mut self);
        if self.faults.is_empty() {
            Ok(read)
        } else {
            Err(FastApiError::invalid(self.faults))
        }
    }

    /// Says that a field breaks a rule.
    pub fn fault(&mut self, name: &str, kind: &str, message: &str) {
        let place = self.place_of(&[name.into()]);
        self.faults.push(fault(&place, kind, message));
    }

    fn place_of(&self, below: &[Value]) -> Vec<Value> {
        [self.place.as_slice(), below].concat()
    }

    /// Whether a field is there and is a text.
    pub fn is_text(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(Value::is_string)
    }

    fn lacks(&mut self, name: &str) -> bool {
        let lacks = !self.values.contains_key(name);
        if lacks {
            self.fault(name, "missing", "Field required");
        }
        lacks
    }

    /// A text that must be there.
    pub fn text(&mut self, name: &str) -> String {
        self.wants(name, true, || json!({ "type": "string" }));
        if self.lacks(name) {
            return String::new();
        }
        self.text_of(name).unwrap_or_default()
    }

    /// A text that may be missing or null.
    pub fn optional_text(&mut self, name: &str) -> Option<String> {
        self.wants(name, false, || json!({ "type": ["string", "null"] }));
        match self.values.get(name)? {
            Value::Null => None,
            _ => self.text_of(name),
        }
    }

    /// A text that may be missing: nothing; or null: that it is taken away.
    pub fn nullable_text(&mut self, name: &str) -> Option<Option<String>> {
        self.wants(name, false, || json!({ "type": ["string", "null"] }));
        match self.values.get(name)? {
            Value::Null => Some(None),
            _ => self.text_of(name).map(Some),
        }
    }

    /// A truth value that may be missing or null.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        self.wants(name, false, || json!({ "type": ["boolean", "null"] }));
        match self.values.get(name)? {
            Value::Null => None,
            Value::Bool(flag) => Some(*flag),
            _ => {
                self.fault(name, "bool_type", "Input should be a valid boolean");
                None
            }
        }
    }

    /// One of the words that `read` knows, which may be missing or null.
    pub fn word<T>(
        &mut self,
        name: &str,
        words: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.wants(
            name,
            false,
            || json!({ "type": ["string", "null"], "description": words }),
        );
        let word = read(&self.optional_text(name)?);
        if word.is_none() {
            self.fault(name, "enum", &format!("Input should be {words}"));
        }
        word
    }

    /// A whole number of a query that may be missing.
    pub fn number(&mut self, name: &str) -> Option<i64> {
        self.wants(name, false, || json!({ "type": "integer" }));
        let number = self.values.get(name)?.as_str()?.parse().ok();
        if number.is_none() {
            let message = "Input should be a valid integer, unable to parse string as an integer";
            self.fault(name, "int_parsing", message);
        }
        number
    }

    /// A whole number of a body, within a range, that may be missing or null.
    pub fn integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        self.wants(name, false, || {
            let (least, most) = (range.start(), range.end());
            json!({ "type": ["integer", "null"], "minimum": least, "maximum": most })
        });
        let value = self.values.get(name).filter(|value| !value.is_null())?;
        let Some(number) = value.as_i64() else {
            self.fault(name, "int_type", "Input should be a valid integer");
            return None;
        };
        let (least, most) = range.into_inner();
        if number < least {
            let message = format!("Input should be greater than or equal to {least}");
            self.fault(name, "greater_than_equal", &message);
        }
        if number > most {
            let message = format!("Input should be less than or equal to {most}");
            self.fault(name, "less_than_equal", &message);
        }
        Some(number)
    }

    /// A text that may be missing, and else is `only`.
    pub fn fixed(&mut self, name: &str, only: &str) {
        self.wants(name, false, || json!({ "type": "string", "enum": [only] }));
        let given = self.optional_text(name);
        if given.is_some_and(|given| given != only) {
            let message = format!("String should match pattern '{only}'");
            self.fault(name, "string_pattern_mismatch", &message);
        }
    }

    /// An object that must be there.
    pub fn object<T: FromFields>(&mut self, name: &str) -> Option<T> {
        self.wants(name, true, schema_of::<T>);
        if self.lacks(name) {
            return None;
        }
        let value = self.values.remove(name)?;
        self.below(&[name.into()], value)
    }

    /// An object that may be missing or null.
    pub fn optional_object<T: FromFields>(&mut self, name: &str) -> Option<T> {
        self.wants(
            name,
            false,
            || json!({ "anyOf": [schema_of::<T>(), { "type": "null" }] }),
        );
        let value = self.values.remove(name).filter(|value| !value.is_null())?;
        self.below(&[name.into()], value)
    }

    /// A list of objects that must be there.
    pub fn list<T: FromFields>(&mut self, name: &str) -> Vec<T> {
        self.wants(
            name,
            true,
            || json!({ "type": "array", "items": schema_of::<T>() }),
        );
        if self.lacks(name) {
            return vec![];
        }
        let Some(Value::Array(values)) = self.values.remove(name) else {
            self.fault(name, "list_type", "Input should be a valid list");
            return vec![];
        };
        let values = values.into_iter().enumerate();
        values
            .filter_map(|(at, value)| self.below(&[name.into(), at.into()], value))
            .collect()
    }

    /// What stands further down.
    fn below<T: FromFields>(&mut self, below: &[Value], value: Value) -> Option<T> {
        let place = self.place_of(below);
        let Value::Object(values) = value else {
            self.faults.push(no_object(&place));
            return None;
        };
        let mut fields = Self {
            place,
            values,
            faults: vec![],
            wanted: None,
        };
        let read = T::read(&mut fields);
        self.faults.append(&mut fields.faults);
        Some(read)
    }

    fn text_of(&mut self, name: &str) -> Option<String> {
        if let Some(Value::String(text)) = self.values.get(name) {
            return Some(text.clone());
        }
        self.fault(name, "string_type", "Input should be a valid string");
        None
    }
}

fn no_object(place: &[Value]) -> Value {
    let message = "Input should be a valid dictionary or object to extract fields from";
    fault(place, "model_attributes_type", message)
}

/// A JSON body that was read into `T`.
pub struct Body<T>(pub T);

impl<T: FromFields, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = FastApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, FastApiError> {
        let is_json = essence(request.headers()).is_some_and(|kind| {
            kind == "application/json"
                || kind.starts_with("application/") && kind.ends_with("+json")
        });
        let bytes = Bytes::from_request(request, &()).await;
        let bytes = bytes.map_err(|rejection| FastApiError::unreadable(rejection.status()))?;
        let whole =
            |kind, message| FastApiError::invalid(vec![fault(&["body".into()], kind, message)]);
        if bytes.is_empty() {
            return Err(whole("missing", "Field required"));
        }
        let value = is_json.then(|| serde_json::from_slice(&bytes));
        match value.transpose() {
            Err(_) => Err(whole("json_invalid", "JSON decode error")),
            Ok(Some(Value::Object(values))) => Fields::new("body", values).into().map(Self),
            Ok(_) => Err(FastApiError::invalid(vec![no_object(&["body".into()])])),
        }
    }
}

/// A form that was read into `T`, URL-encoded or in parts. A body of any other
/// kind has no fields.
pub struct Form<T>(pub T);

impl<T: FromFields, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = FastApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, FastApiError> {
        let kind = essence(request.headers()).unwrap_or_default();
        let pairs = if kind == MULTIPART {
            parts(request).await?
        } else {
            let bytes = Bytes::from_request(request, &()).await;
            let bytes = bytes.map_err(|rejection| FastApiError::unreadable(rejection.status()))?;
            let bytes = if kind == FORM { &bytes[..] } else { &[] };
            form_urlencoded::parse(bytes).into_owned().collect()
        };
        Fields::of_pairs("body", pairs.into_iter()).into().map(Self)
    }
}

/// A query that was read into `T`.
pub struct Query<T>(pub T);

impl<T: FromFields, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = FastApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, FastApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
        Fields::of_pairs("query", pairs).into().map(Self)
    }
}

/// The one parameter of a path.
pub struct Named(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = FastApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, FastApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let unread = |_: PathRejection| FastApiError::new(StatusCode::NOT_FOUND, "Not Found");
        path.map(|Path(name)| Self(name)).map_err(unread)
    }
}

fn essence(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = kind.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

/// The parts of a form that are texts; a file is none.
async fn parts(request: Request) -> Result<Vec<(String, String)>, FastApiError> {
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|rejection| FastApiError::unreadable(rejection.status()))?;
    let broken = |error: MultipartError| FastApiError::unreadable(error.status());
    let mut pairs = Vec::new();
    while let Some(part) = form.next_field().await.map_err(broken)? {
        if part.file_name().is_none() {
            let name = part.name().unwrap_or_default().to_owned();
            pairs.push((name, part.text().await.map_err(broken)?));
        }
    }
    Ok(pairs)
}
