//! What requests on every surface carry.

use std::{marker::PhantomData, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
    response::IntoResponse,
};

use proto::api_key::{HEADER, is_api_key};
use service_kit::{
    client_address::ClientAddress,
    openapi::{Carried, Input},
};

use crate::{
    app::{App, client::Client, error::Error, manage_accounts::Administrator, sessions::Current},
    domain::user::User,
};

use super::documents::ACCESS_TOKEN;

/// The account whose access token the request carries. `E` is how the surface
/// says that there is none.
pub struct CurrentUser<E> {
    /// The account and the token's session, as they are now.
    pub current: Current,
    surface: PhantomData<E>,
}

/// The administrator whose access token the request carries. `E` is how the
/// surface says that there is none.
pub struct AdminCaller<E> {
    /// What proves it to the use cases.
    pub admin: Administrator,
    surface: PhantomData<E>,
}

/// The account for which the request acts, by its access token or by an API
/// key. For what a key may do; all else takes a [`CurrentUser`].
pub struct Identified<E> {
    /// The account, as it is now.
    pub user: User,
    surface: PhantomData<E>,
}

/// Where the request comes from.
pub struct Caller(pub Client);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let user_agent = parts.headers.get(header::USER_AGENT);
        let user_agent = user_agent.and_then(|value| value.to_str().ok());
        let address = parts.extensions.get::<ClientAddress>();
        let ip = address.map(|ClientAddress(ip)| ip.to_string());
        Ok(Self(Client::new(ip, user_agent)))
    }
}

impl<S> Input<S> for Caller {}

impl<S, E> Input<S> for CurrentUser<E> {
    fn describe(carried: &mut Carried<'_>, _: &S) {
        carried.credentials(&ACCESS_TOKEN);
        carried.may_fail(&[401]);
    }
}

impl<S, E> Input<S> for AdminCaller<E> {
    fn describe(carried: &mut Carried<'_>, _: &S) {
        carried.credentials(&ACCESS_TOKEN);
        carried.may_fail(&[401, 403]);
    }
}

impl<S, E> Input<S> for Identified<E> {
    fn describe(carried: &mut Carried<'_>, _: &S) {
        carried.credentials(&[ACCESS_TOKEN.as_slice(), &["apiKey"]].concat());
        carried.may_fail(&[401, 403, 429]);
    }
}

impl<E: From<Error> + IntoResponse> FromRequestParts<Arc<App>> for CurrentUser<E> {
    type Rejection = E;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, E> {
        let token = bearer(&parts.headers)?;
        let current = app.owner_of(token).await?;
        Ok(Self {
            current,
            surface: PhantomData,
        })
    }
}

impl<E: From<Error> + IntoResponse> FromRequestParts<Arc<App>> for AdminCaller<E> {
    type Rejection = E;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, E> {
        let CurrentUser { current, .. } = CurrentUser::<E>::from_request_parts(parts, app).await?;
        let Ok(Caller(client)) = Caller::from_request_parts(parts, app).await;
        Ok(Self {
            admin: Administrator::of(&current, client)?,
            surface: PhantomData,
        })
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750, section 2.1).
/// Where there are two headers, a proxy may have looked at the other one.
fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Error::MissingToken)?;
    if values.next().is_some() {
        return Err(Error::InvalidToken);
    }
    let value = value.to_str().map_err(|_| Error::InvalidToken)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
        return Err(Error::MissingToken);
    }
    Ok(token.trim())
}

impl<E: From<Error> + IntoResponse> FromRequestParts<Arc<App>> for Identified<E> {
    type Rejection = E;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, E> {
        let user = match api_key(&parts.headers)? {
            Some(key) => app.verify_api_key(key, 0).await?.owner,
            None => app.owner_of(bearer(&parts.headers)?).await?.user,
        };
        Ok(Self {
            user,
            surface: PhantomData,
        })
    }
}

/// The API key of a request: an `Authorization: Bearer` that looks like one, or
/// else the header `x-api-key`, of which there may be one.
pub fn api_key(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    if let Ok(token) = bearer(headers) {
        return Ok(is_api_key(token).then_some(token));
    }
    let mut keys = headers.get_all(HEADER).iter();
    match (keys.next(), keys.next()) {
        (None, _) => Ok(None),
        (Some(key), None) => key.to_str().map(Some).map_err(|_| Error::InvalidApiKey),
        (Some(_), Some(_)) => Err(Error::InvalidApiKey),
    }
}
