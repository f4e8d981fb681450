//! Errors as Better Auth writes them: `message` and `code` at the top of a JSON
//! object. The words are those of the recorded exchanges.

use std::borrow::Cow;

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use serde_json::Value;
use service_kit::openapi::{Dialect, Schemas};

use super::{api_keys, social, wire::ErrorBody};
use crate::{app::error::Error, domain::one_time_token::Purpose};

/// An error on its way to a client of Better Auth.
#[derive(Debug)]
pub struct BetterAuthError {
    status: StatusCode,
    code: Option<Cow<'static, str>>,
    message: Cow<'static, str>,
    retry_after: Option<u64>,
}

impl BetterAuthError {
    /// A refusal with this status, code and sentence.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code: Some(code.into()),
            message: message.into(),
            retry_after: None,
        }
    }

    /// A refusal that has a sentence alone.
    fn uncoded(status: StatusCode, error: &Error, message: &'static str) -> Self {
        Self {
            code: None,
            retry_after: error.retry_after(),
            ..Self::new(status, "", message)
        }
    }

    /// What is said of a body whose fields break rules.
    pub fn invalid(problems: &[String]) -> Self {
        let message = problems.join("; ");
        Self::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message)
    }

    /// The code, for a page that the browser is sent to; fails where it is no
    /// fault of the request.
    pub fn redirectable(self) -> Result<Cow<'static, str>, Self> {
        match self.code {
            Some(code) if self.status.is_client_error() => Ok(code),
            _ => Err(self),
        }
    }

    /// An error of the core that Better Auth has no words for: its own code in
    /// Better Auth's spelling, and its own sentence.
    fn translated(error: &Error) -> Self {
        // Better Auth answers 400 where our own surface answers 422.
        let status = match StatusCode::from_u16(error.kind().http_status()) {
            Ok(StatusCode::UNPROCESSABLE_ENTITY) => StatusCode::BAD_REQUEST,
            Ok(status) => status,
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self {
            status,
            code: Some(error.code().to_ascii_uppercase().into()),
            message: error.to_string().into(),
            retry_after: error.retry_after(),
        }
    }
}

impl From<Error> for BetterAuthError {
    fn from(error: Error) -> Self {
        error.log();
        let (status, code, message) = match &error {
            Error::InvalidEmail => (400, "INVALID_EMAIL", "Invalid email"),
            Error::PasswordTooShort(_) => (400, "PASSWORD_TOO_SHORT", "Password too short"),
            Error::PasswordTooLong => (400, "PASSWORD_TOO_LONG", "Password too long"),
            // Better Auth's code where its plugin against known passwords is on.
            Error::PasswordTooCommon => (
                400,
                "PASSWORD_COMPROMISED",
                "This password is one of the most common ones; choose another.",
            ),
            Error::EmailTaken => (
                422,
                "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL",
                "User already exists. Use another email.",
            ),
            Error::InvalidCredentials => (
                401,
                "INVALID_EMAIL_OR_PASSWORD",
                "Invalid email or password",
            ),
            Error::InvalidPassword => (400, "INVALID_PASSWORD", "Invalid password"),
            Error::EmailNotVerified => (403, "EMAIL_NOT_VERIFIED", "Email not verified"),
            Error::InvalidLink => (401, "INVALID_TOKEN", "Invalid token"),
            Error::ExpiredLink => (401, "TOKEN_EXPIRED", "Token expired"),
            Error::ForeignLink => (401, "INVALID_USER", "Invalid user"),
            Error::EmailMismatch => (400, "EMAIL_MISMATCH", "Email mismatch"),
            Error::EmailAlreadyVerified => {
                (400, "EMAIL_ALREADY_VERIFIED", "Email is already verified")
            }
            Error::MailOff(Purpose::PasswordReset) => (
                400,
                "RESET_PASSWORD_DISABLED",
                "Reset password isn't enabled",
            ),
            Error::MailOff(Purpose::EmailVerification) => (
                400,
                "VERIFICATION_EMAIL_NOT_ENABLED",
                "Verification email isn't enabled",
            ),
            Error::SessionNotFresh => (403, "SESSION_NOT_FRESH", "Session is not fresh"),
            Error::MissingToken | Error::InvalidToken | Error::ExpiredToken => {
                (401, "UNAUTHORIZED", "Unauthorized")
            }
            Error::Internal(_) => (500, "INTERNAL_SERVER_ERROR", "Internal Server Error"),
            Error::MailOff(_) => {
                let message = "Verification email isn't enabled";
                return Self::uncoded(StatusCode::BAD_REQUEST, &error, message);
            }
            Error::SameEmail => {
                return Self::uncoded(StatusCode::BAD_REQUEST, &error, "Email is the same");
            }
            Error::NothingToChange => {
                return Self::uncoded(StatusCode::BAD_REQUEST, &error, "No fields to update");
            }
            Error::TooManyRequests(_) => {
                let message = "Too many requests. Please try again later.";
                return Self::uncoded(StatusCode::TOO_MANY_REQUESTS, &error, message);
            }
            Error::Social(refusal) => match social::words(*refusal) {
                Some(words) => words,
                None => return Self::translated(&error),
            },
            other => match api_keys::words(other) {
                Some(words) => words,
                None => return Self::translated(other),
            },
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, code, message)
    }
}

impl Dialect for BetterAuthError {
    fn schema(schemas: &mut Schemas, _: u16) -> Value {
        schemas.sent::<ErrorBody>()
    }
}

impl IntoResponse for BetterAuthError {
    fn into_response(self) -> Response {
        let body = Json(ErrorBody {
            message: self.message,
            code: self.code,
        });
        let wait = self
            .retry_after
            .map(|seconds| [(header::RETRY_AFTER, seconds.to_string())]);
        (self.status, wait, body).into_response()
    }
}
