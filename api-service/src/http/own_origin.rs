//! The origin under which a client reaches this service.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{header::HOST, request::Parts, uri::Authority},
};

use service_kit::openapi::Input;

/// The origin that the client of a request sees, such as
/// `https://docs.example.com`: the host that it asked, and the scheme that a
/// proxy tells. Both are what the client, or who forwards for it, says; it is
/// told to that client alone.
#[derive(Debug)]
pub struct OwnOrigin(pub String);

impl<S: Send + Sync> FromRequestParts<S> for OwnOrigin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(own_origin(parts)))
    }
}

impl<S> Input<S> for OwnOrigin {}

/// The same, where a request is looked at anyway.
pub fn own_origin(parts: &Parts) -> String {
    let told = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let host = parts.uri.authority().map(Authority::as_str);
    let host = host.or_else(|| told(HOST.as_str()));
    let host = host.and_then(|host| host.parse::<Authority>().ok());
    let scheme = match told("x-forwarded-proto") {
        Some("https") => "https",
        _ => "http",
    };
    let host = host.as_ref().map_or("localhost", Authority::as_str);
    format!("{scheme}://{host}")
}
