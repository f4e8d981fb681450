//! Errors as texts: the client shows the body of a refusal as it is.

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Path, Request, rejection::JsonRejection},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use service_kit::{
    openapi::{Carried, Dialect, Input, Schemas},
    refusal::with_headers,
};

use crate::app::error::Error;

/// An error, as a text for the reader.
#[derive(Debug)]
pub(super) struct AiSdkError {
    status: StatusCode,
    retry_after: Option<u64>,
    words: String,
}

impl AiSdkError {
    /// What is wrong with a request.
    pub(super) fn request(status: StatusCode, words: impl Into<String>) -> Self {
        Self {
            status,
            retry_after: None,
            words: words.into(),
        }
    }
}

impl From<Error> for AiSdkError {
    fn from(error: Error) -> Self {
        error.log();
        let status = StatusCode::from_u16(error.kind().http_status());
        Self {
            status: status.unwrap_or_default(),
            retry_after: error.retry_after(),
            words: error.to_string(),
        }
    }
}

impl Dialect for AiSdkError {
    const MEDIA_TYPE: &'static str = "text/plain";

    fn schema(_: &mut Schemas, _: u16) -> Value {
        json!({ "type": "string" })
    }
}

impl IntoResponse for AiSdkError {
    fn into_response(self) -> Response {
        let response = (self.status, self.words).into_response();
        with_headers(response, self.retry_after)
    }
}

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = AiSdkError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AiSdkError> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(JsonRejection::JsonSyntaxError(_)) => {
                let words = "The body is not valid JSON.";
                Err(AiSdkError::request(StatusCode::BAD_REQUEST, words))
            }
            Err(rejection) => {
                let words = rejection.body_text();
                Err(AiSdkError::request(rejection.status(), words))
            }
        }
    }
}

impl<T: JsonSchema> Input<()> for Body<T> {
    fn describe(carried: &mut Carried<'_>, (): &()) {
        let schema = carried.schemas.taken::<T>();
        carried.body(&["application/json"], &schema);
        carried.may_fail(&[400, 413, 415, 422]);
    }
}

/// What a path names.
pub(super) struct Named(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = AiSdkError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AiSdkError> {
        let path = Path::from_request_parts(parts, state).await;
        let Path(name) = path.map_err(|_| Error::NoSuchConversation)?;
        Ok(Self(name))
    }
}

impl Input<()> for Named {
    fn describe(carried: &mut Carried<'_>, (): &()) {
        carried.may_fail(&[404]);
    }
}
