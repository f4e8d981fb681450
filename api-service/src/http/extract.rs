//! Who asks, from a request's headers.

use axum::{
    extract::FromRequestParts,
    http::{header::AUTHORIZATION, request::Parts},
};

use super::HttpState;
use crate::{
    app::{error::Error, ports::UnverifiedToken},
    domain::principal::Principal,
};

/// The caller of a request, verified. Each surface wraps the rejection in its
/// own dialect.
pub async fn caller(parts: &Parts, state: &HttpState) -> Result<Principal, Error> {
    let token = bearer(parts).ok_or(UnverifiedToken::Missing)?;
    Ok(state.tokens.verify(token).await?)
}

/// The token of `Authorization: Bearer <token>` (RFC 6750, section 2.1).
fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The caller, for surfaces whose errors are problem details.
#[derive(Debug)]
pub struct Caller(pub Principal);

impl FromRequestParts<HttpState> for Caller {
    type Rejection = super::v1::problem::V1Error;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &HttpState,
    ) -> Result<Self, Self::Rejection> {
        Ok(Self(caller(parts, state).await?))
    }
}
