//! Who asks, from a request's headers.

use std::marker::PhantomData;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header::AUTHORIZATION, request::Parts},
    response::IntoResponse,
};
use proto::api_key::{HEADER, KeyScope, is_api_key};
use service_kit::{
    client_address::ClientAddress,
    openapi::{Carried, Input},
};

use super::{HttpState, documents::CREDENTIALS, publishable};
use crate::{
    app::{
        error::Error,
        ports::{UnverifiedKey, UnverifiedToken},
        verify_api_key::permit,
    },
    domain::principal::Principal,
};

/// The caller of a request, verified, and let in by what the table of routes
/// says of keys. Each surface wraps the rejection in its own dialect. With a
/// publishable key, who shows nothing else is a visitor of the key's page.
pub async fn caller(parts: &Parts, state: &HttpState) -> Result<Principal, Error> {
    let Some(key) = publishable::key_of(parts, state).await? else {
        return named(parts, state).await;
    };
    let caller = match named(parts, state).await {
        Err(Error::Token(UnverifiedToken::Missing)) => Principal::visitor(network(parts)),
        named => named?,
    };
    Ok(caller.asking_with(key.used()))
}

/// Who is named by a token or an API key.
async fn named(parts: &Parts, state: &HttpState) -> Result<Principal, Error> {
    let Some(key) = api_key(&parts.headers)? else {
        return Ok(state.tokens.verify(bearer(&parts.headers)?).await?);
    };
    let scope = parts.extensions.get::<KeyScope>();
    let scope = *scope.ok_or(UnverifiedToken::Missing)?;
    let caller = state.keys.verify(key).await?;
    permit(&caller, scope)?;
    Ok(caller)
}

/// The API key of a request: an `Authorization: Bearer` that looks like one, or
/// else the header `x-api-key`, of which there may be one.
fn api_key(headers: &HeaderMap) -> Result<Option<&str>, UnverifiedKey> {
    if let Ok(token) = bearer(headers) {
        return Ok(is_api_key(token).then_some(token));
    }
    let mut keys = headers.get_all(HEADER).iter();
    match (keys.next(), keys.next()) {
        (None, _) => Ok(None),
        (Some(key), None) => key.to_str().map(Some).map_err(|_| UnverifiedKey::Invalid),
        (Some(_), Some(_)) => Err(UnverifiedKey::Invalid),
    }
}

/// The token of `Authorization: Bearer <token>` (RFC 6750, section 2.1).
/// Where there are two headers, a proxy may have looked at the other one.
fn bearer(headers: &HeaderMap) -> Result<&str, UnverifiedToken> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(UnverifiedToken::Missing)?;
    if values.next().is_some() {
        return Err(UnverifiedToken::Invalid);
    }
    let value = value.to_str();
    let value = value.map_err(|_| UnverifiedToken::Invalid)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        Ok(token)
    } else {
        Err(UnverifiedToken::Missing)
    }
}

/// The caller or, where they have not signed in, a visitor, as far as those are
/// welcome. Credentials that don't hold are refused in any case.
pub async fn caller_or_visitor(parts: &Parts, state: &HttpState) -> Result<Principal, Error> {
    match caller(parts, state).await {
        Err(Error::Token(UnverifiedToken::Missing)) => state.app.visitor(network(parts)),
        other => other,
    }
}

/// The network that a request comes from.
fn network(parts: &Parts) -> String {
    let address = parts.extensions.get::<ClientAddress>();
    address.map_or_else(|| "unknown".to_owned(), |told| told.network())
}

/// The caller, for surfaces whose errors are `E`.
#[derive(Debug)]
pub struct CallerOr<E> {
    /// Who asks.
    pub caller: Principal,
    error: PhantomData<E>,
}

impl<E: From<Error> + IntoResponse> FromRequestParts<HttpState> for CallerOr<E> {
    type Rejection = E;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, E> {
        Ok(Self {
            caller: caller(parts, state).await?,
            error: PhantomData,
        })
    }
}

/// The caller or a visitor, for surfaces whose errors are `E`.
#[derive(Debug)]
pub struct VisitorOr<E> {
    /// Who asks.
    pub caller: Principal,
    error: PhantomData<E>,
}

impl<E: From<Error> + IntoResponse> FromRequestParts<HttpState> for VisitorOr<E> {
    type Rejection = E;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, E> {
        Ok(Self {
            caller: caller_or_visitor(parts, state).await?,
            error: PhantomData,
        })
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

impl Input<()> for Caller {
    fn describe(carried: &mut Carried<'_>, (): &()) {
        carried.credentials(&CREDENTIALS);
        carried.may_fail(&[401, 403, 429]);
    }
}

impl<E> Input<()> for CallerOr<E> {
    fn describe(carried: &mut Carried<'_>, settings: &()) {
        Caller::describe(carried, settings);
    }
}

impl<E> Input<()> for VisitorOr<E> {
    fn describe(carried: &mut Carried<'_>, (): &()) {
        carried.optional_credentials(&CREDENTIALS);
        carried.may_fail(&[401, 403, 429]);
    }
}
