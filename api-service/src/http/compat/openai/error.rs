//! Errors in OpenAI's shape
//! (<https://platform.openai.com/docs/guides/error-codes>).

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Path, Request, rejection::JsonRejection},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use proto::error_kind::ErrorKind;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use service_kit::{
    openapi::{Carried, Dialect, Input, Schemas},
    refusal::with_headers,
};

use super::wire::ErrorBody;
use crate::app::error::Error;

/// An error, as OpenAI's clients know it.
#[derive(Debug)]
pub struct OpenAiError {
    status: StatusCode,
    retry_after: Option<u64>,
    body: ErrorBody,
}

impl OpenAiError {
    /// What a field of the request, if it is one's fault, is refused for.
    pub fn request(param: Option<&str>, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            retry_after: None,
            body: ErrorBody::new(
                message.into(),
                "invalid_request_error",
                param,
                Some("invalid_value"),
            ),
        }
    }
}

impl From<Error> for OpenAiError {
    fn from(error: Error) -> Self {
        error.log();
        let kind = error.kind();
        let status = match kind {
            // There is one status for all that is wrong with a request.
            ErrorKind::Malformed | ErrorKind::Invalid => 400,
            other => other.http_status(),
        };
        let (words, param, code) = match &error {
            Error::Token(_) | Error::Key(_) if kind == ErrorKind::Unauthenticated => {
                ("invalid_request_error", None, "invalid_api_key")
            }
            Error::NoSuchKnowledgeBase => {
                ("invalid_request_error", Some("model"), "model_not_found")
            }
            Error::Question(_) => ("invalid_request_error", Some("messages"), error.code()),
            Error::Texts(_) => ("invalid_request_error", Some("input"), error.code()),
            Error::TokensSpent(_) => ("insufficient_quota", None, "insufficient_quota"),
            _ if kind == ErrorKind::RateLimited => ("requests", None, "rate_limit_exceeded"),
            _ if kind.is_server_fault() => ("server_error", None, error.code()),
            _ => ("invalid_request_error", None, error.code()),
        };
        let message = match &error {
            Error::NoSuchKnowledgeBase => "There is no model of this name that you may ask; \
                `GET /v1/models` lists those."
                .to_owned(),
            other => other.to_string(),
        };
        Self {
            status: StatusCode::from_u16(status).unwrap_or_default(),
            retry_after: error.retry_after(),
            body: ErrorBody::new(message, words, param, Some(code)),
        }
    }
}

impl Dialect for OpenAiError {
    fn schema(schemas: &mut Schemas, _: u16) -> Value {
        schemas.sent::<ErrorBody>()
    }
}

impl IntoResponse for OpenAiError {
    fn into_response(self) -> Response {
        let response = (self.status, Json(self.body)).into_response();
        with_headers(response, self.retry_after)
    }
}

/// A JSON body.
pub(super) struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = OpenAiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OpenAiError> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(unreadable(&rejection)),
        }
    }
}

fn unreadable(rejection: &JsonRejection) -> OpenAiError {
    let words = rejection.body_text();
    match rejection {
        JsonRejection::JsonDataError(_) => {
            let (_, fault) = words.split_once(": ").unwrap_or_default();
            let param = fault.split_once(": ").map(|(path, _)| path);
            let param = param.filter(|path| !path.contains(' '));
            let missing = fault.strip_prefix("missing field `");
            let missing = missing.and_then(|rest| Some(rest.split_once('`')?.0));
            OpenAiError::request(param.or(missing), fault)
        }
        JsonRejection::JsonSyntaxError(_) => {
            OpenAiError::request(None, "We could not parse the JSON body of your request.")
        }
        other => OpenAiError {
            status: other.status(),
            ..OpenAiError::request(None, words)
        },
    }
}

impl<T: JsonSchema> Input<()> for Body<T> {
    fn describe(carried: &mut Carried<'_>, (): &()) {
        let schema = carried.schemas.taken::<T>();
        carried.body(&["application/json"], &schema);
        carried.may_fail(&[400, 413, 415]);
    }
}

/// What a path names.
pub(super) struct Named(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = OpenAiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, OpenAiError> {
        let Path(name) = Path::from_request_parts(parts, state)
            .await
            .map_err(|_| Error::NoSuchKnowledgeBase)?;
        Ok(Self(name))
    }
}

impl Input<()> for Named {
    fn describe(carried: &mut Carried<'_>, (): &()) {
        carried.may_fail(&[404]);
    }
}
