//! Errors on this surface. The protocol knows errors within a stream alone; what
//! is refused before is told as `{"error": {"code", "message"}}`.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use proto::error_kind::ErrorKind;

use serde_json::Value;
use service_kit::{
    openapi::{Dialect, Schemas},
    refusal::with_headers,
};

use super::wire::ErrorBody;
use crate::app::error::Error;

/// A refusal on its way to a client.
#[derive(Debug)]
pub(super) struct ChatKitError {
    kind: ErrorKind,
    body: ErrorBody,
    retry_after: Option<u64>,
}

impl ChatKitError {
    fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            body: ErrorBody::new(code, message.into()),
            retry_after: None,
        }
    }

    /// A body that is no request of this protocol.
    pub(super) fn unreadable(error: &serde_json::Error) -> Self {
        if error.is_data() {
            let message = format!("The body is JSON of another shape: {error}");
            return Self::new(ErrorKind::Invalid, "invalid_body", message);
        }
        let message = format!("The body is not valid JSON: {error}");
        Self::new(ErrorKind::Malformed, "malformed_json", message)
    }

    /// A body that ended early, or is too large.
    pub(super) fn unread(status: StatusCode) -> Self {
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            let message = "The body is larger than this server takes; send less.";
            return Self::new(ErrorKind::TooLarge, "body_too_large", message);
        }
        let message = "The body can't be read; send it again.";
        Self::new(ErrorKind::Malformed, "unreadable_body", message)
    }

    /// A request of a type that nobody knows.
    pub(super) fn unknown_type() -> Self {
        let message = "There is no request of this `type`.";
        Self::new(ErrorKind::Invalid, "unknown_type", message)
    }

    /// A request about something that this server never sends, or can't do.
    pub(super) fn unsupported() -> Self {
        let message = "This server has no widgets, client tools, structured input or dictation, \
                       so that there is nothing that this request could be about.";
        Self::new(ErrorKind::Invalid, "unsupported_type", message)
    }

    /// A form without a file.
    pub(super) fn no_file() -> Self {
        let message = "Send the file as the part `file` of a multipart/form-data body.";
        Self::new(ErrorKind::Invalid, "missing_file", message)
    }
}

impl From<Error> for ChatKitError {
    fn from(error: Error) -> Self {
        error.log();
        Self {
            retry_after: error.retry_after(),
            ..Self::new(error.kind(), error.code(), error.to_string())
        }
    }
}

impl Dialect for ChatKitError {
    fn schema(schemas: &mut Schemas, _: u16) -> Value {
        schemas.sent::<ErrorBody>()
    }
}

impl IntoResponse for ChatKitError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.kind.http_status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        with_headers((status, Json(self.body)).into_response(), self.retry_after)
    }
}
