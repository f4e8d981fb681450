//! What this surface says otherwise than others (its document, "Authentication Endpoints").

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::super::fastapi::FastApiError;
use crate::app::error::Error;

/// An error on its way to a client of this surface.
#[derive(Debug)]
pub struct MultiUserError(FastApiError);

impl From<Error> for MultiUserError {
    fn from(error: Error) -> Self {
        Self(match error {
            Error::InvalidCredentials => {
                FastApiError::new(StatusCode::UNAUTHORIZED, "Incorrect username or password")
            }
            Error::InvalidName => FastApiError::refused(&["body", "full_name"], &error),
            other => other.into(),
        })
    }
}

impl IntoResponse for MultiUserError {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}
