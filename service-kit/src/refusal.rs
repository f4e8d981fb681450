//! What the headers of a refusal say, in whatever words its body says it.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

/// Adds that a bearer token is missing, where it is (RFC 6750, section 3), and
/// after how many seconds the same request may succeed.
pub fn with_headers(mut response: Response, retry_after: Option<u64>) -> Response {
    let unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    if unauthorized {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
