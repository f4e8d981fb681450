//! What this surface says otherwise than others.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::super::fastapi::FastApiError;
use crate::app::error::Error;

/// An error on its way to a client of this surface.
#[derive(Debug)]
pub struct TextbookError(FastApiError);

impl From<Error> for TextbookError {
    fn from(error: Error) -> Self {
        Self(match error {
            Error::InvalidCredentials => {
                FastApiError::new(StatusCode::UNAUTHORIZED, "Incorrect email or password")
            }
            other => other.into(),
        })
    }
}

impl IntoResponse for TextbookError {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}
