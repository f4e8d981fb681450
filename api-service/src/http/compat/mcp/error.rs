//! Refusals before a message is looked at: a status, and JSON-RPC's error
//! without an id. Credentials are asked for as the protocol's authorisation says
//! (RFC 9728, section 5.1).

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use proto::error_kind::ErrorKind;
use rmcp::ErrorData;
use serde_json::Value;
use service_kit::openapi::{Dialect, Schemas};

use super::{METADATA, wire::ErrorBody};
use crate::app::{
    error::Error,
    ports::{UnverifiedKey, UnverifiedToken},
};

/// A refusal on its way to an agent.
#[derive(Debug)]
pub(super) struct Refusal {
    kind: ErrorKind,
    body: ErrorBody,
    challenge: Option<String>,
    retry_after: Option<u64>,
}

impl Refusal {
    fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            body: ErrorBody::new(code, message.into()),
            challenge: None,
            retry_after: None,
        }
    }

    /// Who asks may not, at the service that is reached at `origin`.
    pub(super) fn of_caller(error: &Error, origin: &str) -> Self {
        error.log();
        let metadata = format!("resource_metadata=\"{origin}{METADATA}\"");
        let challenge = match error {
            Error::Token(UnverifiedToken::Invalid | UnverifiedToken::Expired)
            | Error::Key(
                UnverifiedKey::Invalid | UnverifiedKey::Disabled | UnverifiedKey::Expired,
            ) => Some(format!("Bearer error=\"invalid_token\", {metadata}")),
            Error::MissingScope(scope) => Some(format!(
                "Bearer error=\"insufficient_scope\", scope=\"{}\", {metadata}",
                scope.as_str()
            )),
            error if error.kind() == ErrorKind::Unauthenticated => {
                Some(format!("Bearer {metadata}"))
            }
            _ => None,
        };
        Self {
            challenge,
            retry_after: error.retry_after(),
            ..Self::new(error.kind(), error.code(), error.to_string())
        }
    }

    /// A page asks that is not listed.
    pub(super) fn foreign_page() -> Self {
        let message = "Pages of this origin may not ask; have it added to ALLOWED_ORIGINS.";
        Self::new(ErrorKind::Forbidden, "origin_not_allowed", message)
    }

    /// A body that is no message of this protocol.
    pub(super) fn unreadable(error: &serde_json::Error) -> Self {
        if error.is_data() {
            let message = "The body is no message of this protocol.";
            return Self::new(ErrorKind::Malformed, "invalid_message", message);
        }
        let (code, message) = ("malformed_json", "The body is not valid JSON.");
        Self {
            body: ErrorBody::unparsed(code, message.to_owned()),
            ..Self::new(ErrorKind::Malformed, code, message)
        }
    }

    /// A message that is too large, or did not come as a whole.
    pub(super) fn too_large() -> Self {
        let message = "The message is larger than this server takes; send less.";
        Self::new(ErrorKind::TooLarge, "body_too_large", message)
    }
}

impl Dialect for Refusal {
    fn schema(schemas: &mut Schemas, _: u16) -> Value {
        schemas.sent::<ErrorBody>()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.kind.http_status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.body)).into_response();
        let headers = response.headers_mut();
        let challenge = self.challenge.and_then(|text| text.parse().ok());
        if let Some(challenge) = challenge {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What is said of a message that can't be answered. Where a tool runs and
/// fails, its result says so instead.
pub(super) fn told(error: &Error) -> ErrorData {
    error.log();
    let message = error.to_string();
    match error.kind() {
        ErrorKind::NotFound => ErrorData::resource_not_found(message, None),
        ErrorKind::Invalid => ErrorData::invalid_params(message, None),
        kind if kind.is_server_fault() => ErrorData::internal_error(message, None),
        _ => ErrorData::invalid_request(message, None),
    }
}
