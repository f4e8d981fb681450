//! Errors on the canonical surface: RFC 9457 problem details.

use axum::{
    http::{HeaderValue, header::WWW_AUTHENTICATE},
    response::{IntoResponse, Response},
};
use service_kit::problem::Problem;

use crate::app::{
    error::Error,
    ports::{UnverifiedKey, UnverifiedToken},
};

/// An error of the verbs, or of the request's shape, as a problem.
#[derive(Debug)]
pub enum V1Error {
    /// A verb refused or failed.
    App(Error),
    /// The request has another shape.
    Request(Problem),
}

impl From<Error> for V1Error {
    fn from(error: Error) -> Self {
        Self::App(error)
    }
}

impl From<Problem> for V1Error {
    fn from(problem: Problem) -> Self {
        Self::Request(problem)
    }
}

impl IntoResponse for V1Error {
    fn into_response(self) -> Response {
        match self {
            Self::App(error) => app_response(&error),
            Self::Request(problem) => problem.into_response(),
        }
    }
}

/// The problem that an error is told as. The cause of a fault on our side is
/// logged here, once, and told to nobody.
pub fn problem(error: &Error) -> Problem {
    error.log();
    let problem = Problem::new(error.kind(), error.code(), error.to_string());
    match error.retry_after() {
        Some(seconds) => problem.after(seconds),
        None => problem,
    }
}

fn app_response(error: &Error) -> Response {
    let mut response = problem(error).into_response();
    if let Some(value) = challenge(error).and_then(|value| value.parse().ok()) {
        let value: HeaderValue = value;
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}

/// What is wrong with the credentials (RFC 6750, section 3.1): a request without
/// any gets no error code.
fn challenge(error: &Error) -> Option<String> {
    match error {
        Error::Token(UnverifiedToken::Invalid | UnverifiedToken::Expired)
        | Error::Key(UnverifiedKey::Invalid | UnverifiedKey::Disabled | UnverifiedKey::Expired) => {
            Some("Bearer error=\"invalid_token\"".to_owned())
        }
        Error::MissingScope(scope) => Some(format!(
            "Bearer error=\"insufficient_scope\", scope=\"{}\"",
            scope.as_str()
        )),
        _ => None,
    }
}
