//! How services made with FastAPI read bodies and say what is wrong: `detail`
//! is a sentence, or for what breaks the rules of a body a list of `loc`, `msg`
//! and `type` (FastAPI 0.104 with Pydantic 2). Every surface here whose origin
//! was made with it speaks so, and adds words of its own in its `error.rs`.
//!
//! Unlike the original, a fault never repeats what was sent (`input`): that may
//! be a password.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{
        FromRequest, FromRequestParts, Multipart, Path, Request, multipart::MultipartError,
        rejection::PathRejection,
    },
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::any,
};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::{
    app::{App, error::Error},
    domain::account_change::Edit,
};

/// Answers that hold a token or a person's data stay out of every cache.
pub(super) const NO_STORE: [(header::HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

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

    /// What is said where the core refuses the value at `place`.
    pub fn refused(place: &[&str], error: &Error) -> Self {
        Self::invalid(vec![fault(place, "value_error", &error.to_string())])
    }
}

impl From<Error> for FastApiError {
    fn from(error: Error) -> Self {
        error.log();
        let (status, words) = match &error {
            Error::MissingToken => (StatusCode::UNAUTHORIZED, "Not authenticated"),
            Error::InvalidToken | Error::ExpiredToken => {
                (StatusCode::UNAUTHORIZED, "Could not validate credentials")
            }
            Error::Forbidden => (StatusCode::FORBIDDEN, "Not enough permissions"),
            Error::UnknownUser => (StatusCode::NOT_FOUND, "User not found"),
            Error::EmailTaken => (StatusCode::BAD_REQUEST, "Email already registered"),
            Error::UsernameTaken => (StatusCode::BAD_REQUEST, "Username already registered"),
            Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Error::InvalidEmail => return Self::refused(&["body", "email"], &error),
            Error::InvalidName => return Self::refused(&["body", "name"], &error),
            Error::InvalidUsername => return Self::refused(&["body", "username"], &error),
            Error::PasswordTooShort(_) | Error::PasswordTooLong | Error::PasswordTooCommon => {
                return Self::refused(&["body", "password"], &error);
            }
            Error::InvalidField(name) => return Self::refused(&["body", name], &error),
            Error::InvalidFilter(name) => return Self::refused(&["query", name], &error),
            other => {
                let status = StatusCode::from_u16(other.kind().http_status());
                return Self {
                    retry_after: other.retry_after(),
                    ..Self::new(status.unwrap_or_default(), other.to_string())
                };
            }
        };
        Self::new(status, words)
    }
}

impl IntoResponse for FastApiError {
    fn into_response(self) -> Response {
        let body = Json(json!({ "detail": self.detail }));
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What is wrong with the value at `place`.
fn fault(place: &[&str], kind: &str, message: &str) -> Value {
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
    place: &'static str,
    values: Map<String, Value>,
    faults: Vec<Value>,
}

impl Fields {
    fn new(place: &'static str, values: Map<String, Value>) -> Self {
        Self {
            place,
            values,
            faults: Vec::new(),
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

    fn fault(&mut self, name: &str, kind: &str, message: &str) {
        self.faults.push(fault(&[self.place, name], kind, message));
    }

    /// A text that must be there.
    pub fn text(&mut self, name: &str) -> String {
        if !self.values.contains_key(name) {
            self.fault(name, "missing", "Field required");
            return String::new();
        }
        self.text_of(name).unwrap_or_default()
    }

    /// A text that may be missing or null.
    pub fn optional_text(&mut self, name: &str) -> Option<String> {
        match self.values.get(name)? {
            Value::Null => None,
            _ => self.text_of(name),
        }
    }

    /// A text that may be missing, or null to have it taken away.
    pub fn edit(&mut self, name: &str) -> Edit<String> {
        match self.values.get(name) {
            None => Edit::Keep,
            Some(Value::Null) => Edit::Clear,
            Some(_) => self.text_of(name).map_or(Edit::Keep, Edit::Put),
        }
    }

    /// A truth value that may be missing or null.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
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
        let word = read(&self.optional_text(name)?);
        if word.is_none() {
            self.fault(name, "enum", &format!("Input should be {words}"));
        }
        word
    }

    /// A whole number of a query that may be missing.
    pub fn number(&mut self, name: &str) -> Option<i64> {
        let number = self.values.get(name)?.as_str()?.parse().ok();
        if number.is_none() {
            let message = "Input should be a valid integer, unable to parse string as an integer";
            self.fault(name, "int_parsing", message);
        }
        number
    }

    /// A text that may be missing, and else is `only`.
    pub fn fixed(&mut self, name: &str, only: &str) {
        let given = self.optional_text(name);
        if given.is_some_and(|given| given != only) {
            let message = format!("String should match pattern '{only}'");
            self.fault(name, "string_pattern_mismatch", &message);
        }
    }

    fn text_of(&mut self, name: &str) -> Option<String> {
        if let Some(Value::String(text)) = self.values.get(name) {
            return Some(text.clone());
        }
        self.fault(name, "string_type", "Input should be a valid string");
        None
    }
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
        let bytes = bytes.map_err(|rejection| unreadable(rejection.status()))?;
        let whole = |kind, message| FastApiError::invalid(vec![fault(&["body"], kind, message)]);
        if bytes.is_empty() {
            return Err(whole("missing", "Field required"));
        }
        let value = is_json.then(|| serde_json::from_slice(&bytes));
        match value.transpose() {
            Err(_) => Err(whole("json_invalid", "JSON decode error")),
            Ok(Some(Value::Object(values))) => Fields::new("body", values).into().map(Self),
            Ok(_) => Err(whole(
                "model_attributes_type",
                "Input should be a valid dictionary or object to extract fields from",
            )),
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
            let bytes = bytes.map_err(|rejection| unreadable(rejection.status()))?;
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

/// Puts around the routes what FastAPI says of paths and methods that it lacks.
pub(super) fn layered(routes: Router<Arc<App>>) -> Router<Arc<App>> {
    let unknown = || any(async || FastApiError::new(StatusCode::NOT_FOUND, "Not Found"));
    let lacking = async || {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        FastApiError::new(status, "Method Not Allowed")
    };
    routes
        .method_not_allowed_fallback(lacking)
        .route("/auth/{*path}", unknown())
        .route("/api/v1/auth/{*path}", unknown())
}

fn essence(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = kind.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

/// The parts of a form that are texts; a file is none.
async fn parts(request: Request) -> Result<Vec<(String, String)>, FastApiError> {
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|rejection| unreadable(rejection.status()))?;
    let broken = |error: MultipartError| unreadable(error.status());
    let mut pairs = Vec::new();
    while let Some(part) = form.next_field().await.map_err(broken)? {
        if part.file_name().is_none() {
            let name = part.name().unwrap_or_default().to_owned();
            pairs.push((name, part.text().await.map_err(broken)?));
        }
    }
    Ok(pairs)
}

fn unreadable(status: StatusCode) -> FastApiError {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return FastApiError::new(status, "Request body too large");
    }
    let message = "There was an error parsing the body";
    FastApiError::new(StatusCode::BAD_REQUEST, message)
}
