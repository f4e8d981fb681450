//! What surfaces whose origin was made with FastAPI say of this service's
//! errors. The dialect itself is [`service_kit::fastapi`]; each surface adds
//! words of its own in its `error.rs`.

use std::sync::Arc;

use axum::{
    Router,
    http::{StatusCode, header},
    routing::any,
};
pub use service_kit::fastapi::{Body, FastApiError, Fields, Form, FromFields, Named, Query};
use service_kit::openapi::Operation;

use super::{Route, Surface};
use crate::{
    app::{App, error::Error},
    domain::account_change::Edit,
};

/// What the document says of a route of the surface `tag`.
pub(super) fn told(tag: &'static str, summary: &'static str) -> Operation<App> {
    Operation::new::<FastApiError>(tag, summary)
}

/// Answers that hold a token or a person's data stay out of every cache.
pub(super) const NO_STORE: [(header::HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// A text that may be missing, or null to have it taken away.
pub(super) fn edit(fields: &mut Fields, name: &str) -> Edit<String> {
    match fields.nullable_text(name) {
        None => Edit::Keep,
        Some(None) => Edit::Clear,
        Some(Some(text)) => Edit::Put(text),
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
                return Self::new(status.unwrap_or_default(), other.to_string())
                    .after(other.retry_after());
            }
        };
        Self::new(status, words)
    }
}

/// These routes, and what FastAPI says of paths and methods that it lacks.
pub(super) fn surface(routes: impl Iterator<Item = Route>) -> Surface {
    Surface {
        layers: layered,
        ..Surface::new(routes)
    }
}

fn layered(routes: Router<Arc<App>>, _: &Arc<App>) -> Router<Arc<App>> {
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
