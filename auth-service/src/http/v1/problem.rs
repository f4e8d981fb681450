//! Errors of the canonical surface: problem+json.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use service_kit::{http_layers, problem::Problem};

use crate::app::error::Error;

/// An [`Error`] on its way to a caller of the canonical surface.
#[derive(Debug)]
pub struct V1Error(Error);

impl From<Error> for V1Error {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for V1Error {
    fn into_response(self) -> Response {
        let Self(error) = self;
        error.log();
        let mut response = problem(&error).into_response();
        // RFC 6750, section 3: the header says more only of a token that came.
        if matches!(
            error,
            Error::InvalidToken
                | Error::ExpiredToken
                | Error::InvalidApiKey
                | Error::DisabledApiKey
                | Error::ExpiredApiKey
        ) {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(r#"Bearer error="invalid_token""#),
            );
        }
        response
    }
}

fn problem(error: &Error) -> Problem {
    if let Error::Internal(_) = error {
        return http_layers::internal();
    }
    let problem = Problem::new(error.kind(), error.code(), error.to_string());
    match error.retry_after() {
        Some(seconds) => problem.after(seconds),
        None => problem,
    }
}
