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
    let token = bearer(parts)?;
    Ok(state.tokens.verify(token).await?)
}

/// The token of `Authorization: Bearer <token>` (RFC 6750, section 2.1).
fn bearer(parts: &Parts) -> Result<&str, UnverifiedToken> {
    let value = parts.headers.get(AUTHORIZATION);
    let value = value.ok_or(UnverifiedToken::Missing)?.to_str();
    let value = value.map_err(|_| UnverifiedToken::Invalid)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        Ok(token)
    } else {
        Err(UnverifiedToken::Missing)
    }
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
