//! The limits on how often a route is asked, and the headers that tell of them.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::extract::Caller;
use crate::{
    app::{App, error::Error, throttling::Allowance},
    domain::throttling::RateClass,
};

/// Better Auth's own name for `Retry-After` (protocol notes, 1.6).
const X_RETRY_AFTER: HeaderName = HeaderName::from_static("x-retry-after");

/// What a route is limited by, and how its surface says no.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    class: RateClass,
    refuse: fn(Error) -> Response,
}

impl Limit {
    /// Limits a route by its class; `E` is how its surface says no.
    pub(super) fn new<E: From<Error> + IntoResponse>(class: RateClass) -> Self {
        Self {
            class,
            refuse: |error| E::from(error).into_response(),
        }
    }
}

/// A middleware that counts a request before anything of its body is read.
pub(super) async fn count(
    State((app, limit)): State<(Arc<App>, Limit)>,
    Caller(client): Caller,
    request: Request,
    next: Next,
) -> Response {
    let allowance = match app.count_request(limit.class, &client).await {
        Ok(allowance) => allowance,
        Err(error) => return (limit.refuse)(error),
    };
    let refused = allowance.and_then(|allowance| allowance.retry_after);
    let mut response = match refused {
        Some(seconds) => (limit.refuse)(Error::TooManyRequests(seconds)),
        None => next.run(request).await,
    };
    let refused = response.status() == StatusCode::TOO_MANY_REQUESTS;
    let headers = response.headers_mut();
    if let Some(allowance) = allowance {
        tell(headers, limit.class, allowance);
    }
    if let Some(seconds) = headers.get(header::RETRY_AFTER).cloned()
        && refused
    {
        headers.insert(X_RETRY_AFTER, seconds);
    }
    response
}

/// The fields of the IETF's draft-ietf-httpapi-ratelimit-headers: `RateLimit`
/// and `RateLimit-Policy` as in its present text (10), and beside them the
/// three that it had up to 06, which most clients still read.
fn tell(headers: &mut HeaderMap, class: RateClass, allowance: Allowance) {
    let Allowance {
        limit,
        window,
        remaining,
        reset,
        ..
    } = allowance;
    let class = class.as_str();
    let fields = [
        (
            "ratelimit-policy",
            format!("\"{class}\";q={limit};w={window}"),
        ),
        ("ratelimit", format!("\"{class}\";r={remaining};t={reset}")),
        ("ratelimit-limit", limit.to_string()),
        ("ratelimit-remaining", remaining.to_string()),
        ("ratelimit-reset", reset.to_string()),
    ];
    for (name, text) in fields {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}
