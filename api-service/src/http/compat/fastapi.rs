//! What surfaces whose origin was made with FastAPI say of this service's
//! errors. The dialect itself is [`service_kit::fastapi`].

use axum::http::StatusCode;
pub(super) use service_kit::fastapi::{Body, FastApiError, Fields, FromFields, Named, Query};

use crate::{
    app::{
        error::Error,
        ports::{UnverifiedKey, UnverifiedToken},
    },
    domain::question::{InvalidQuestion, Question},
    http::{
        Operation,
        extract::{CallerOr, VisitorOr},
    },
};

/// What the document says of a route of the surface `tag`.
pub(super) fn told(tag: &'static str, summary: &'static str) -> Operation {
    Operation::new::<FastApiError>(tag, summary)
}

/// The caller.
pub(super) type Caller = CallerOr<FastApiError>;

/// The caller or, where they have not signed in, a visitor.
pub(super) type Visitor = VisitorOr<FastApiError>;

impl From<Error> for FastApiError {
    fn from(error: Error) -> Self {
        error.log();
        let words = match &error {
            Error::Token(UnverifiedToken::Missing) => "Not authenticated".to_owned(),
            Error::Token(UnverifiedToken::Invalid | UnverifiedToken::Expired)
            | Error::Key(
                UnverifiedKey::Invalid | UnverifiedKey::Disabled | UnverifiedKey::Expired,
            ) => "Could not validate credentials".to_owned(),
            other => other.to_string(),
        };
        let status = StatusCode::from_u16(error.kind().http_status());
        Self::new(status.unwrap_or_default(), words).after(error.retry_after())
    }
}

/// A question, which is the field `name` of a body. An empty or over-long one is
/// a fault of that field.
pub(super) fn question(fields: &mut Fields, name: &str) -> String {
    let question = fields.text(name);
    let refused = Question::new(&question).err();
    // What is missing or no text has its fault already.
    match refused.filter(|_| fields.is_text(name)) {
        Some(InvalidQuestion::Empty) => {
            let message = "String should have at least 1 character";
            fields.fault(name, "string_too_short", message);
        }
        Some(InvalidQuestion::TooLong) => {
            let message = "String should have at most 8000 characters";
            fields.fault(name, "string_too_long", message);
        }
        None => {}
    }
    question
}
