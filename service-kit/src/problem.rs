//! Errors as RFC 9457 problem details, and extractors whose rejections are
//! such problems too.

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::JsonRejection},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use proto::error_kind::ErrorKind;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    openapi::{Carried, Dialect, Input, Schemas},
    refusal::with_headers,
};

/// The body of an error on a canonical surface.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Problem {
    /// A URI that names the kind of problem: `about:blank` with a `code` of
    /// our own beside it, as RFC 9457 section 4.2.1 allows.
    pub r#type: &'static str,
    /// The status' own phrase.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// A stable word for programs.
    pub code: &'static str,
    /// What the caller can do about it, for people.
    pub detail: String,
    /// Seconds after which the same request may succeed; sent as `Retry-After`.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

impl Problem {
    /// A problem of this `kind`, with a stable `code` and a `detail` that tells
    /// the caller what to do.
    pub fn new(kind: ErrorKind, code: &'static str, detail: impl Into<String>) -> Self {
        let status = kind.http_status();
        let title = StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason());
        Self {
            r#type: "about:blank",
            title: title.unwrap_or("Error"),
            status,
            code,
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// The same problem, to be tried again after `seconds`.
    #[must_use]
    pub const fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

impl Dialect for Problem {
    const MEDIA_TYPE: &'static str = "application/problem+json";

    fn schema(schemas: &mut Schemas, _: u16) -> Value {
        schemas.sent::<Self>()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        with_headers((status, kind, Json(self)).into_response(), retry_after)
    }
}

/// What a path that no route has answers.
pub async fn unknown_route() -> Problem {
    Problem::new(
        ErrorKind::NotFound,
        "unknown_route",
        "There is nothing at this path; the routes are listed in the README.",
    )
}

/// What a known path answers to a method that it lacks.
pub async fn method_not_allowed() -> Problem {
    Problem::new(
        ErrorKind::MethodNotAllowed,
        "method_not_allowed",
        "This path exists, but not with this method; the Allow header lists the ones it has.",
    )
}

/// A JSON body, whose rejection is a [`Problem`].
#[derive(Debug)]
pub struct ProblemJson<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ProblemJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let parsed = Json::<T>::from_request(request, state).await;
        parsed
            .map(|Json(body)| Self(body))
            .map_err(|rejection| json_problem(&rejection))
    }
}

impl<T: JsonSchema, S> Input<S> for ProblemJson<T> {
    fn describe(carried: &mut Carried<'_>, _: &S) {
        let schema = carried.schemas.taken::<T>();
        carried.body(&["application/json"], &schema);
        carried.may_fail(&[400, 413, 415, 422]);
    }
}

fn json_problem(rejection: &JsonRejection) -> Problem {
    match rejection {
        JsonRejection::JsonDataError(error) => Problem::new(
            ErrorKind::Invalid,
            "invalid_body",
            format!("The body is JSON of another shape: {}", innermost(error)),
        ),
        JsonRejection::JsonSyntaxError(error) => Problem::new(
            ErrorKind::Malformed,
            "malformed_json",
            format!("The body is not valid JSON: {}", innermost(error)),
        ),
        JsonRejection::MissingJsonContentType(_) => Problem::new(
            ErrorKind::UnsupportedMediaType,
            "unsupported_content_type",
            "Send the body as JSON, with the header `Content-Type: application/json`.",
        ),
        other if other.status() == StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => Problem::new(
            ErrorKind::Malformed,
            "unreadable_body",
            "The body ended early or can't be read; send it again.",
        ),
    }
}

/// The problem of a body over the limit.
pub fn too_large() -> Problem {
    Problem::new(
        ErrorKind::TooLarge,
        "body_too_large",
        "The body is larger than this server takes; send less, or ask for a larger limit.",
    )
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A query string, whose rejection is a [`Problem`].
#[derive(Debug)]
pub struct ProblemQuery<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for ProblemQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let parsed = Query::<T>::from_request_parts(parts, state).await;
        parsed.map(|Query(query)| Self(query)).map_err(|rejection| {
            let detail = format!("The query string can't be read: {}", innermost(&rejection));
            Problem::new(ErrorKind::Malformed, "invalid_query", detail)
        })
    }
}

impl<T: JsonSchema, S> Input<S> for ProblemQuery<T> {
    fn describe(carried: &mut Carried<'_>, _: &S) {
        let fields = carried.schemas.fields::<T>();
        carried.query(&fields);
        carried.may_fail(&[400, 422]);
    }
}

/// A path's parameters, whose rejection is a [`Problem`].
#[derive(Debug)]
pub struct ProblemPath<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for ProblemPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let parsed = Path::<T>::from_request_parts(parts, state).await;
        parsed.map(|Path(path)| Self(path)).map_err(|_| {
            Problem::new(
                ErrorKind::NotFound,
                "not_found",
                "There is nothing with this id.",
            )
        })
    }
}

impl<T, S> Input<S> for ProblemPath<T> {
    fn describe(carried: &mut Carried<'_>, _: &S) {
        carried.may_fail(&[404]);
    }
}
